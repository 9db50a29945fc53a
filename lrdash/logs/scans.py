"""Work on a whole log, done in slices between which a key is answered: jumps, counts, the filter."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Protocol

from lrdash.logs.line_count import LineCount
from lrdash.logs.search import Matcher
from lrdash.logs.window import PIECE, Line, LogFile

CHUNK = 1024 * 1024
SLICE = 8 * CHUNK
"""Bytes between two chances to stop: 5 to 50 ms."""
MOST_MATCHES = 2_000_000
"""Eight bytes of memory each; beyond, the count says `2,000,000+`."""


class Scan(Protocol):
    """`advance` until `is_complete`; a file that grows makes it incomplete again."""

    def is_complete(self, log: LogFile) -> bool: ...
    def advance(self, log: LogFile) -> None: ...


NO_MATCH = "no line matches in the whole log"


class Jump:
    """From a line to the next or previous one that matches, round the end if there is none before it."""

    def __init__(
        self,
        matcher: Matcher,
        start: int | None,
        *,
        forward: bool,
        past_start: bool = False,
        not_found: str = NO_MATCH,
    ) -> None:
        """From the line at `start` (None: from the end), or with `past_start` from the line after it."""
        self.matcher = matcher
        self.not_found = not_found
        self.forward = forward
        self.found: int | None = None
        """Where the line starts."""
        self.wrapped = False
        """Whether the search went on at the other end."""
        self.scanned = 0
        self._from = start
        self._past_start = past_start
        self._start = self._position = -1
        self._ended = False

    def is_complete(self, log: LogFile) -> bool:
        return self.found is not None or self._ended

    def advance(self, log: LogFile) -> None:
        if self._start < 0:
            start = log.size if self._from is None else self._from
            self._start = self._position = log.end_of_line(start) if self._past_start else start
        budget = SLICE
        while budget > 0 and not self.is_complete(log):
            before = self._position
            starts = self._forward(log) if self.forward else self._backward(log)
            if starts:
                self.found = starts[0] if self.forward else starts[-1]
            step = abs(self._position - before)
            budget, self.scanned = budget - step, self.scanned + step
            if not step:
                self._turn(log)

    def _turn(self, log: LogFile) -> None:
        """Go on from the other end, once."""
        if self.wrapped:
            self._ended = True
        else:
            self.wrapped = True
            self._position = 0 if self.forward else log.size

    def _forward(self, log: LogFile) -> list[int]:
        stop = min(self._start, log.size) if self.wrapped else log.size
        starts, self._position = matches_from(log, self.matcher, self._position, stop)
        return starts

    def _backward(self, log: LogFile) -> list[int]:
        stop = self._start if self.wrapped else 0
        starts, self._position = matches_before(log, self.matcher, self._position, stop)
        return starts


class LineJump:
    """To a line by its number, as soon as the lines before it have been counted."""

    not_found = "the log has no such line any more"
    wrapped = False

    def __init__(self, number: int, count: LineCount) -> None:
        self.found: int | None = None
        self.scanned = 0
        self._number = number
        self._count = count
        self._ended = False

    def is_complete(self, log: LogFile) -> bool:
        return self.found is not None or self._ended

    def advance(self, log: LogFile) -> None:
        start = self._count.start_of(log, self._number)
        self.found = start if start is not None and start < log.size else None
        self._ended = self.found is None and self._count.is_complete(log)
        if not self.is_complete(log):
            self._count.advance(log)
            self.scanned = log.size - self._count.remaining(log)


class Matches:
    """All lines that match, found from the end backwards, and those that are written meanwhile."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self._older = array("Q")
        """Descending: found on the way back."""
        self._newer = array("Q")
        """Ascending: found in what was appended since."""
        self._low = self._high = -1
        self._last_line: tuple[int, int, bool] | None = None
        """(start, end, matches) of a last line without its newline, which may still grow."""

    def __len__(self) -> int:
        return len(self._older) + len(self._newer) + self._last_line_matches

    def __getitem__(self, position: int) -> int:
        if position < len(self._older):
            return self._older[-1 - position]
        position -= len(self._older)
        if position == len(self._newer) and self._last_line_matches:
            assert self._last_line is not None
            return self._last_line[0]
        return self._newer[position]

    def index(self, start: int) -> int:
        """How many matching lines start before `start`."""
        return bisect_left(self, start)

    def position(self, start: int) -> int | None:
        """Which of the matching lines this is, if it is one."""
        position = self.index(start)
        return position if position < len(self) and self[position] == start else None

    @property
    def is_full(self) -> bool:
        return len(self) >= MOST_MATCHES

    @property
    def seen_bytes(self) -> int:
        return self._high - self._low

    def is_complete(self, log: LogFile) -> bool:
        has_seen_end = self._high == log.size or (
            self._last_line is not None and self._last_line[1] == log.size
        )
        return self.is_full or (self._low == 0 and has_seen_end)

    def advance(self, log: LogFile) -> None:
        if self._low < 0:
            self._low = self._high = _end_of_whole_lines(log)
        budget = SLICE
        while budget > 0 and not self.is_complete(log):
            before = self.seen_bytes
            if not self._take_new(log):
                starts, self._low = matches_before(log, self.matcher, self._low, 0)
                self._older.extend(reversed(starts))
            if self.seen_bytes == before:
                return
            budget -= self.seen_bytes - before

    def _take_new(self, log: LogFile) -> bool:
        """Look at what was appended, first of all; whether there were whole lines."""
        end = _end_of_whole_lines(log)
        if self._high < end:
            starts, self._high = matches_from(log, self.matcher, self._high, end)
            self._newer.extend(starts)
            return True
        if end < log.size:
            matches = any(True for _ in self.matcher.line_starts(log.read_through(end, log.size - end)))
            self._last_line = (end, log.size, matches)
        return False

    @property
    def _last_line_matches(self) -> bool:
        line = self._last_line
        return line is not None and line[2] and line[0] == self._high


