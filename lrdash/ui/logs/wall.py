"""The last lines of many logs at once, each in a block of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rich.cells import set_cell_size
from rich.segment import Segment
from textual import events, work
from textual.binding import BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from lrdash.logs.page import Page, Viewport, read_page
from lrdash.logs.terminal_text import plain_text
from lrdash.logs.window import LogFile
from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.bindings import bindings
from lrdash.ui.format import age
from lrdash.ui.logs.highlight import LogText

POLL_SECONDS = 0.5
LEAST_ROWS = 4
"""Rows of a block, its title among them; logs that do not fit are scrolled to."""
COLUMN_WIDTH = 90
"""Two blocks stand side by side where each gets so many columns."""


class LogWall(LogText, can_focus=True):
    """Only the logs that are in view are read."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("wall")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"wall--title", "wall--chosen"}
    DEFAULT_CSS = """
    LogWall {
        height: 1fr;
        & .wall--title { color: $foreground; background: $panel; text-style: bold; }
        & .wall--chosen { color: $background; background: $primary; text-style: bold; }
    }
    """

    chosen: reactive[int] = reactive(0)
    """Position of the log that `enter` opens."""
    stream: reactive[Literal["out", "err"]] = reactive("out")

    @dataclass
    class Opened(Message):
        """A log was chosen."""

        position: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._titles: tuple[str, ...] = ()
        self._paths: tuple[LogPaths, ...] = ()
        self._logs: dict[str, LogFile] = {}
        self._pages: dict[int, Page] = {}
        self._first_row = 0
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wall")

    def show(self, logs: Sequence[tuple[str, LogPaths]]) -> None:
        """Titles and paths, in their order."""
        self._titles = tuple(plain_text(title) for title, _ in logs)
        self._paths = tuple(paths for _, paths in logs)
        self.chosen = max(0, min(self.chosen, len(logs) - 1))
        self._keep_in_view()

    def on_mount(self) -> None:
        self._watch_files()

    def on_unmount(self) -> None:
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def on_resize(self) -> None:
        self._keep_in_view()

    # ---- what is seen ----

    @work(group="wall", exclusive=True)
    async def _watch_files(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            wanted = {position: self._path(position) for position in self._in_view}
            viewport = Viewport(self._width, self._height - 1)
            pages = await loop.run_in_executor(self._thread, self._read, wanted, viewport)
            if pages != self._pages:
                self._pages = pages
            self.refresh()  # the ages of the logs have changed, if nothing else
            try:
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            except TimeoutError:
                continue

    def _read(self, wanted: dict[int, str | None], viewport: Viewport) -> dict[int, Page]:
        for unseen in set(self._logs) - set(wanted.values()):
            self._logs.pop(unseen).close()
        pages = {}
        for position, path in wanted.items():
            if path is None:
                pages[position] = Page(problem="not started")
                continue
            log = self._logs.setdefault(path, LogFile(Path(path)))
            pages[position] = read_page(log, log, viewport)
        return pages

    def _close(self) -> None:
        for log in self._logs.values():
            log.close()

    def _path(self, position: int) -> str | None:
        paths = self._paths[position]
        return paths.out if self.stream == "out" else paths.err

    # ---- where the blocks are ----

    @property
    def _columns(self) -> int:
        return max(1, min(len(self._titles), self.size.width // COLUMN_WIDTH))

    @property
    def _width(self) -> int:
        """Of a block, without the gap to the next one."""
        return max(1, (self.size.width - self._columns + 1) // self._columns)

    @property
    def _rows(self) -> int:
        """Of blocks; they go down one column and then the next, so that a group stays together."""
        return max(1, -(-len(self._titles) // self._columns))

    @property
    def _height(self) -> int:
        return max(LEAST_ROWS, self.size.height // self._rows)

    @property
    def _in_view(self) -> list[int]:
        shown = range(self._first_row, min(self._rows, self._first_row - (-self.size.height // self._height)))
        positions = (column * self._rows + row for column in range(self._columns) for row in shown)
        return [position for position in positions if position < len(self._titles)]

    def _position(self, column: int, y: int) -> int | None:
        row = self._first_row + y // self._height
        position = column * self._rows + row
        return position if row < self._rows and position < len(self._titles) else None

    # ---- choosing ----

    def action_move(self, step: int) -> None:
        self.chosen = max(0, min(self.chosen + step, len(self._titles) - 1))
        self._keep_in_view()

    def _keep_in_view(self) -> None:
        """Scroll to the chosen log, and no farther than there are logs."""
        whole_rows = max(1, self.size.height // self._height)
        row = self.chosen % self._rows
        first = min(max(self._first_row, row - whole_rows + 1), row)
        self._first_row = max(0, min(first, self._rows - whole_rows))
        self._wake.set()

    def action_other_stream(self) -> None:
        self.stream = "err" if self.stream == "out" else "out"
        self._pages = {}
        self._wake.set()

    def action_open(self) -> None:
        if self._titles:
            self.post_message(self.Opened(self.chosen))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-1)

    def on_click(self, event: events.Click) -> None:
        column = min(event.x // (self._width + 1), self._columns - 1)
        position = self._position(column, event.y)
        if position is not None:
            self.chosen = position
            if event.chain > 1:
                self.action_open()

    # ---- drawing ----

    def render_line(self, y: int) -> Strip:
        strips: list[Strip] = []
        for column in range(self._columns):
            if column:
                strips.append(Strip([Segment(self.glyphs.vertical, self.ground + self.ink("log--muted"))]))
            strips.append(self._block_line(self._position(column, y), y % self._height))
        return Strip.join(strips).crop_extend(0, self.size.width, self.ground)

    def _block_line(self, position: int | None, line: int) -> Strip:
        if position is None:
            return Strip.blank(self._width, self.ground)
        page = self._pages.get(position, Page())
        if line == 0:
            return self._title(position, page)
        if line > len(page.rows):
            note = (page.problem or "") if line == 1 and not page.rows else ""
            segment = Segment(f" {note}", self.ground + self.ink("log--note"))
            return Strip([segment]).crop_extend(0, self._width, self.ground)
        text = self.highlighted(page.rows[line - 1].text)
        text.stylize_before(self.ground)
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.crop_extend(0, self._width, self.ground)

    def _title(self, position: int, page: Page) -> Strip:
        name = "wall--chosen" if position == self.chosen and self.has_focus else "wall--title"
        written = "" if page.modified is None else f"{age(time.time() - page.modified)} ago"
        left = set_cell_size(
            f" {self._titles[position]} {self.glyphs.separator} {self.stream}",
            max(1, self._width - len(written) - 1),
        )
        return Strip([Segment(f"{left}{written} ", self.get_component_rich_style(name))]).crop(0, self._width)
