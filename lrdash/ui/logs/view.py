"""The lines of one log file, whatever its size, drawn from the bytes on disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events, work
from textual.cache import LRUCache
from textual.message import Message
from textual.reactive import reactive, var
from textual.selection import Selection
from textual.strip import Strip

from lrdash.errors import LogError
from lrdash.logs.page import Page, Place, Row, Viewport
from lrdash.logs.scans import Jump
from lrdash.logs.search import Matcher
from lrdash.logs.terminal_text import plain_text
from lrdash.logs.viewer import LogViewer
from lrdash.ui.logs.highlight import LogText

POLL_SECONDS = 0.1
"""Between two looks at the file, and so between two repaints."""
WHEEL_ROWS = 3
STRIPS = 256
"""Drawn rows that are kept: of a slow log most stand one row higher at the next look."""

T = TypeVar("T")


class LogView(LogText, can_focus=True):
    """A window on a log; all reading is done by one background thread, `render_line` never touches a file."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--scrollbar", "log--match", "log--current"}
    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        & .log--scrollbar { color: $scrollbar; background: $scrollbar-background; }
        & .log--match { color: $background; background: $accent; }
        & .log--current { background: $primary 25%; }
    }
    """

    following: var[bool] = var(True)
    """Whether the end stays in view as the file grows."""
    wrap: var[bool] = var(False)
    current: reactive[int | None] = reactive(None)
    """Offset of the line that was jumped to."""
    scroll_column: reactive[int] = reactive(0)

    @dataclass
    class Looked(Message):
        """Something about the log, or what is seen of it, is different."""

        view: LogView

    @dataclass
    class Told(Message):
        """Something about a search that should be said."""

        words: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(STRIPS)
        super().__init__(id=id)
        self.path: Path | None = None
        self.viewer: LogViewer | None = None
        self.page = Page()
        self._place: Place | None = None
        self._scroll = 0
        self._is_moving = False
        self._matcher: Matcher | None = None
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")

    def show(self, path: Path | None) -> None:
        """Look at another file, from its end."""
        if path == self.path:
            return
        self._close()
        self.path, self.page, self.scroll_column, self.current = path, Page(), 0, None
        self._redraw()
        if path is not None:
            self.viewer = LogViewer(path)
            self.viewer.search(self._matcher, is_filtered=False)
            if self.is_attached:
                self._watch_file(self.viewer)
        self.follow()

    def on_mount(self) -> None:
        if self.viewer is not None:
            self._watch_file(self.viewer)

    def on_unmount(self) -> None:
        self._close()
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        self.workers.cancel_node(self)
        if self.viewer is not None:
            self._thread.submit(self.viewer.log.close)
            self.viewer = None

    # ---- what is seen ----

    @work(group="file", exclusive=True)
    async def _watch_file(self, viewer: LogViewer) -> None:
        """Look, then work on what is left to be counted and searched until it is time to look again."""
        while True:
            self._wake.clear()
            next_look = time.monotonic() + POLL_SECONDS
            await self._look(viewer)
            await self._scan(viewer, next_look)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), next_look - time.monotonic())

    async def _look(self, viewer: LogViewer) -> None:
        """Read the page that was last asked for; keys that come meanwhile add to the next one."""
        if not self.size:
            return
        place, scroll, self._scroll, self._is_moving = self._place, self._scroll, 0, False
        viewport = Viewport(max(1, self.size.width - 1), self.size.height, self.wrap)
        page = await self._in_background(lambda: viewer.look(viewport, place, scroll))
        if place is not None and place == self._place:
            self._place = page.top
            if page.at_end and scroll > 0:
                self.follow()
        if page != self.page:
            self.page = page
            self._redraw()

    async def _scan(self, viewer: LogViewer, until: float) -> None:
        while not self._wake.is_set() and time.monotonic() < until:
            scan = viewer.next_scan()
            if scan is None:
                return
            try:
                await self._in_background(partial(scan.advance, viewer.log))
            except LogError as error:
                viewer.jump = None
                self.search(None)
                self.post_message(self.Told(str(error)))
            if isinstance(scan, Jump) and scan is viewer.jump and scan.is_complete(viewer.log):
                self._land(viewer, scan)
            self.post_message(self.Looked(self))

    async def _in_background(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def _redraw(self) -> None:
        self.refresh()
        self.post_message(self.Looked(self))

    def watch_current(self) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def watch_mouse_hover(self) -> None:
        self.refresh()

    def watch_following(self) -> None:
        self.post_message(self.Looked(self))

    def watch_wrap(self) -> None:
        self.scroll_column = 0
        self._wake.set()
        self.post_message(self.Looked(self))

    def on_focus(self) -> None:
        self.post_message(self.Looked(self))

    def on_blur(self) -> None:
        self.post_message(self.Looked(self))

    def on_resize(self) -> None:
        hidden = len(self.page.rows) - self.size.height
        if not self.following and self.page.at_end and hidden > 0:
            self._scroll += hidden  # what was seen at the end stays in view
        self._wake.set()

    # ---- moving ----

    def move_to(self, place: Place, scroll: int = 0) -> None:
        """Show this place in the first row, or `-scroll` rows below it."""
        self._pause()
        self._place, self._scroll, self._is_moving = place, scroll, True
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
            self._place = self.page.top or Place(0)
            if self.viewer:
                self.viewer.pause()

    def follow(self) -> None:
        self.following, self.current = True, None
        self._place, self._scroll = None, 0
        if self.viewer:
            self.viewer.follow()
        self._wake.set()

    def toggle_follow(self) -> None:
        if self.following:
            self._pause()
        else:
            self.follow()

    def scroll_top(self) -> None:
        self.move_to(Place(0))

    def choose_line(self, step: int) -> str:
        """Mark the line `step` lines from the marked one, among those that are seen; returns its text."""
        starts = list(dict.fromkeys(row.line.start for row in self.page.rows))
        if not starts:
            return ""
        position = starts.index(self.current) if self.current in starts else len(starts) - 1
        self._pause()
        self.current = starts[max(0, min(position + step, len(starts) - 1))]
        line = next(row.line for row in self.page.rows if row.line.start == self.current)
        return plain_text(line.data)

    def scroll_pages(self, pages: float) -> None:
        self.scroll_rows(round(pages * max(1, self.size.height - 1)))

    def scroll_sideways(self, columns: int) -> None:
        widest = max((row.text.cell_len for row in self.page.rows), default=0)
        most = max(0, widest - self.size.width // 2)
        self.scroll_column = max(0, min(self.scroll_column + columns, most))

    # ---- searching ----

    @property
    def matcher(self) -> Matcher | None:
        return self._matcher

    @property
    def is_filtered(self) -> bool:
        return self.viewer is not None and self.viewer.is_filtered

    def search(self, matcher: Matcher | None, *, is_filtered: bool = False) -> None:
        """Mark and count what matches, or show nothing else; None ends both."""
        self._matcher = matcher
        self._strips.clear()
        if self.viewer:
            was_filtered = self.viewer.is_filtered
            self.viewer.search(matcher, is_filtered=is_filtered)
            if was_filtered and not is_filtered and self.current is not None:
                self.move_to(Place(self.current), -(self.size.height // 3))
        self._redraw()
        self._wake.set()

    def jump(self, matcher: Matcher, *, forward: bool) -> None:
        """To the next or previous line that matches; from the end backwards while following."""
        if self.viewer is None:
            return
        forward = forward and not self.following
        start: int | None
        if self.following:
            start, past_start = None, False
        elif self.current is not None and (self._is_moving or self._is_seen(self.current)):
            start, past_start = self.current, forward
        else:
            start, past_start = (self.page.top or Place(0)).start, False
        self.viewer.jump = Jump(matcher, start, forward=forward, past_start=past_start)
        self._wake.set()

    def _is_seen(self, start: int) -> bool:
        return any(row.line.start == start for row in self.page.rows)

    def _land(self, viewer: LogViewer, jump: Jump) -> None:
        viewer.jump = None
        if jump.found is None:
            self.post_message(self.Told("no line matches in the whole log"))
            return
        if self.following or self._is_moving or not self._is_seen(jump.found):
            self.move_to(Place(jump.found), -(self.size.height // 3))
        self.current = jump.found
        if jump.wrapped:
            self.post_message(self.Told("the search went round the end of the log"))

    def cancel_jump(self) -> bool:
        """Whether there was one under way."""
        if self.viewer is None or self.viewer.jump is None:
            return False
        self.viewer.jump = None
        self._wake.set()
        return True

    # ---- drawing ----

    def render_line(self, y: int) -> Strip:
        width = max(0, self.size.width - 1)
        if y < len(self.page.rows):
            strip = self._row_strip(self.page.rows[y], y, width)
        else:
            note = self._note if y == len(self.page.rows) else ""
            style = self.ground + self.ink("log--note")
            strip = Strip([Segment(f" {note}", style)]).crop_extend(0, width, self.ground)
        return Strip.join([strip, self._scrollbar(y)])

    @property
    def _note(self) -> str:
        if self.path is None:
            return "no log: this run has not been started"
        if self.page.problem:
            return f"{plain_text(str(self.path))}: {self.page.problem}"
        if self.page.rows:
            return ""
        return "no line matches" if self.page.size else "nothing was written yet"

    def _row_strip(self, row: Row, y: int, width: int) -> Strip:
        key = (row.line, row.number, row.line.start == self.current, self.scroll_column, width)
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        strip = self._strips.get(key) if span is None else None
        if strip is None:
            strip = self._draw(row, width, span)
            if span is None:
                self._strips[key] = strip
        # Where the mouse may select from; costs as much as the rest of drawing a line.
        return strip.apply_offsets(self.scroll_column, y) if self.mouse_hover else strip

    def _draw(self, row: Row, width: int, selected: tuple[int, int] | None) -> Strip:
        text, base = self._styled(row), self._base_style(row)
        text.stylize_before(base)  # a text without spans would be drawn without its own style
        if selected is not None:
            start, end = selected
            style = self.screen.get_component_rich_style("screen--selection")
            text.stylize(style, start, end if end >= 0 else None)
        left = self.scroll_column
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.crop_extend(left, left + width, base)

    def _styled(self, row: Row) -> Text:
        text = self.highlighted(row.text)
        if self._matcher:
            for start, end in self._matcher.spans(text.plain):
                text.stylize(self.get_component_rich_style("log--match"), start, end)
        return text

    def _base_style(self, row: Row) -> Style:
        if row.line.start == self.current:
            return self.get_component_rich_style("log--current")
        return self.ground

    def _scrollbar(self, y: int) -> Strip:
        style = self.get_component_rich_style("log--scrollbar")
        page, height = self.page, max(1, self.size.height)
        if not page.rows or (page.at_end and page.rows[0].place == Place(0)):
            return Strip([Segment(" ", style)], 1)
        first = page.rows[0].line.start * height / page.size
        thumb = max(page.end * height / page.size - first, 1.0)
        first = height - thumb if page.at_end else min(first, height - thumb)
        is_thumb = first - 0.5 <= y < first + thumb - 0.5
        return Strip([Segment("█" if is_thumb else " ", style)], 1)

    # ---- mouse ----

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(row.text.plain for row in self.page.rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_rows(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_rows(WHEEL_ROWS)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """On the scroll bar: to that part of the file."""
        if event.x < self.size.width - 1:
            return
        event.stop()
        last = max(1, self.size.height - 1)
        if event.y >= last:
            self.follow()
        else:
            self.move_to(Place(event.y * self.page.size // last))
