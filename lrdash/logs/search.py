"""What is looked for in logs, and which lines have it.

A line matches if any of the texts that a progress bar left between its carriage returns does: what was
overwritten is found too. Bytes are compared, so a log need not be UTF-8; case is ignored for ASCII.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import AnyStr

from lrdash.errors import LogError
from lrdash.logs.patterns import ESCAPES
from lrdash.logs.window import SHOWN

OVERLAP = 512
"""Bytes that two windows of a long line share; a regular expression matches at most within one window."""


@dataclass(frozen=True)
class Query:
    """What somebody typed."""

    text: str
    is_regex: bool = False
    ignore_case: bool | None = None
    """None: unless the text has a capital letter."""

    @property
    def ignores_case(self) -> bool:
        return self.text == self.text.lower() if self.ignore_case is None else self.ignore_case


class Matcher:
    """Finds a text or a regular expression in the bytes of whole lines."""

    def __init__(self, query: Query) -> None:
        """Raises LogError for a regular expression that is none."""
        self.query = query
        flags = re.ASCII | (re.IGNORECASE if query.ignores_case else 0)
        expression = query.text if query.is_regex else re.escape(query.text)
        self._shown = _compile(expression, flags)
        self._pattern = _compile(expression.encode("utf-8", "surrogateescape"), flags & ~re.ASCII)
        self._literal = None if query.is_regex else query.text.encode("utf-8", "surrogateescape")

    def line_starts(self, data: bytes) -> Iterator[int]:
        """Where lines start that match, in bytes that begin and end with whole lines."""
        if b"\x1b" in data:
            positions = self._in_each_segment(data)
        elif self._literal is not None:
            positions = _find(data, self._literal, self.query.ignores_case)
        else:
            positions = self._in_all(data)
        last = -1
        for position in positions:
            start = data.rfind(b"\n", 0, position) + 1
            if start != last:
                yield start
            last = start

    def search(self, segment: bytes) -> int | None:
        """Where in a text between carriage returns the first match is."""
        if len(segment) <= SHOWN:
            match = self._pattern.search(segment)
            return match.start() if match else None
        for start, window in _windows(segment):
            if match := self._pattern.search(window):
                return start + match.start()
        return None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Every match in a line as it is shown."""
        return [match.span() for match in self._shown.finditer(text) if match.end() > match.start()]

    def _in_all(self, data: bytes) -> Iterator[int]:
        """One search for all lines is ten times as fast as one for each, but may match across two."""
        text = data.replace(b"\r", b"\n")
        if _may_have_long_lines(text):
            yield from self._in_each_segment(data)
            return
        position = 0
        while match := self._pattern.search(text, position):
            start = text.rfind(b"\n", 0, match.start()) + 1
            end = text.find(b"\n", match.start())
            end = len(text) if end < 0 else end
            if match.end() <= end or self._pattern.search(text[start:end]):
                yield start
            position = end + 1
            if position > len(text):
                return

    def _in_each_segment(self, data: bytes) -> Iterator[int]:
        position = 0
        for segment in data.replace(b"\r", b"\n").split(b"\n"):
            text = ESCAPES.sub(b"", segment) if b"\x1b" in segment else segment
            if segment and self.search(text) is not None:
                yield position
            position += len(segment) + 1


def _find(data: bytes, literal: bytes, ignore_case: bool) -> Iterator[int]:
    """The first occurrence in every line."""
    if ignore_case:
        data, literal = data.lower(), literal.lower()
    position = data.find(literal)
    while position >= 0:
        yield position
        line_end = data.find(b"\n", position)
        if line_end < 0:
            return
        position = data.find(literal, line_end + 1)


def _may_have_long_lines(text: bytes) -> bool:
    """If no line is longer than SHOWN, every stretch of half that length holds an end of line."""
    half = SHOWN // 2
    return any(text.find(b"\n", start, start + half) < 0 for start in range(0, len(text) - half, half))


def _windows(segment: bytes) -> Iterator[tuple[int, bytes]]:
    """Parts of a long line: `.*a.*b` takes time with the square of what it is searched in."""
    for start in range(0, max(1, len(segment) - OVERLAP), SHOWN - OVERLAP):
        yield start, segment[start : start + SHOWN]


def _compile(expression: AnyStr, flags: int) -> re.Pattern[AnyStr]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "possible nested set": nothing that a user can use
        try:
            return re.compile(expression, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise LogError(f"no regular expression: {error}") from None


ERRORS = Matcher(
    Query(
        r"Traceback \(most|(?:Error|Exception)\b|ERROR|CRITICAL|FATAL|error: |Out Of Memory|oom-kill"
        r"|Segmentation fault|Killed",
        is_regex=True,
        ignore_case=False,
    )
)
"""Lines that `next error` stops at: Python's, loggers', Slurm's and the kernel's."""
EPOCHS = Matcher(Query(r"eval_loss['\"]: ", is_regex=True, ignore_case=False))
"""The metrics of an evaluation end an epoch. Starting with a plain text, this is found at full speed."""
