"""The reliability diagram of a run as lines: how often it is right where it is so sure (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from lrdash.results.metrics import Bin, expected_calibration_error
from lrdash.ui.context import InkSpan
from lrdash.ui.format import fraction, signed
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.series import SeriesLook
from lrdash.ui.widgets.lines import Line, line

NUMBERS_WIDTH = 42
"""Cells beside the bar: four numbers before it, one behind it, a scroll bar."""
WIDEST_BAR = 40


def calibration_lines(
    name: str, bins: Sequence[Bin], look: SeriesLook, glyphs: Glyphs, width: int
) -> list[Line]:
    """The bins that have rows; the bar ends at the accuracy, a line in it marks the mean confidence."""
    head: list[InkSpan] = [(f" {look.marker(glyphs)} ", look.colour), (name, "bold")]
    error = expected_calibration_error(bins)
    if error is None:
        return [Line((*head, ("  gave no probabilities", "muted")))]
    head += [("  ECE ", "muted"), (fraction(error), "bold"), (f" in {len(bins)} bins", "muted")]
    titles = f" {'confidence':<11} {'rows':>7} {'said':>5} {'right':>5}"
    cells = min(WIDEST_BAR, max(4, width - NUMBERS_WIDTH))
    shown = [_bin_line(one, look, glyphs, cells) for one in bins if one.count]
    return [Line(tuple(head)), line((titles, "title")), *shown]


def _bin_line(one: Bin, look: SeriesLook, glyphs: Glyphs, cells: int) -> Line:
    confidence, accuracy = one.confidence or 0.0, one.accuracy or 0.0
    place = f"{fraction(one.low, 2)}–{fraction(one.high, 2)}"
    numbers = f" {place:<11} {one.count:>7,} {fraction(confidence, 2):>5} {fraction(accuracy, 2):>5}  "
    bar: list[InkSpan] = [
        (glyphs.bar, look.colour) if at < round(accuracy * cells) else (glyphs.bar_track, "track")
        for at in range(cells)
    ]
    bar[min(cells - 1, round(confidence * cells))] = (glyphs.vertical, "bold")
    gap: InkSpan = (f" {signed(accuracy - confidence, glyphs)}", "muted")
    return line((numbers, "text"), *bar, gap)