class MatchingLines:
    """The lines of a log that match, as if there were no others."""

    def __init__(self, log: LogFile, matches: Matches) -> None:
        self._log = log
        self._matches = matches

    def start_of_line(self, offset: int) -> int:
        """The matching line at or before `offset`, else the first."""
        position = self._matches.index(offset + 1)
        return self._matches[max(0, position - 1)] if len(self._matches) else 0

    def lines_from(self, start: int, count: int) -> list[Line]:
        return self._lines(self._matches.index(start), count)

    def lines_before(self, end: int, count: int) -> list[Line]:
        last = self._matches.index(end)
        first = max(0, last - count)
        return self._lines(first, last - first)

    def _lines(self, first: int, count: int) -> list[Line]:
        last = min(len(self._matches), first + count)
        return [self._log.line(self._matches[position]) for position in range(first, last)]


def matches_from(log: LogFile, matcher: Matcher, start: int, stop: int) -> tuple[list[int], int]:
    """Matching lines of the next chunk, and where that ends; `start` and `stop` are starts of lines."""
    data = log.read_through(start, min(CHUNK, stop - start))
    end = start + len(data)
    if end < stop:
        whole = data.rfind(b"\n") + 1
        end = start + whole if whole else min(stop, log.end_of_line(start))
        data = data[:whole] if whole else log.read_through(start, end - start)
    return _line_starts(log, matcher, data, start), end


def matches_before(log: LogFile, matcher: Matcher, end: int, stop: int) -> tuple[list[int], int]:
    """Matching lines of the chunk before `end`, and where that starts."""
    start = max(stop, log.start_of_line(max(0, end - CHUNK)))
    data = log.read_through(start, end - start)
    if len(data) < end - start:  # truncated meanwhile
        return [], start
    return _line_starts(log, matcher, data, start), start


def _line_starts(log: LogFile, matcher: Matcher, data: bytes, base: int) -> list[int]:
    starts = []
    for start in matcher.line_starts(data):
        newline = data.find(b"\n", start)
        end = newline if newline >= 0 else len(data)
        if end - start <= PIECE:
            starts.append(base + start)
        else:
            starts += _pieces_that_match(log, matcher, data[start:end], base + start)
    return starts


def _pieces_that_match(log: LogFile, matcher: Matcher, data: bytes, base: int) -> Iterator[int]:
    position = 0
    while position < len(data):
        end = max(position + 1, log.end_of_line(base + position) - base)
        if any(True for _ in matcher.line_starts(data[position:end])):
            yield base + position
        position = end


def _end_of_whole_lines(log: LogFile) -> int:
    if log.size and log.read_through(log.size - 1, 1) == b"\n":
        return log.size
    return log.start_of_line(log.size)


assert PIECE <= CHUNK, "a chunk holds at least one piece of a long line"
