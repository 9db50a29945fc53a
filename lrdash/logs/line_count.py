"""Line numbers of a file that is too long to be counted before it is shown."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from lrdash.logs.window import LogFile

STEP = 256 * 1024
"""Bytes between two entries of the index: for 5 GB it takes 150 KiB."""
SLICE = 16 * 1024 * 1024
"""Bytes between two chances to stop: about 10 ms."""


class LineCount:
    """The newlines between an offset and the end, counted in slices while there is time."""

    def __init__(self, start: int = 0) -> None:
        self._start = start
        self._counted = start
        self._lines = 0
        self._index = array("Q", [0])

    @property
    def lines(self) -> int:
        """Lines that end before what has been counted so far."""
        return self._lines

    def remaining(self, log: LogFile) -> int:
        """Bytes that have not been counted."""
        return max(0, log.size - self._counted)

    def is_complete(self, log: LogFile) -> bool:
        return self._counted >= log.size

    def advance(self, log: LogFile) -> None:
        stop = min(log.size, self._counted + SLICE)
        while self._counted < stop:
            step_end = self._start + len(self._index) * STEP
            data = log.read_through(self._counted, min(stop, step_end) - self._counted)
            if not data:
                return
            self._lines += data.count(b"\n")
            self._counted += len(data)
            if self._counted == step_end:
                self._index.append(self._lines)

    def start_of(self, log: LogFile, number: int) -> int | None:
        """Where a line starts, of those from 1 on; None where it has not been counted yet."""
        newlines = number - 1
        if not 0 < newlines <= self._lines:
            return self._start if newlines == 0 else None
        step = bisect_left(self._index, newlines) - 1
        base = self._start + step * STEP
        data, at = log.read_through(base, STEP), -1
        for _ in range(newlines - self._index[step]):
            at = data.find(b"\n", at + 1)
        return base + at + 1

    def number_at(self, log: LogFile, offset: int) -> int | None:
        """How many lines start before `offset`; None where nobody has counted yet."""
        if not self._start <= offset <= self._counted:
            return None
        step = (offset - self._start) // STEP
        step_start = self._start + step * STEP
        return int(self._index[step]) + log.read_through(step_start, offset - step_start).count(b"\n")
