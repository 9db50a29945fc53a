"""Screens of a log: which rows are seen at a place of the file, in a window of some size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec
from rich.cells import chop_cells
from rich.text import Text

from lrdash.logs.terminal_text import styled_text
from lrdash.logs.window import Line, LogFile

WRAPPED = 8
"""Lines that are read at a time where one may fill the window alone."""


class Lines(Protocol):
    """Lines addressed by their offset in the file: all of them, or those that match something."""

    def start_of_line(self, offset: int) -> int: ...
    def lines_from(self, start: int, count: int) -> list[Line]: ...
    def lines_before(self, end: int, count: int) -> list[Line]: ...


class Viewport(msgspec.Struct, frozen=True):
    width: int
    height: int
    wrap: bool = False


class Place(msgspec.Struct, frozen=True):
    """A row of the log: the line's offset and, where lines are wrapped, the row within the line."""

    start: int
    row: int = 0


class Row(msgspec.Struct, frozen=True):
    line: Line
    text: Text
    number: int = 0
    """Position among the rows of its line."""

    @property
    def place(self) -> Place:
        return Place(self.line.start, self.number)


class Page(msgspec.Struct, frozen=True):
    """What is seen at one moment."""

    rows: tuple[Row, ...] = ()
    at_end: bool = True
    size: int = 0
    generation: int = 0
    problem: str | None = None
    modified: float | None = None
    lines: int | None = None
    """Lines of the whole file; None until they have been counted."""
    top_number: int | None = None
    """Line number of the first row, from 1."""

    @property
    def top(self) -> Place | None:
        return self.rows[0].place if self.rows else None

    @property
    def end(self) -> int:
        """Offset after the last line that is seen."""
        return self.rows[-1].line.end if self.rows else 0


def read_page(
    log: LogFile, lines: Lines, viewport: Viewport, place: Place | None = None, scroll: int = 0
) -> Page:
    """The page whose first row is `scroll` rows below `place`; without a place, the end.

    Never leaves a part of the window empty while there are lines to fill it.
    """
    for _ in range(3):  # the file may be replaced while its bytes are read
        log.refresh()
        generation = log.generation
        page = _read(log, lines, viewport, place, scroll)
        if log.generation == generation:
            break
        place, scroll = None, 0
    return page


def _read(log: LogFile, lines: Lines, viewport: Viewport, place: Place | None, scroll: int) -> Page:
    rows = _rows_at(lines, viewport, place, scroll) if place else []
    has_more = len(rows) > viewport.height
    if not has_more:
        rows = _rows_before(lines, log.size, viewport.height, viewport)
    return Page(
        tuple(rows[: viewport.height]), not has_more, log.size, log.generation, log.problem, log.modified
    )


def _rows_at(lines: Lines, viewport: Viewport, place: Place, scroll: int) -> list[Row]:
    """The rows from `scroll` below `place` on, one more than the window holds if there are as many."""
    start = lines.start_of_line(place.start)
    before = _rows_before(lines, start, max(0, -scroll - place.row), viewport)
    top = max(0, len(before) + place.row + scroll)
    after = _rows_from(lines, start, top + viewport.height + 1 - len(before), viewport)
    return (before + after)[top : top + viewport.height + 1]


def _rows_from(lines: Lines, start: int, count: int, viewport: Viewport) -> list[Row]:
    """At least `count` rows, if there are so many; wrapped lines are read a few at a time."""
    rows: list[Row] = []
    while len(rows) < count:
        some = lines.lines_from(start, min(count, WRAPPED) if viewport.wrap else count - len(rows))
        if not some:
            break
        rows += _rows(some, viewport)
        start = some[-1].end
    return rows


def _rows_before(lines: Lines, end: int, count: int, viewport: Viewport) -> list[Row]:
    """The last `count` rows before the line that starts at `end`."""
    rows: list[Row] = []
    while len(rows) < count:
        some = lines.lines_before(end, min(count, WRAPPED) if viewport.wrap else count - len(rows))
        if not some:
            break
        rows = [*_rows(some, viewport), *rows]
        end = some[0].start
    return rows[len(rows) - min(len(rows), count) :]


def _rows(lines: Iterable[Line], viewport: Viewport) -> Iterator[Row]:
    for line in lines:
        text = styled_text(line.data)
        if line.skipped:
            text = Text(f"{line.skipped / 1024:,.0f} KiB … ", "dim italic", end="").append_text(text)
        if line.omitted:
            text.append(f" … {line.omitted / 1024:,.0f} KiB more", "dim italic")
        if not viewport.wrap or len(text) * 2 <= viewport.width:
            yield Row(line, text)
            continue
        for number, part in enumerate(_wrap(text, viewport.width)):
            yield Row(line, part, number)


def _wrap(text: Text, width: int) -> list[Text]:
    """Broken at the cell where the window ends, so that what is copied is what was written."""
    position, cuts = 0, []
    for part in chop_cells(text.plain, max(2, width)):
        position += len(part)
        cuts.append(position)
    return list(text.divide(cuts[:-1]))
