"""Accuracy against the backbone's learning rate, a marker and its interval a run (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lrdash.report.svg import nice_ticks
from lrdash.results.comparison import GroupComparison
from lrdash.sweep.labels import format_rate
from lrdash.ui.context import InkSpan
from lrdash.ui.format import fit, fraction
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.plot.scale import Scale
from lrdash.ui.series import SeriesLook
from lrdash.ui.widgets.lines import Line, line

PLOT_WIDTH = 46
PLOT_ROWS = 10
"""About; every tick stands on a row of its own, all equally far apart."""
GUTTER = 7
BESIDE = 3
"""Cells between runs of one rate."""

_Row = list[InkSpan]
_Grid = list[_Row]


class _Point(NamedTuple):
    rate: float
    value: float
    low: float
    high: float
    look: SeriesLook


def rate_lines(
    group: GroupComparison, looks: Mapping[str, SeriesLook], glyphs: Glyphs, width: int
) -> list[Line]:
    """Nothing for fewer than two rates: there is no dependence to see."""
    points = _points(group, looks)
    rates = sorted({point.rate for point in points})
    if len(rates) < 2 or width < 24:
        return []
    marks = nice_ticks(min(point.low for point in points), max(point.high for point in points))
    gap = max(1, round(PLOT_ROWS / (len(marks) - 1)))
    scale, height = Scale(marks[0], marks[-1]), gap * (len(marks) - 1) + 1
    labels = {height - 1 - at * gap: fraction(mark, 2) for at, mark in enumerate(marks)}
    columns = _columns(rates, width - GUTTER - 1)
    grid: _Grid = [
        [(glyphs.dashed, "track") if y in labels else (" ", "text")] * (width - GUTTER - 1)
        for y in range(height)
    ]
    for point, x in zip(points, _beside(points, columns), strict=True):
        _draw(grid, point, x, scale, glyphs)
    body = [_body_line(y, cells, labels, glyphs) for y, cells in enumerate(grid)]
    title = line((" accuracy", "title"), (" by learning rate of the backbone", "muted"))
    return [title, *body, *_foot(rates, columns, width, glyphs)]


def _points(group: GroupComparison, looks: Mapping[str, SeriesLook]) -> list[_Point]:
    found = []
    for run in group.runs:
        rate = run.cls_backbone_learning_rate or run.learning_rate
        if run.accuracy and rate and rate > 0:
            value, low, high = run.accuracy.value, run.accuracy.low, run.accuracy.high
            look = looks.get(run.run, SeriesLook())
            found.append(
                _Point(rate, value, value if low is None else low, value if high is None else high, look)
            )
    return found


def _columns(rates: Sequence[float], width: int) -> dict[float, int]:
    """A column a rate on a logarithmic axis, a fifth of the width from its ends."""
    scale = Scale(rates[0], rates[-1], log=True)
    return {rate: round((0.2 + 0.6 * scale.position(rate)) * (width - 1)) for rate in rates}


def _beside(points: Sequence[_Point], columns: Mapping[float, int]) -> list[int]:
    """Runs of one rate stand around it."""
    alike, drawn = Counter(point.rate for point in points), Counter[float]()
    places = []
    for point in points:
        shift = BESIDE * drawn[point.rate] - BESIDE * (alike[point.rate] - 1) // 2
        places.append(columns[point.rate] + shift)
        drawn[point.rate] += 1
    return places


def _draw(grid: _Grid, point: _Point, x: int, scale: Scale, glyphs: Glyphs) -> None:
    if not 0 <= x < len(grid[0]):
        return
    top, middle, bottom = (_row(value, scale, len(grid)) for value in (point.high, point.value, point.low))
    for y in range(top, bottom + 1):
        grid[y][x] = (glyphs.vertical, point.look.colour)
    grid[middle][x] = (point.look.marker(glyphs), point.look.colour)


def _row(value: float, scale: Scale, height: int) -> int:
    return min(height - 1, max(0, round((1 - scale.position(value)) * (height - 1))))


def _body_line(y: int, cells: _Row, labels: Mapping[int, str], glyphs: Glyphs) -> Line:
    axis = glyphs.tick if y in labels else glyphs.vertical
    return line((fit(labels.get(y, ""), GUTTER - 2, right=True), "muted"), (f" {axis}", "faint"), *cells)


def _foot(rates: Sequence[float], columns: Mapping[float, int], width: int, glyphs: Glyphs) -> list[Line]:
    room = width - GUTTER - 1
    axis, names = [glyphs.horizontal] * room, [" "] * room
    taken = -1
    for rate in rates:
        axis[columns[rate]] = glyphs.foot
        text = format_rate(rate)
        start = max(0, min(room - len(text), columns[rate] - len(text) // 2))
        if start > taken:
            names[start : start + len(text)] = text
            taken = start + len(text)
    edge: InkSpan = (" " * (GUTTER - 1) + glyphs.corner + "".join(axis), "faint")
    return [line(edge), line((" " * GUTTER + "".join(names), "muted"))]
