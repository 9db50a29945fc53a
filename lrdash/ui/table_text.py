"""Lines of a table from cells of spans: column widths follow the content (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len, chop_cells

from lrdash.ui.context import InkSpan
from lrdash.ui.theme import Role
from lrdash.ui.widgets.lines import Line

Cell = Sequence[InkSpan]
GAP = "  "


def width_of(spans: Cell) -> int:
    return sum(cell_len(text) for text, _ in spans)


def table_lines(
    titles: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Cell]]],
    *,
    left: frozenset[int] = frozenset({0}),
) -> list[Line]:
    """A heading and one line a row; columns in `left` are aligned to the left, the others to the right."""
    count = len(titles)
    widths = [
        max([cell_len(titles[at]), *(width_of(cells[at]) for _, cells in rows if at < len(cells))])
        for at in range(count)
    ]
    heading = [_padded([(title, "title")], widths[at], to_left=at in left) for at, title in enumerate(titles)]
    lines = [Line(tuple(_row(heading)))]
    for key, cells in rows:
        padded = [_padded(spans, widths[at], to_left=at in left) for at, spans in enumerate(cells)]
        lines.append(Line(tuple(_row(padded)), key))
    return lines


def _row(cells: Sequence[Cell]) -> list[InkSpan]:
    spans: list[InkSpan] = [(" ", "text")]
    for at, one in enumerate(cells):
        spans += [(GAP, "text")] if at else []
        spans += one
    return spans


def _padded(spans: Cell, width: int, *, to_left: bool) -> list[InkSpan]:
    padding: InkSpan = (" " * (width - width_of(spans)), "text")
    return [*spans, padding] if to_left else [padding, *spans]


def beside(left: Sequence[Line], right: Sequence[Line], width: int) -> list[Line]:
    """Two columns of lines, the left one `width` cells wide."""
    lines = []
    for one, other in zip_longest(left, right, fillvalue=Line()):
        padding: InkSpan = (" " * max(0, width - width_of(one.spans)), "text")
        lines.append(Line((*one.spans, padding, *other.spans), one.key or other.key))
    return lines


def wrapped(text: str, width: int, ink: int | Role = "text", indent: str = " ") -> list[Line]:
    """A paragraph broken at spaces, and within words (paths) that are longer than a line."""
    lines: list[Line] = []
    current = ""
    room = max(10, width - cell_len(indent) - 1)
    for word in (part for long in text.split() for part in chop_cells(long, room)):
        if current and cell_len(current) + 1 + cell_len(word) > room:
            lines.append(Line(((indent + current, ink),)))
            current = word
        else:
            current = f"{current} {word}".strip()
    return [*lines, Line(((indent + current, ink),))] if current else lines
