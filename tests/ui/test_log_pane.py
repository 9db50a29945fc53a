"""The log pane, driven as a user drives it, on real files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.logs.pane import LogPane, Stream
from lrdash.ui.logs.view import LogView

Driver = Pilot[None]


class PaneApp(App[None]):
    def __init__(self, paths: LogPaths, stream: Stream = "out") -> None:
        super().__init__()
        self.pane, self.paths, self.stream = LogPane(), paths, stream

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.show(self.paths, self.stream, "text 2")
        self.view.focus()

    @property
    def view(self) -> LogView:
        return self.pane.views["err" if self.stream == "err" else "out"]


@asynccontextmanager
async def shown(
    out: Path | None, err: Path | None = None, stream: Stream = "out", size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[PaneApp, Driver]]:
    paths = LogPaths(out=str(out) if out else None, err=str(err) if err else None)
    app = PaneApp(paths, stream)
    async with app.run_test(size=size) as pilot:
        yield app, pilot


def screen(app: App[None]) -> list[str]:
    """What is on the screen, a string a row."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


async def until(pilot: Driver, condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Let the app work until the condition holds."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await pilot.pause(0.02)
    pytest.fail("not seen:\n" + "\n".join(screen(pilot.app)))


def seen(app: App[None], pattern: str) -> bool:
    return any(re.search(pattern, row) for row in screen(app))


def numbered(count: int, first: int = 0) -> str:
    return "".join(f"line {number}\n" for number in range(first, first + count))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "38_2.out"
    path.write_text(numbered(1000))
    return path


async def test_the_end_is_seen_and_followed(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        with log.open("a") as file:
            file.write(numbered(3, first=1000))
        await until(pilot, lambda: seen(app, r"^line 1002\b"))
        assert seen(app, "following")


async def test_scrolling_up_pauses_and_says_how_many_lines_came(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        await pilot.press("k", "k")
        await until(pilot, lambda: seen(app, "paused") and not seen(app, r"^line 999\b"))
        with log.open("a") as file:
            file.write(numbered(17, first=1000))
        await until(pilot, lambda: seen(app, r"\+17 lines"))
        assert seen(app, r"^line 997\b")
        await pilot.press("G")
        await until(pilot, lambda: seen(app, r"^line 1016\b") and seen(app, "following"))


async def test_scrolling_down_to_the_end_follows_again(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        await pilot.press("pageup")
        await until(pilot, lambda: seen(app, "paused"))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: seen(app, "following"))


async def test_top_and_bottom(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await pilot.press("g")
        await until(pilot, lambda: seen(app, r"^line 0\b"))
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: screen(app)[1].startswith("line 3 "))
        await pilot.press("end")
        await until(pilot, lambda: seen(app, r"^line 999\b"))


async def test_both_streams_are_seen_together(log: Path, tmp_path: Path) -> None:
    err = tmp_path / "38_2.err"
    err.write_text("Traceback (most recent call last):\n")
    async with shown(log, err) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        app.pane.action_other_stream()
        await until(pilot, lambda: seen(app, "^Traceback") and not seen(app, "^line"))
        app.pane.action_other_stream()
        await until(pilot, lambda: seen(app, "^Traceback") and seen(app, r"^line 999\b"))
