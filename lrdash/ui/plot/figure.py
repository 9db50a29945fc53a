"""A chart as rows of styled text: axes, curves, crosshair and its reading (pure)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import msgspec

from lrdash.ui.format import fit
from lrdash.ui.glyphs import UNICODE, Glyphs
from lrdash.ui.plot.canvas import Canvas, to_dot
from lrdash.ui.plot.reduce import MinMaxPyramid
from lrdash.ui.plot.scale import Scale, tick_label, ticks, value_scale, whole_ticks
from lrdash.ui.series import SeriesLook
from lrdash.ui.theme import Role

Ink = int | Role
"""Colour of a series, or a role."""
FigureSpan = tuple[str, Ink]
FigureRow = list[FigureSpan]
DIMMED = -2
"""On the canvas: a curve without its colour."""


class Series(msgspec.Struct, frozen=True):
    """One curve."""

    key: str
    name: str
    look: SeriesLook
    points: MinMaxPyramid
    markers: bool = True
    """Epochs: markers and straight segments. Steps: a line of column minima and maxima."""
    thin: bool = False
    """Dashed whatever the group: the second rate, the training loss."""


class FigureOptions(msgspec.Struct, frozen=True):
    """What is drawn and how."""

    width: int
    height: int
    x_title: str = "epoch"
    x_range: tuple[float, float] | None = None
    """Widens what the points span: all epochs, also those still to come."""
    log: bool = False
    whole_x: bool = True
    crosshair: float | None = None
    selected: str = ""
    """Drawn last, so on top."""
    dimmed: frozenset[str] = frozenset()
    """Drawn first and without their colour."""
    y_format: Callable[[float], str] = tick_label
    x_format: Callable[[float], str] = tick_label
    glyphs: Glyphs = UNICODE


class Reading(msgspec.Struct, frozen=True):
    """One series at the crosshair."""

    series: Series
    x: float
    y: float


class Figure:
    """A drawn chart; `rows` has exactly `height` rows of `width` cells."""

    def __init__(self, series: Sequence[Series], options: FigureOptions) -> None:
        self.options = options
        self.series = [one for one in series if len(one.points)]
        self.plot_height = max(1, options.height - 2)
        self.x_scale = self._x_scale()
        self.y_scale = self._y_scale()
        self._y_ticks = ticks(self.y_scale, max(2, self.plot_height // 3))
        self.gutter = max((len(options.y_format(tick)) for tick in self._y_ticks), default=1) + 1
        self.plot_width = max(1, options.width - self.gutter - 2)
        self.rows = self._draw() if self.series else self._empty()

    # Scales

    def _x_scale(self) -> Scale:
        xs = [x for one in self.series for x in (one.points.xs[0], one.points.xs[-1])]
        if self.options.x_range is not None:
            xs += self.options.x_range
        low, high = (min(xs), max(xs)) if xs else (0.0, 1.0)
        return Scale(low, high) if high > low else Scale(low - 0.5, high + 0.5)

    def _y_scale(self) -> Scale:
        extents = [extent for one in self.series if (extent := one.points.extent)]
        if not extents:
            return Scale(0.0, 1.0)
        low, high = min(low for low, _ in extents), max(high for _, high in extents)
        return value_scale(low, high, log=self.options.log)

    def _inset(self, share: float) -> float:
        """A cell of air at both sides, so that markers of the first and last epoch are whole."""
        air = min(0.1, 1.0 / self.plot_width)
        return air + share * (1 - 2 * air)

    def column_of(self, x: float) -> int:
        """The cell of an x value inside the plot."""
        dots = 2 if self.options.glyphs.braille else 1
        return to_dot(self._inset(self.x_scale.position(x)), self.plot_width * dots) // dots

    def x_at(self, column: int) -> float:
        """The x value of a cell inside the plot."""
        air = min(0.1, 1.0 / self.plot_width)
        share = (column / max(1, self.plot_width - 1) - air) / (1 - 2 * air)
        return self.x_scale.value(min(max(share, 0.0), 1.0))

    # Reading

    def readings(self) -> list[Reading]:
        """Every series at the crosshair, the highest first; one without a point near is left out."""
        at = self.options.crosshair
        if at is None:
            return []
        cell = (self.x_scale.high - self.x_scale.low) / self.plot_width
        found = [
            Reading(one, *point)
            for one in self.series
            if (point := one.points.nearest(at)) is not None and abs(point[0] - at) <= 2 * cell
        ]
        return sorted(found, key=lambda reading: -reading.y)

    def next_x(self, direction: int) -> float | None:
        """Where the crosshair goes from where it is: the next marker, or column where there are none."""
        marked = {x for one in self.series if one.markers for x in one.points.xs}
        xs = sorted(marked or self._column_xs())
        if not xs:
            return None
        at = self.options.crosshair
        if at is None:
            return xs[-1]
        later = (
            [x for x in xs if x > at + 1e-9] if direction > 0 else [x for x in reversed(xs) if x < at - 1e-9]
        )
        return later[0] if later else at

    def snap(self, x: float) -> float:
        """The x of the nearest point that is marked; of curves without markers x itself."""
        points = [point for one in self.series if one.markers and (point := one.points.nearest(x))]
        return min((point[0] for point in points), key=lambda candidate: abs(candidate - x), default=x)

    def _column_xs(self) -> set[float]:
        return {self.x_at(column) for column in range(self.plot_width)}

    # Drawing

    def _empty(self) -> list[FigureRow]:
        words = "nothing measured yet"
        width, middle = self.options.width, self.options.height // 2
        left = max(0, (width - len(words)) // 2)
        line: FigureRow = [(fit(" " * left + words, width), "faint")]
        return [line if y == middle else [(" " * width, "faint")] for y in range(self.options.height)]

    def _draw(self) -> list[FigureRow]:
        canvas = self._curves()
        rows = [self._plot_row(canvas, y) for y in range(self.plot_height)]
        rows += [self._axis_row(), self._label_row()]
        return rows[: self.options.height]

    def _curves(self) -> Canvas:
        canvas = Canvas(self.plot_width, self.plot_height, braille=self.options.glyphs.braille)
        options = self.options
        for one in sorted(
            self.series, key=lambda one: (one.key not in options.dimmed, one.key == options.selected)
        ):
            (self._draw_markers if one.markers else self._draw_line)(canvas, one)
        return canvas

    def _colour(self, one: Series) -> int:
        return DIMMED if one.key in self.options.dimmed else one.look.colour

    def _dot_column(self, canvas: Canvas, x: float) -> int:
        return to_dot(self._inset(self.x_scale.position(x)), canvas.dot_width)

    def _dot_row(self, canvas: Canvas, y: float) -> int:
        return to_dot(1 - self.y_scale.position(y), canvas.dot_height)

    def _draw_markers(self, canvas: Canvas, one: Series) -> None:
        dots = [
            (self._dot_column(canvas, x), self._dot_row(canvas, y))
            for x, y in zip(one.points.xs, one.points.ys, strict=True)
        ]
        dashed = one.thin or bool(one.look.group % 2)
        for (x0, y0), (x1, y1) in itertools.pairwise(dots):
            canvas.line(x0, y0, x1, y1, self._colour(one), dashed=dashed)
        for x, y in dots:
            canvas.mark(x, y, one.look.marker(self.options.glyphs), self._colour(one))

    def _draw_line(self, canvas: Canvas, one: Series) -> None:
        """The envelope of the points, without gaps: a run reaches to the one in the column before it."""
        colour = self._colour(one)
        before: tuple[int, int, int] | None = None
        for column, top, bottom in self._envelope(canvas, one.points):
            first, last = top, bottom
            if before is not None:
                column_before, top_before, bottom_before = before
                if column - column_before == 1:
                    first, last = min(top, bottom_before + 1), max(bottom, top_before - 1)
                else:
                    middles = (top_before + bottom_before) // 2, (top + bottom) // 2
                    canvas.line(column_before, middles[0], column, middles[1], colour, dashed=one.thin)
            if not (one.thin and (column // 2) % 2):
                canvas.column(column, first, last, colour)
            before = column, top, bottom

    def _envelope(self, canvas: Canvas, points: MinMaxPyramid) -> Iterator[tuple[int, int, int]]:
        """(dot column, highest dot, lowest dot) of every column that has points."""
        stretches = points.columns(self.x_scale.low, self.x_scale.high, canvas.dot_width)
        for column, group in itertools.groupby(stretches, lambda one: self._dot_column(canvas, one[0])):
            _, lows, highs = zip(*group, strict=True)
            yield column, self._dot_row(canvas, max(highs)), self._dot_row(canvas, min(lows))

    def _plot_row(self, canvas: Canvas, y: int) -> FigureRow:
        labels = {self._row_of(tick): self.options.y_format(tick) for tick in self._y_ticks}
        label = labels.get(y)
        glyphs = self.options.glyphs
        row: FigureRow = [(fit(label or "", self.gutter - 1, right=True), "muted")]
        row.append((" " + (glyphs.tick if label else glyphs.vertical), "faint"))
        blank: FigureSpan = (glyphs.dashed, "track") if label else (" ", "faint")
        cells: list[FigureSpan] = [
            (char, colour) if colour >= 0 else (char, "faint") if colour == DIMMED else blank
            for char, colour in canvas.row(y)
        ]
        if self.options.crosshair is not None:
            self._overlay_crosshair(cells, y)
        return row + _joined(cells) + [(" ", "faint")]

    def _row_of(self, value: float) -> int:
        dots = 4 if self.options.glyphs.braille else 1
        return to_dot(1 - self.y_scale.position(value), self.plot_height * dots) // dots

    def _axis_row(self) -> FigureRow:
        glyphs = self.options.glyphs
        line = [glyphs.horizontal] * self.plot_width
        for tick in self._x_ticks():
            line[self.column_of(tick)] = glyphs.foot
        return [(" " * self.gutter + glyphs.corner + "".join(line) + " ", "faint")]

    def _label_row(self) -> FigureRow:
        line = [" "] * (self.plot_width + 2)
        taken = 0
        title = self.options.x_title
        for tick in self._x_ticks():
            text = self.options.x_format(tick)
            start = max(0, self.column_of(tick) + 1 - len(text) // 2)
            if start >= taken and start + len(text) <= len(line):
                line[start : start + len(text)] = text
                taken = start + len(text) + 1
        if taken + len(title) + 1 <= len(line):
            line[len(line) - len(title) :] = title
        return [(" " * self.gutter + "".join(line), "muted")]

    def _x_ticks(self) -> list[float]:
        count = max(2, self.plot_width // 8)
        if self.options.whole_x:
            return whole_ticks(self.x_scale.low, self.x_scale.high, count)
        return ticks(self.x_scale, count)

    # The crosshair

    def _overlay_crosshair(self, cells: list[FigureSpan], y: int) -> None:
        at = self.options.crosshair
        assert at is not None
        column = self.column_of(at)
        if 0 <= column < len(cells) and not isinstance(cells[column][1], int):
            cells[column] = (self.options.glyphs.vertical, "accent")
        box = self._box()
        if y >= len(box):
            return
        width = sum(len(text) for text, _ in box[y])
        left = len(cells) - width if column < len(cells) // 2 else 0
        for text, ink in box[y]:
            for char in text:
                if 0 <= left < len(cells):
                    cells[left] = (char, ink)
                left += 1

    def _box(self) -> list[FigureRow]:
        """The reading: x, then each run with its value."""
        at = self.options.crosshair
        assert at is not None
        readings = self.readings()[: max(0, self.plot_height - 1)]
        width = max((len(reading.series.name) for reading in readings), default=0)
        width = min(width, max(4, self.plot_width // 2 - 10))
        values = [self.options.y_format(reading.y) for reading in readings]
        value_width = max(map(len, values), default=0)
        title = f" {self.options.x_title} {self.options.x_format(float(f'{at:.4g}'))}"
        box: list[FigureRow] = [[(fit(title, width + value_width + 5), "bold")]]
        for reading, value in zip(readings, values, strict=True):
            key, look = reading.series.key, reading.series.look
            is_dimmed = key in self.options.dimmed
            ink: Ink = "faint" if is_dimmed else look.colour
            marker = look.marker(self.options.glyphs)
            chosen: Ink = "faint" if is_dimmed else "bold" if key == self.options.selected else "text"
            name = fit(reading.series.name, width)
            box.append([(f" {marker} ", ink), (f"{name} ", chosen), (f"{value:>{value_width}} ", chosen)])
        return box


def _joined(cells: list[FigureSpan]) -> FigureRow:
    """Neighbours of one ink as one span."""
    row: FigureRow = []
    for char, ink in cells:
        if row and row[-1][1] == ink:
            row[-1] = (row[-1][0] + char, ink)
        else:
            row.append((char, ink))
    return row
