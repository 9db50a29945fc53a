"""Only the optimizer line, at the speed of a plain search: the quick first look at a log of gigabytes."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lrdash.logs import patterns
from lrdash.logs.escapes import without_escapes
from lrdash.logs.facts import LogLine, OptimizerLine
from lrdash.logs.lines import text_of

BLOCK = 1 << 20
LINE = 4096
"""Bytes around the anchor that are looked at; also the overlap of two blocks."""


def find_optimizer_lines(fd: int, file: str, start: int = 0) -> Iterator[OptimizerLine]:
    """Every optimizer line from byte `start` on, without line numbers: counting lines takes longer."""
    anchor, keep = patterns.OPTIMIZER_ANCHOR, len(patterns.OPTIMIZER_ANCHOR) - 1
    buffer = bytearray(keep + BLOCK)
    view = memoryview(buffer)
    position = start
    while count := os.preadv(fd, [view[keep:]], position):
        found = buffer.find(anchor, 0, keep + count)
        while found >= 0:
            yield from _line_around(fd, file, position - keep + found)
            found = buffer.find(anchor, found + 1, keep + count)
        position += count
        buffer[:keep] = buffer[count : count + keep]


def _line_around(fd: int, file: str, offset: int) -> Iterator[OptimizerLine]:
    start = max(0, offset - LINE)
    data = os.pread(fd, 2 * LINE, start)
    middle = offset - start
    first = max(data.rfind(b"\n", 0, middle), data.rfind(b"\r", 0, middle)) + 1
    ends = [end for end in (data.find(b"\n", middle), data.find(b"\r", middle)) if end >= 0]
    line = without_escapes(data[first : min(ends, default=len(data))])
    if match := patterns.OPTIMIZER.search(line):
        yield OptimizerLine(
            float(match["backbone"]), float(match["head"]), LogLine(file, None, text_of(line))
        )
