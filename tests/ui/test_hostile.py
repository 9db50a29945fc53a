"""Text from outside, wherever it comes from and wherever it is shown, is shown and never obeyed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from lrdash.monitor.snapshot import LogPaths, RunStatus, Snapshot, Source, Sources
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows, until

MARKUP = "[bold red]x[/] a[/b] [@click=app.quit]q[/] $error [link=file:///etc/passwd]"
ESCAPES = "\x1b]0;title\x07 \x1b]52;c;aGk=\x07 \x1b[2J \x1b[9;9H \x1b[?1000h\x1b[?1049h \x9b1m\x00\x08\r"
HOSTILE = f"{MARKUP} {ESCAPES}\nsecond é中文\u202e"


def hostile_run(key: str, logs: Path, **facts: Any) -> RunStatus:
    """Every text of it is hostile."""
    check = fakes.Check("optimizer", "WRONG_VALUE", HOSTILE, HOSTILE, fakes.Evidence(HOSTILE, 1, HOSTILE))
    everything = {
        "run": HOSTILE, "label": HOSTILE, "task": HOSTILE, "reason": HOSTILE, "reason_in_words": HOSTILE,
        "expected_start": HOSTILE, "exit_code": HOSTILE, "nodes": HOSTILE, "checks": (check,),
        "diagnosis": fakes.Diagnosis("unknown", fakes.Evidence(HOSTILE, 1, HOSTILE), HOSTILE, HOSTILE),
        "logs": LogPaths(str(logs / "[b]out[)c]"), str(logs / "err")),
    }  # fmt: skip
    return fakes.run(key, **(everything | facts))


def hostile_sweep(logs: Path) -> Snapshot:
    (logs / "[b]out[)c]").write_bytes(f"{HOSTILE}\n".encode() + b"\xe4\xb8 cut\nthe end\n")
    runs = (
        hostile_run("text:0", logs, state="RUNNING"),
        hostile_run("text:1", logs, state="PENDING", diagnosis=None),
        hostile_run("vision:0", logs, state="FAILED"),
        hostile_run("vision:1", logs, state=HOSTILE),
        fakes.run("vision:2", state="RUNNING", label="n" * 200, run="r" * 200),
    )
    queue = Source("unavailable", 99.0, HOSTILE)
    return fakes.copy(fakes.half_way(), sweep=HOSTILE, runs=runs, sources=Sources(queue=queue))


OPEN = ("l", "]", "]", "]", "enter", "escape", "a", "escape", "x", "escape", "y", "escape", "W", "escape")


@pytest.mark.parametrize(
    ("selected", "size"),
    [("text:0", (120, 40)), ("text:1", (80, 24)), ("vision:0", (20, 5)), ("vision:1", (120, 40))],
)
async def test_text_from_outside_is_shown_and_never_obeyed(
    tmp_path: Path, selected: str, size: tuple[int, int]
) -> None:
    app = fakes.make_app(hostile_sweep(tmp_path))
    async with app.run_test(size=size, notifications=True) as pilot:
        await opened(pilot)
        app.main.selected = selected
        for key in OPEN:
            await pilot.press(key)
            await pilot.pause()
            rows = screen_text(app).split("\n")
            assert all(character.isprintable() for row in rows for character in row), key
            assert len(rows) == size[1]
        assert app.is_running


async def test_markup_in_titles_and_names_is_text(tmp_path: Path) -> None:
    app = fakes.make_app(hostile_sweep(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await shows(pilot, MARKUP[:24])
        await pilot.press("[")
        await shows(pilot, f"evidence · {MARKUP[:60]}")
        await pilot.press("escape", "enter")
        await shows(pilot, MARKUP)  # in the log
        await pilot.press("W")
        await shows(pilot, "the end")


async def test_a_log_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "4815201_0.out").write_text("secret\n")
    really_open = os.open

    def refuse_logs(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).endswith(".out"):  # root, who runs tests in containers, may read everything
            raise PermissionError(errno.EACCES, "Permission denied")
        return really_open(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse_logs)
    app = fakes.make_app(fakes.half_way(tmp_path))
    async with app.run_test(size=(160, 40)) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await shows(pilot, "permission denied")
        await pilot.press("W")
        await until(pilot, lambda: screen_text(app).count("permission denied") == 1)
        assert "secret" not in screen_text(app)
