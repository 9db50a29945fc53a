"""How often each run is right by the values of a column, as lines (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lrdash.ui.format import fit, fraction, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.series import SeriesLook
from lrdash.ui.widgets.lines import Line, line

NUMBERS_WIDTH = 12
"""Cells of a line beside its bar."""
WIDEST_BAR = 32


@dataclass(frozen=True)
class RunByValue:
    """One run: value of the column -> (right, rows)."""

    name: str
    look: SeriesLook
    counts: Mapping[str, tuple[int, int]]


def column_lines(
    column: str, chosen: str, runs: Sequence[RunByValue], glyphs: Glyphs, width: int
) -> list[Line]:
    """A heading and a bar of every run for each value; the heading is the line that can be chosen."""
    lines = [line((" right by ", "muted"), (plain(column), "bold"))]
    lines += [line((f" {one.look.marker(glyphs)} ", one.look.colour), (one.name, "text")) for one in runs]
    cells = max(12, min(WIDEST_BAR, width - NUMBERS_WIDTH))
    for value, (_, rows) in runs[0].counts.items() if runs else ():
        is_chosen, count = value == chosen, f" {rows:,} rows"
        mark = glyphs.folded if is_chosen else " "
        lines.append(Line())
        lines.append(
            line(
                (f" {mark} ", "accent"),
                (fit(plain(value) or "(empty)", cells + 2 - len(count)), "accent" if is_chosen else "bold"),
                (count, "muted"),
                key=value,
            )
        )
        lines += [_bar(one, value, glyphs, cells) for one in runs]
    return lines


def _bar(one: RunByValue, value: str, glyphs: Glyphs, cells: int) -> Line:
    right, rows = one.counts[value]
    share = right / rows if rows else 0.0
    filled = round(share * cells)
    return line(
        (f"   {one.look.marker(glyphs)} ", one.look.colour),
        (glyphs.bar * filled, one.look.colour),
        (glyphs.bar_track * (cells - filled), "track"),
        (f" {fraction(share)}", "text"),
    )
