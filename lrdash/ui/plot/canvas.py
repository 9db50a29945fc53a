"""A grid of cells with braille dots (or one dot a cell in ASCII) in colours."""

from __future__ import annotations

import math

# Bits of U+2800 + n by dot row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_RUNS = [
    [[sum(_DOTS[dot][side] for dot in range(first, last + 1)) for last in range(4)] for first in range(4)]
    for side in range(2)
]
"""The bits of a vertical run inside a cell, by side, first and last dot."""
_BRAILLE = 0x2800
Cell = tuple[str, int]
"""Character and colour; colour -1 is nothing."""


class Canvas:
    """`width` x `height` cells; dots run from (0, 0) at the top left."""

    def __init__(self, width: int, height: int, *, braille: bool = True) -> None:
        self.width, self.height = width, height
        self.dots_x, self.dots_y = (2, 4) if braille else (1, 1)
        self.dot_width, self.dot_height = width * self.dots_x, height * self.dots_y
        self._braille = braille
        self._bits = [[0] * width for _ in range(height)]
        self._colours = [[-1] * width for _ in range(height)]
        self._marks: dict[tuple[int, int], Cell] = {}

    def dot(self, x: int, y: int, colour: int) -> None:
        if not (0 <= x < self.dot_width and 0 <= y < self.dot_height):
            return
        column, row = x // self.dots_x, y // self.dots_y
        self._bits[row][column] |= _DOTS[y % 4][x % 2] if self._braille else 1
        self._colours[row][column] = colour

    def line(self, x0: int, y0: int, x1: int, y1: int, colour: int, *, dashed: bool = False) -> None:
        """A straight line of dots, every other pair left out when dashed."""
        steps = max(abs(x1 - x0), abs(y1 - y0))
        for step in range(steps + 1):
            if dashed and (step // 2) % 2:
                continue
            share = step / steps if steps else 0.0
            self.dot(round(x0 + (x1 - x0) * share), round(y0 + (y1 - y0) * share), colour)

    def column(self, x: int, top: int, bottom: int, colour: int) -> None:
        """A vertical run of dots."""
        top, bottom = max(0, top), min(self.dot_height - 1, bottom)
        if not 0 <= x < self.dot_width or top > bottom:
            return
        column, side = divmod(x, self.dots_x)
        (row, first), (last_row, last) = divmod(top, self.dots_y), divmod(bottom, self.dots_y)
        runs = _RUNS[side]
        while row < last_row:
            self._bits[row][column] |= runs[first][-1]
            self._colours[row][column] = colour
            row, first = row + 1, 0
        self._bits[row][column] |= runs[first][last]
        self._colours[row][column] = colour

    def mark(self, x: int, y: int, char: str, colour: int) -> None:
        """A character in the cell of a dot; beside it when another mark stands there already."""
        column, row = x // self.dots_x, y // self.dots_y
        for aside in (0, 1, -1, 2, -2):
            place = (column + aside, row)
            inside = 0 <= place[0] < self.width and 0 <= row < self.height
            if inside and self._marks.get(place, (char, colour)) == (char, colour):
                self._marks[place] = (char, colour)
                return

    def row(self, row: int) -> list[Cell]:
        return [self._cell(column, row) for column in range(self.width)]

    def _cell(self, column: int, row: int) -> Cell:
        if mark := self._marks.get((column, row)):
            return mark
        bits = self._bits[row][column]
        if not bits:
            return " ", -1
        return (chr(_BRAILLE + bits) if self._braille else "."), self._colours[row][column]


def to_dot(share: float, dots: int) -> int:
    """A position in [0, 1] as a dot index; far outside is clamped near the edge."""
    if not math.isfinite(share):
        return 0
    return round(min(max(share, -1.0), 2.0) * (dots - 1))
