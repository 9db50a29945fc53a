"""All logs at once: their last lines, the one that is chosen, and never more files than are in view."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import on
from textual.app import App, ComposeResult

from lrdash.monitor.snapshot import LogPaths, Snapshot
from lrdash.ui.logs.wall import LogWall
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows
from tests.ui.screens import until as screens_until
from tests.ui.test_log_pane import screen, seen, until


class WallApp(App[int]):
    def __init__(self, logs: list[tuple[str, LogPaths]]) -> None:
        super().__init__()
        self.logs, self.wall = logs, LogWall()

    def compose(self) -> ComposeResult:
        yield self.wall

    def on_mount(self) -> None:
        self.wall.show(self.logs)
        self.wall.focus()

    @on(LogWall.Opened)
    def leave(self, event: LogWall.Opened) -> None:
        self.exit(event.position)


def write_logs(folder: Path, count: int) -> list[tuple[str, LogPaths]]:
    logs = []
    for number in range(count):
        for stream in ("out", "err"):
            (folder / f"{number}.{stream}").write_text(f"first\n{stream} {number} [b]last[/b]\n")
        paths = LogPaths(out=str(folder / f"{number}.out"), err=str(folder / f"{number}.err"))
        logs.append((f"run {number}", paths))
    return logs


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (20, 5)])
async def test_last_lines_of_six_runs(tmp_path: Path, size: tuple[int, int]) -> None:
    app = WallApp(write_logs(tmp_path, 6))
    shown = 6 if size[1] > 20 else 1
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: all(seen(app, rf"out {number} \[b\]last") for number in range(shown)))
        await pilot.press("o")
        await until(pilot, lambda: all(seen(app, rf"err {number} \[b\]last") for number in range(shown)))
        with (tmp_path / "0.err").open("a") as file:
            file.write("one more\n")
        await until(pilot, lambda: seen(app, "one more"))


async def test_one_is_chosen_and_opened(tmp_path: Path) -> None:
    app = WallApp(write_logs(tmp_path, 6))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "j", "k", "j", "enter")
        await pilot.pause()
    assert app.return_value == 2


async def test_many_logs_of_which_only_those_in_view_are_open(tmp_path: Path) -> None:
    app = WallApp(write_logs(tmp_path, 200))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: seen(app, "out 5 "))
        await pilot.press(*["j"] * 40)
        await until(pilot, lambda: seen(app, "out 40 ") and not seen(app, "out 5 "))
        await until(pilot, lambda: len(app.wall._logs) <= 7)


async def test_the_wall_is_full_after_it_has_grown(tmp_path: Path) -> None:
    app = WallApp(write_logs(tmp_path, 6))
    async with app.run_test(size=(80, 8)) as pilot:
        await pilot.press(*["j"] * 5)
        await until(pilot, lambda: seen(app, "out 5 ") and not seen(app, "out 0 "))
        await pilot.resize_terminal(200, 50)
        await until(pilot, lambda: all(seen(app, f"out {number} ") for number in range(6)))


async def test_runs_that_start_or_are_requeued_while_the_wall_is_open(tmp_path: Path) -> None:
    for name in ("old", "new", "started"):
        (tmp_path / name).write_text(f"the {name} log\n")
    app = fakes.make_app(with_logs(str(tmp_path / "old"), None))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("W", "down")
        await shows(pilot, "the old log")
        assert "not started" in screen_text(app)
        app.main.snapshot = with_logs(str(tmp_path / "new"), str(tmp_path / "started"))
        await shows(pilot, "the new log")
        await shows(pilot, "the started log")
        assert "the old log" not in screen_text(app)
        await pilot.press("enter")
        await screens_until(pilot, lambda: (app.main.tab, app.main.selected) == ("Log", "text:1"))


def with_logs(*paths: str | None) -> Snapshot:
    runs = [
        fakes.run(f"text:{at}", state="RUNNING", logs=LogPaths(out=path)) for at, path in enumerate(paths)
    ]
    return fakes.copy(fakes.half_way(), runs=tuple(runs))


async def test_a_run_without_a_log_and_one_that_is_none(tmp_path: Path) -> None:
    app = WallApp(
        [("a", LogPaths()), ("b", LogPaths(out=str(tmp_path))), ("c", LogPaths(out=str(tmp_path / "no")))]
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: seen(app, "not started") and seen(app, "a directory") and seen(app, "no such file")
        )
        assert len(screen(app)) == 24
