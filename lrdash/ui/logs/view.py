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
from typing import TypeVar

from textual import events, work
from textual.message import Message
from textual.reactive import var

from lrdash.errors import LogError
from lrdash.logs.page import Page, Place, Viewport
from lrdash.logs.scans import NO_MATCH, Jump, LineJump
from lrdash.logs.search import Matcher
from lrdash.logs.terminal_text import plain_text
from lrdash.logs.viewer import LogViewer
from lrdash.ui.logs.rows import LogRows

POLL_SECONDS = 0.1
"""Between two looks at the file, and so between two repaints."""
IDLE_POLL_SECONDS = 0.5
"""The same, when nothing has been written for QUIET_SECONDS."""
QUIET_SECONDS = 10.0
WHEEL_ROWS = 3
STUCK_SECONDS = 2.0
"""A look that takes longer is said to be under way: a file server may have gone."""

NOT_STARTED = "no log: this run has not been started"
NOT_KNOWN = "its log is not known yet"
NO_LOG = "no log: folders without a sweep file have results only"

T = TypeVar("T")


class LogView(LogRows, can_focus=True):
    """A window on a log. All reading is done by one background thread: a slow disk never stops the screen."""

    DEFAULT_CSS = """
    LogView { height: 1fr; }
    """

    absent: var[str] = var(NOT_STARTED, init=False)
    """What is said where there is no file."""
    following: var[bool] = var(True)
    """Whether the end stays in view as the file grows."""

    @dataclass
    class Looked(Message):
        """Something about the log, or what is seen of it, is different."""

        view: LogView

    @dataclass
    class Told(Message):
        """Something about a search that should be said."""

        words: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.path: Path | None = None
        self.viewer: LogViewer | None = None
        self._place: Place | None = None
        self._scroll = 0
        self._is_moving = False
        self._changed_at = 0.0
        self._looking_since: float | None = None
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
            self.viewer.search(self.matcher, is_filtered=False)
            if self.is_attached:
                self._watch_file(self.viewer)
        self.follow()

    def on_mount(self) -> None:
        self.set_interval(1.0, self._say_if_stuck)
        self._redraw()
        if self.viewer is not None:
            self._watch_file(self.viewer)

    def on_unmount(self) -> None:
        self._close()
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        self.workers.cancel_node(self)
        self._looking_since = None
        if self.viewer is not None:
            self._thread.submit(self.viewer.log.close)
            self.viewer = None

    # ---- what is seen ----

    @work(group="file", exclusive=True)
    async def _watch_file(self, viewer: LogViewer) -> None:
        """Look, then work on what is left to be counted and searched until it is time to look again."""
        while True:
            self._wake.clear()
            next_look = time.monotonic() + self._poll_seconds
            await self._look(viewer)
            if self.size:  # else a jump would not know how far from its top to land
                await self._scan(viewer, next_look)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), next_look - time.monotonic())

    @property
    def _poll_seconds(self) -> float:
        is_quiet = time.monotonic() - self._changed_at > QUIET_SECONDS
        return IDLE_POLL_SECONDS if is_quiet else POLL_SECONDS

    async def _look(self, viewer: LogViewer) -> None:
        """Read the page that was last asked for; keys that come meanwhile add to the next one."""
        if not self.size:
            return
        place, scroll, self._scroll, self._is_moving = self._place, self._scroll, 0, False
        viewport = Viewport(max(1, self.size.width - 1), self.size.height, self.wrap)
        self._looking_since = time.monotonic()
        page = await self.in_background(lambda: viewer.look(viewport, place, scroll))
        self._looking_since = None
        if place is not None and place == self._place:
            self._place = page.top
            if page.at_end and scroll > 0:
                self.follow()
        if page != self.page:
            self.page, self._changed_at = page, time.monotonic()
            self._redraw()

    async def _scan(self, viewer: LogViewer, until: float) -> None:
        while not self._wake.is_set() and time.monotonic() < until:
            scan = viewer.next_scan()
            if scan is None:
                return
            try:
                await self.in_background(partial(scan.advance, viewer.log))
            except LogError as error:
                viewer.jump = None
                self.search(None)
                self.post_message(self.Told(str(error)))
            if isinstance(scan, Jump | LineJump) and scan is viewer.jump and scan.is_complete(viewer.log):
                self._land(viewer, scan)
            self.post_message(self.Looked(self))

    async def in_background(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    @property
    def stuck_seconds(self) -> float:
        """How long the file system has not answered; 0 as long as nobody would notice."""
        seconds = time.monotonic() - self._looking_since if self._looking_since else 0.0
        return seconds if seconds > STUCK_SECONDS else 0.0

    def _say_if_stuck(self) -> None:
        if self.stuck_seconds:
            self.post_message(self.Looked(self))

    def _redraw(self) -> None:
        self.note = self._note()
        self.refresh()
        self.post_message(self.Looked(self))

    def _note(self) -> str:
        if self.path is None:
            return self.absent
        if self.page.problem:
            return f"{plain_text(str(self.path))}: {self.page.problem}"
        if self.page.rows:
            return ""
        return "no line matches" if self.page.size else "nothing was written yet"

    def watch_current(self) -> None:
        self._redraw()

    watch_absent = watch_current

    def watch_following(self) -> None:
        self.post_message(self.Looked(self))

    on_focus = on_blur = watch_following

    def watch_wrap(self) -> None:
        self.scroll_column = 0
        self._wake.set()
        self.post_message(self.Looked(self))

    def on_resize(self) -> None:
        hidden = len(self.page.rows) - self.size.height
        if not self.following and self.page.at_end and hidden > 0:
            # What was seen at the end stays in view; scrolling there would mean to follow again.
            self._place = self.page.rows[min(hidden, len(self.page.rows) - 1)].place
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
        (self._pause if self.following else self.follow)()

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
    def is_filtered(self) -> bool:
        return self.viewer is not None and self.viewer.is_filtered

    def search(self, matcher: Matcher | None, *, is_filtered: bool = False) -> None:
        """Mark and count what matches, or show nothing else; None ends both."""
        self.mark(matcher)
        if self.viewer:
            was_filtered = self.viewer.is_filtered
            self.viewer.search(matcher, is_filtered=is_filtered)
            if was_filtered and not is_filtered and self.current is not None:
                self.move_to(Place(self.current), -(self.size.height // 3))
        self._redraw()
        self._wake.set()

    def jump(self, matcher: Matcher, *, forward: bool, not_found: str = NO_MATCH) -> None:
        """To the next or previous line that matches; from the end backwards while following."""
        if self.viewer is None:
            return
        forward = forward and not self.following
        start: int | None
        if self.following:
            start, past_start = None, False
        elif self.current is not None and (self._is_moving or self.is_seen(self.current)):
            start, past_start = self.current, forward
        else:
            start, past_start = (self.page.top or Place(0)).start, False
        self.viewer.jump = Jump(matcher, start, forward=forward, past_start=past_start, not_found=not_found)
        self._wake.set()

    def go_to_line(self, number: int) -> None:
        """Mark a line by its number, from 1; nothing is left out round it."""
        if self.viewer is not None:
            self.search(self.matcher)
            self.viewer.jump = LineJump(number, self.viewer.count)
            self._wake.set()

    def _land(self, viewer: LogViewer, jump: Jump | LineJump) -> None:
        viewer.jump = None
        if jump.found is None:
            self.post_message(self.Told(jump.not_found))
            return
        if self.following or self._is_moving or not self.is_seen(jump.found):
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

    # ---- mouse ----

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
