"""Screens of a log: which rows are seen at a place of the file, in a window of some size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from rich.cells import chop_cells
from rich.text import Text

from lrdash.logs.terminal_text import styled_text
from lrdash.logs.window import Line, LogFile


class Lines(Protocol):
    """Lines addressed by their offset in the file: all of them, or those that match something."""

    def start_of_line(self, offset: int) -> int: ...
    def lines_from(self, start: int, count: int) -> list[Line]: ...
    def lines_before(self, end: int, count: int) -> list[Line]: ...


@dataclass(frozen=True, slots=True)
class Viewport:
    width: int
    height: int
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the log: the line's offset and, where lines are wrapped, the row within the line."""

    start: int
    row: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    line: Line
    text: Text
    number: int = 0
    """Position among the rows of its line."""

    @property
    def place(self) -> Place:
        return Place(self.line.start, self.number)


@dataclass(frozen=True, slots=True)
class Page:
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
    rows = _rows_at(lines, viewport, place, scroll) if place and place.start < log.size else []
    following = rows[viewport.height :]
    if len(rows) < viewport.height or not following:
        end = list(_rows(lines.lines_before(log.size, viewport.height), viewport))
        rows, following = end[-viewport.height :], []
    return Page(
        tuple(rows[: viewport.height]), not following, log.size, log.generation, log.problem, log.modified
    )


def _rows_at(lines: Lines, viewport: Viewport, place: Place, scroll: int) -> list[Row]:
    """The rows from `scroll` below `place` on, at least one more than the window holds if there are any."""
    start = lines.start_of_line(place.start)
    before = list(_rows(lines.lines_before(start, max(0, -scroll)), viewport))
    needed = viewport.height + 1 + max(0, scroll) + place.row
    rows = before + list(_rows(lines.lines_from(start, needed), viewport))
    top = len(before) + place.row + scroll
    return rows[max(0, top) :]


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
