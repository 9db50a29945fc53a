"""All logs at once: their last lines, the one that is chosen, and never more files than are in view."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import on
from textual.app import App, ComposeResult

from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.logs.wall import LogWall
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


async def test_a_run_without_a_log_and_one_that_is_none(tmp_path: Path) -> None:
    app = WallApp(
        [("a", LogPaths()), ("b", LogPaths(out=str(tmp_path))), ("c", LogPaths(out=str(tmp_path / "no")))]
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: seen(app, "not started") and seen(app, "a directory") and seen(app, "no such file")
        )
        assert len(screen(app)) == 24
