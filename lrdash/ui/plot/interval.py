"""Intervals drawn as `├──●──┤` on a common scale (pure)."""

from __future__ import annotations

from lrdash.results.comparison import Estimate
from lrdash.ui.context import InkSpan
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.plot.scale import Scale
from lrdash.ui.theme import Role


def interval_scale(estimates: list[Estimate], *also: float) -> Scale:
    """A scale that holds every interval, and some further values."""
    values = [value for one in estimates for value in (one.low, one.value, one.high) if value is not None]
    low, high = min([*values, *also], default=0.0), max([*values, *also], default=1.0)
    air = (high - low) * 0.04 or 0.05
    return Scale(low - air, high + air)


def interval_spans(
    estimate: Estimate | None,
    scale: Scale,
    width: int,
    ink: int | Role,
    glyphs: Glyphs,
    *,
    marker: str = "●",
    reference: float | None = None,
) -> list[InkSpan]:
    """`width` cells; `reference` is a line that the eye compares with: the majority class, zero."""
    cells: list[tuple[str, int | Role]] = [(" ", "faint")] * width
    if reference is not None:
        cells[_cell(reference, scale, width)] = (glyphs.vertical, "faint")
    if estimate is not None:
        if estimate.low is not None and estimate.high is not None:
            low, high = _cell(estimate.low, scale, width), _cell(estimate.high, scale, width)
            for at in range(low, high + 1):
                cells[at] = (glyphs.horizontal, ink)
            cells[low], cells[high] = (glyphs.left_end, ink), (glyphs.right_end, ink)
        cells[_cell(estimate.value, scale, width)] = (marker, ink)
    return list(cells)


def _cell(value: float, scale: Scale, width: int) -> int:
    return round(min(max(scale.position(value), 0.0), 1.0) * (width - 1))
