"""Long series reduced to what a screen can show, without losing a spike."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

Point = tuple[float, float]


class MinMaxPyramid:
    """A growing series with the minimum and maximum of every 2, 4, 8… successive points.

    Appending a point costs O(1) on average and drawing O(columns), however long the series is.
    x never falls: a point that lies before the last one is dropped.
    """

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self.xs, self.ys = array("d"), array("d")
        self._levels: list[tuple[array[float], array[float]]] = []
        """Lows and highs of buckets of 2, 4, 8… points; only full buckets."""
        self.extent: tuple[float, float] | None = None
        """The lowest and the highest y."""
        self.extend(points)

    def __len__(self) -> int:
        return len(self.xs)

    def extend(self, points: Iterable[Point]) -> None:
        for x, y in points:
            self.append(x, y)

    def append(self, x: float, y: float) -> None:
        if not (math.isfinite(x) and math.isfinite(y)) or (self.xs and x < self.xs[-1]):
            return
        self.xs.append(x)
        self.ys.append(y)
        low, high = self.extent or (y, y)
        self.extent = min(low, y), max(high, y)
        count, lows, highs = len(self.ys), self.ys, self.ys
        for level in range(64):
            if count % 2:
                return
            if level == len(self._levels):
                self._levels.append((array("d"), array("d")))
            next_lows, next_highs = self._levels[level]
            next_lows.append(min(lows[-2], lows[-1]))
            next_highs.append(max(highs[-2], highs[-1]))
            count, lows, highs = count // 2, next_lows, next_highs

    def columns(self, low: float, high: float, buckets: int) -> list[tuple[float, float, float]]:
        """(x, lowest y, highest y) of at most about 2 x `buckets` stretches of [low, high]."""
        start = max(0, bisect_left(self.xs, low) - 1)
        stop = min(len(self.xs), bisect_right(self.xs, high) + 1)
        level = max(0, math.ceil(math.log2(max(1, (stop - start) / max(1, buckets)))) - 1)
        if level == 0:
            return [(self.xs[at], self.ys[at], self.ys[at]) for at in range(start, stop)]
        lows, highs = self._levels[level - 1]
        size = 1 << level
        first, last = start // size, min(len(lows), -(-stop // size))
        columns = [(self.xs[at * size + size // 2], lows[at], highs[at]) for at in range(first, last)]
        rest = self.ys[last * size : stop]
        return [*columns, (self.xs[stop - 1], min(rest), max(rest))] if rest else columns

    def nearest(self, x: float) -> Point | None:
        """The point whose x is nearest."""
        if not self.xs:
            return None
        at = bisect_left(self.xs, x)
        near = [position for position in (at - 1, at) if 0 <= position < len(self.xs)]
        best = min(near, key=lambda position: abs(self.xs[position] - x))
        return self.xs[best], self.ys[best]
