"""What one view looks at: a log, which of its lines, and the work that goes on meanwhile.

Everything here is done by one background thread; the view only reads what was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from lrdash.logs.line_count import LineCount
from lrdash.logs.page import Lines, Page, Place, Viewport, read_page
from lrdash.logs.scans import Jump, LineJump, Matches, MatchingLines, Scan
from lrdash.logs.search import Matcher
from lrdash.logs.terminal_text import plain_text
from lrdash.logs.window import LogFile

AT_ONCE = 1024 * 1024
"""Bytes that are counted before a page is shown: of a growing log, all that came since the last look."""


class LogViewer:
    """A log as one view sees it."""

    def __init__(self, path: Path) -> None:
        self.log = LogFile(path)
        self.count = LineCount()
        self.unseen: LineCount | None = None
        """Lines written since following was paused."""
        self.matches: Matches | None = None
        """What is searched for."""
        self.is_filtered = False
        """Whether only matching lines are shown."""
        self.jump: Jump | LineJump | None = None
        self._is_counted = False
        self._page = Page()
        self._asked: tuple[object, ...] | None = None
        self._generation = 0

    def look(self, viewport: Viewport, place: Place | None, scroll: int) -> Page:
        """The page at a place; one `stat` where nothing can have changed since the last look."""
        self.log.refresh()
        if self._generation and self.log.generation != self._generation:
            self._start_anew()
        self._generation = self.log.generation
        if scroll or self._asked != (viewport, place, self._state()):
            self._page = self._numbered(read_page(self.log, self._lines, viewport, place, scroll))
            self._asked = None if scroll else (viewport, place, self._state())
        return self._page

    def _state(self) -> tuple[object, ...]:
        """Everything that a page depends on, but for where it is."""
        log, matches = self.log, self.matches if self.is_filtered else None
        return (
            log.generation, log.size, log.problem, log.modified, log.looked_for, self.is_filtered,
            0 if matches is None else len(matches), self.count.is_complete(log),
        )  # fmt: skip

    def _numbered(self, page: Page) -> Page:
        if 0 < self.count.remaining(self.log) <= AT_ONCE:
            self.count.advance(self.log)
        if not (self._is_counted or self.count.is_complete(self.log)):
            return page
        self._is_counted = True
        number = self.number_of(page.rows[0].line.start) if page.rows else None
        return replace(page, lines=self.count.lines, top_number=number)

    def whole_line(self, start: int, generation: int) -> tuple[str, bool] | None:
        """All of a line, however long, and whether it is a piece of a longer one; None in another file."""
        data, is_piece = self.log.whole_line(start)
        return (plain_text(data), is_piece) if self.log.generation == generation else None

    def number_of(self, start: int) -> int | None:
        """The number of a line, from 1; None where nobody has counted yet."""
        before = self.count.number_at(self.log, start)
        return None if before is None else before + 1

    def search(self, matcher: Matcher | None, *, is_filtered: bool) -> None:
        """Look for something else, or for nothing."""
        self.log.looked_for = matcher.search if matcher else None
        if matcher is None:
            self.matches = None
        elif self.matches is None or self.matches.matcher.query != matcher.query:
            self.matches = Matches(matcher)
        self.is_filtered = is_filtered and matcher is not None

    def pause(self) -> None:
        self.unseen = LineCount(self.log.size)

    def follow(self) -> None:
        self.unseen = None

    def next_scan(self) -> Scan | None:
        """What is left to be done, most urgent first; `advance` does a slice of it."""
        return next((scan for scan in self._scans() if not scan.is_complete(self.log)), None)

    @property
    def _lines(self) -> Lines:
        if self.is_filtered and self.matches is not None:
            return MatchingLines(self.log, self.matches)
        return self.log

    def _scans(self) -> Iterator[Scan]:
        yield from (scan for scan in (self.jump, self.unseen, self.matches, self.count) if scan is not None)

    def _start_anew(self) -> None:
        self.count, self.jump, self._is_counted = LineCount(), None, False
        if self.unseen is not None:
            self.unseen = LineCount()
        if self.matches is not None:
            self.matches = Matches(self.matches.matcher)
