"""The lines of one log file, whatever its size, drawn from the bytes on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from rich.segment import Segment
from rich.text import Text
from textual import events, work
from textual.binding import BindingType
from textual.geometry import Offset
from textual.message import Message
from textual.reactive import reactive, var
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from lrdash.logs.line_count import LineCount
from lrdash.logs.page import Page, Place, Row, Viewport, read_page
from lrdash.logs.window import LogFile
from lrdash.ui.bindings import bindings
from lrdash.ui.logs.highlight import COMPONENTS, foreground, line_class, part_classes

POLL_SECONDS = 0.1
"""Between two looks at the file, and so between two repaints."""
WHEEL_ROWS = 3
SIDEWAYS = 8

T = TypeVar("T")


class LogView(Widget, can_focus=True):
    """A window on a log; all reading is done by one background thread, `render_line` never touches a file."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS | {"log--scrollbar", "log--note"}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("log")]
    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        background: $background;
        & .log--error { color: $error; }
        & .log--warning { color: $warning; }
        & .log--proof { color: $success; }
        & .log--heading { color: $primary; text-style: bold; }
        & .log--epoch { color: $accent; }
        & .log--muted { color: $foreground 55%; }
        & .log--value { color: $foreground; }
        & .log--note { color: $foreground 60%; text-style: italic; }
        & .log--scrollbar { color: $scrollbar; background: $scrollbar-background; }
    }
    """

    following: var[bool] = var(True)
    """Whether the end stays in view as the file grows."""
    wrap: var[bool] = var(False)
    page: reactive[Page] = reactive(Page, always_update=True)
    scroll_column: reactive[int] = reactive(0)

    @dataclass
    class Looked(Message):
        """Something about the log, or what is seen of it, is different."""

        view: LogView

        @property
        def control(self) -> LogView:
            return self.view

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.path: Path | None = None
        self.count = LineCount()
        self._log: LogFile | None = None
        self._unseen: LineCount | None = None
        self._place: Place | None = None
        self._scroll = 0
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")
        self._strips: dict[tuple[object, ...], Strip] = {}

    def show(self, path: Path | None) -> None:
        """Look at another file, from its end."""
        if path == self.path:
            return
        self._close()
        self.path, self.page, self.scroll_column = path, Page(), 0
        self.action_follow()
        if path is not None:
            self._log = LogFile(path)
            if self.is_attached:
                self._watch_file(self._log)

    @property
    def unseen_lines(self) -> int:
        """Lines that were written since following was paused."""
        return self._unseen.lines if self._unseen else 0

    def on_mount(self) -> None:
        if self._log is not None:
            self._watch_file(self._log)

    def on_unmount(self) -> None:
        self._close()
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._log is not None:
            self._thread.submit(self._log.close)
            self._log = None
        self.count = LineCount()

    # ---- what is seen ----

    @work(group="file", exclusive=True)
    async def _watch_file(self, log: LogFile) -> None:
        while True:
            self._wake.clear()
            await self._look(log)
            await self._count_lines(log)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _look(self, log: LogFile) -> None:
        """Read the page that was last asked for; keys that come meanwhile add to the next one."""
        place, scroll, self._scroll = self._place, self._scroll, 0
        viewport = Viewport(max(1, self.size.width - 1), max(1, self.size.height), self.wrap)
        page = await self._in_background(lambda: read_page(log, log, viewport, place, scroll))
        if page.generation != self.page.generation:
            self.count, self._unseen = LineCount(), None
        if place is not None and place == self._place:
            self._place = page.top
            if page.at_end and scroll > 0:
                self.action_follow()
        if page != self.page:
            self.page = page
            self.post_message(self.Looked(self))

    async def _count_lines(self, log: LogFile) -> None:
        """Count in slices; a key interrupts after the current one."""
        counts = [count for count in (self._unseen, self.count) if count]
        for count in counts:
            while not count.is_complete(log) and not self._wake.is_set():
                await self._in_background(lambda count=count: count.advance(log))  # type: ignore[misc]
                self.post_message(self.Looked(self))

    async def _in_background(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def watch_page(self) -> None:
        self._strips.clear()

    def watch_following(self) -> None:
        self.post_message(self.Looked(self))

    def watch_wrap(self) -> None:
        self._wake.set()
        self.post_message(self.Looked(self))

    def on_resize(self) -> None:
        self._wake.set()

    # ---- moving ----

    def move_to(self, place: Place) -> None:
        """Show this place in the first row."""
        self._pause()
        self._place, self._scroll = place, 0
        self._wake.set()

    def scroll_rows(self, rows: int) -> None:
        if self.following:
            if rows >= 0:
                return
            self._pause()
        self._scroll += rows
        self._wake.set()

    def _pause(self) -> None:
        if self.following:
            self.following = False
            self._unseen = LineCount(self.page.size)
            self._place = self.page.top or Place(0)

    def action_follow(self) -> None:
        self.following, self._unseen = True, None
        self._place, self._scroll = None, 0
        self._wake.set()

    def action_toggle_follow(self) -> None:
        if self.following:
            self._pause()
        else:
            self.action_follow()

    def action_rows(self, rows: int) -> None:
        self.scroll_rows(rows)

    def action_pages(self, pages: float) -> None:
        self.scroll_rows(round(pages * max(1, self.size.height - 1)))

    def action_top(self) -> None:
        self.move_to(Place(0))

    def action_sideways(self, columns: int) -> None:
        widest = max((row.text.cell_len for row in self.page.rows), default=0)
        self.scroll_column = max(
            0, min(self.scroll_column + columns * SIDEWAYS, widest - self.size.width // 2)
        )

    def action_wrap(self) -> None:
        self.wrap, self.scroll_column = not self.wrap, 0

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_rows(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_rows(WHEEL_ROWS)

    # ---- drawing ----

    def render_line(self, y: int) -> Strip:
        width = max(0, self.size.width - 1)
        if y < len(self.page.rows):
            strip = self._row_strip(self.page.rows[y], y, width)
        else:
            note = self._note if y == len(self.page.rows) else ""
            text = Text(f" {note}" if note else "", self.get_component_rich_style("log--note"), end="")
            strip = Strip(text.render(self.app.console)).crop_extend(0, width, self.rich_style)
        return Strip.join([strip, self._scrollbar(y)])

    @property
    def _note(self) -> str:
        if self.path is None:
            return "no log: this run has not been started"
        if self.page.problem:
            return self.page.problem
        return "" if self.page.rows else "nothing was written yet"

    def _row_strip(self, row: Row, y: int, width: int) -> Strip:
        selection = self.text_selection
        key = (row.place, y, self.scroll_column, width)
        if selection is None and (strip := self._strips.get(key)):
            return strip
        text = self._styled(row)
        if selection is not None and (span := selection.get_span(y)) is not None:
            start, end = span
            text.stylize(
                self.screen.get_component_rich_style("screen--selection"), start, end if end >= 0 else None
            )
        strip = Strip(text.render(self.app.console), text.cell_len)
        left = self.scroll_column
        strip = strip.crop_extend(left, left + width, self.rich_style).apply_offsets(left, y)
        if selection is None:
            self._strips[key] = strip
        return strip

    def _styled(self, row: Row) -> Text:
        text = row.text.copy()
        if not text.spans:
            for start, end, name in part_classes(text):
                text.stylize(foreground(self, name), start, end)
            if whole := line_class(text):
                text.stylize(foreground(self, whole))
        text.style = self.rich_style
        return text

    def _scrollbar(self, y: int) -> Strip:
        style = self.get_component_rich_style("log--scrollbar")
        page, height = self.page, max(1, self.size.height)
        if not page.rows or not page.size:
            return Strip([Segment(" ", style)], 1)
        first = page.rows[0].line.start * height / page.size
        last = page.end * height / page.size
        thumb = max(last - first, 1.0)
        first = min(first, height - thumb)
        is_thumb = first - 0.5 <= y < first + thumb - 0.5 or (page.at_end and y == height - 1)
        return Strip([Segment("█" if is_thumb else " ", style)], 1)

    # ---- mouse selection ----

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(row.text.plain for row in self.page.rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.get_content_offset(self) == Offset(self.size.width - 1, event.y) and self.page.size:
            event.stop()
            offset = event.y * self.page.size // max(1, self.size.height - 1)
            if event.y >= self.size.height - 1:
                self.action_follow()
            else:
                self.move_to(Place(offset))
