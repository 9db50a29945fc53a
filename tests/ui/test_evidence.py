"""From a check or a diagnosis to the very line of the log that it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from lrdash.monitor.snapshot import Check, Diagnosis, Evidence, RunStatus, Snapshot
from lrdash.ui.app import LrdashApp
from lrdash.ui.logs.pane import LogPane
from lrdash.ui.widgets.lines import Lines
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows, until

LINES = 500
CAUSE, PROOF = 118, 41


def with_logs(folder: Path) -> Snapshot:
    """Every run with logs: vision:0 failed at a line of stderr, a check of text:1 at one of stdout."""
    snapshot = fakes.half_way(folder)
    for job in ("4815201", "4815202"):
        for index in range(3):
            for stream in ("out", "err"):
                text = "".join(f"{stream} line {number}\n" for number in range(1, LINES + 1))
                (folder / f"{job}_{index}.{stream}").write_text(text)

    def changed(run: RunStatus) -> RunStatus:
        proof = Evidence(run.logs.out, PROOF, "[INFO] Using custom …")
        verdict: Any = "WRONG_VALUE" if run.key == "text:1" else "PASS"
        checks = (
            Check("epochs", verdict, evidence=Evidence("all_results.json")),
            Check("optimizer", verdict, evidence=proof),
        )
        cause = Diagnosis("cuda_out_of_memory", Evidence(run.logs.err, CAUSE, "CUDA out of memory"), "less")
        return msgspec.structs.replace(run, checks=checks, diagnosis=cause if run.key == "vision:0" else None)

    return fakes.copy(snapshot, runs=tuple(map(changed, snapshot.runs)))


async def marked(pilot: Pilot[Any], stream: str, number: int) -> None:
    """Wait until the Log view shows this line of this stream, and has marked it."""
    app: Any = pilot.app
    await until(pilot, lambda: app.main.tab == "Log" and app.main.query("#full-log"))
    await shows(pilot, f"{stream} line {number}")
    view = app.main.query_one("#full-log", LogPane).view
    row = next(row for row in view.page.rows if row.text.plain == f"{stream} line {number}")
    await until(pilot, lambda: view.current == row.line.start)
    assert not view.following


@pytest.fixture
def app(tmp_path: Path) -> LrdashApp:
    return fakes.make_app(with_logs(tmp_path))


@pytest.mark.parametrize(
    ("key", "stream", "number"),
    [("text:1", "out", PROOF), ("vision:0", "err", CAUSE), ("text:0", "out", LINES)],
)
async def test_enter_on_a_run_opens_its_log_where_it_went_wrong(
    app: LrdashApp, key: str, stream: str, number: int
) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.selected, app.main.tab = key, "Checks"
        await shows(pilot, "evidence")
        await pilot.press("enter")
        if number == LINES:
            await shows(pilot, f"{stream} line {number}")
        else:
            await marked(pilot, stream, number)


async def test_enter_on_a_line_of_the_evidence_opens_the_log_there_again_and_again(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.selected, app.main.tab = "vision:0", "Checks"
        await shows(pilot, f".out:{PROOF}")
        for _ in range(2):
            app.main.query_one("#check-evidence").focus()
            await pilot.press("down", "enter")
            await marked(pilot, "out", PROOF)
            await pilot.press("G")
            await shows(pilot, f"out line {LINES}")
            app.main.tab = "Checks"
            await shows(pilot, "evidence")


@pytest.mark.parametrize(("there", "back"), [("down", "up"), ("pagedown", "pageup")])
async def test_all_of_a_long_traceback_can_be_read_with_the_keyboard(
    tmp_path: Path, there: str, back: str
) -> None:
    snapshot = with_logs(tmp_path)
    told = Evidence(str(tmp_path / "4815202_0.err"), CAUSE, "File engine.py, line 12, in step " * 120)
    cause = Diagnosis("cuda_out_of_memory", told, "less")
    runs = tuple(
        msgspec.structs.replace(run, diagnosis=cause) if run.diagnosis else run for run in snapshot.runs
    )
    app = fakes.make_app(fakes.copy(snapshot, runs=runs))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.selected, app.main.tab = "vision:0", "Checks"
        await shows(pilot, "engine.py")
        page = app.main.query_one("#check-evidence", Lines)
        page.focus()
        for key in (there, back):
            read: set[int] = set()
            lines = set(range(len(page.lines)))
            for _ in range(len(lines) + 5):
                read.update(range(page.scroll_offset.y, page.scroll_offset.y + page.size.height))
                if read >= lines:
                    break
                await pilot.press(key)
            assert read >= lines


async def test_what_stands_in_no_log_cannot_be_opened_in_it(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.tab = "Checks"
        await shows(pilot, "all_results.json")
        evidence = app.main.query_one("#check-evidence", Lines)
        assert [one.key for one in evidence.lines if one.key] == ["optimizer"]


@pytest.mark.parametrize("tab", ["Home", "Log"])
async def test_what_needs_attention_opens_the_log_at_its_cause(app: LrdashApp, tab: str) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.tab = tab
        await until(pilot, lambda: app.main.view is not None)
        await pilot.press("a")
        await shows(pilot, "CUDA out of memory: less")
        page = app.screen.query_one(Lines)
        page.cursor = next(one.key for one in page.lines if "vision:0" in one.key)
        await pilot.press("enter")
        await marked(pilot, "err", CAUSE)


async def test_a_line_that_is_gone_is_told(app: LrdashApp, tmp_path: Path) -> None:
    (tmp_path / "4815201_1.out").write_text("a new beginning\n")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.selected, app.main.tab = "text:1", "Checks"
        await shows(pilot, "evidence")
        await pilot.press("enter")
        await until(
            pilot, lambda: "no such line any more" in "".join(one.message for one in app._notifications)
        )
        assert "a new beginning" in screen_text(app)
