"""What is looked for in logs, and which lines have it.

A line matches if any of the texts that a progress bar left between its carriage returns does: what was
overwritten is found too. Bytes are compared, so a log need not be UTF-8; case is ignored for ASCII.

Expressions that a user types are searched for by `regex` and not by `re`, which has no timeout and holds
the interpreter: `loss.*acc.*x` takes it minutes on one line of 100 KB, and the screen would stand still.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any, AnyStr, Protocol

import msgspec

from lrdash.errors import LogError
from lrdash.logs.escapes import without_escapes

SCAN_SECONDS = 1.0
"""Most time that one search in a mebibyte may take."""
LINE_SECONDS = 0.05
"""Most time for a line that is on the screen."""


class Query(msgspec.Struct, frozen=True):
    """What somebody typed."""

    text: str
    is_regex: bool = False
    ignore_case: bool | None = None
    """None: unless the text has a capital letter."""

    @property
    def ignores_case(self) -> bool:
        return self.text == self.text.lower() if self.ignore_case is None else self.ignore_case


class Pattern(Protocol):
    """What `re` and `regex` have in common here; the time is in seconds."""

    def search(self, text: AnyStr, start: int, seconds: float) -> tuple[int, int] | None: ...


class Matcher:
    """Finds a text or a regular expression in the bytes of whole lines."""

    def __init__(self, query: Query, pattern: re.Pattern[bytes] | None = None) -> None:
        """With `pattern`, an expression of our own that is known to be harmless.

        Raises:
            LogError: what was typed is no regular expression.
        """
        self.query = query
        self.is_too_slow = False
        """Whether the expression has run out of time; it finds nothing any more."""
        flags = re.MULTILINE | (re.IGNORECASE if query.ignores_case else 0)
        raw = query.text.encode("utf-8", "surrogateescape")
        self._literal = None if query.is_regex else raw
        self._pattern: Pattern
        self._shown: Pattern
        if pattern is not None:
            self._pattern, self._shown = _Plain(pattern), _Plain(re.compile(query.text))
        elif query.is_regex:
            self._pattern, self._shown = _Timed(raw, flags), _Timed(query.text, flags | re.ASCII)
        else:
            self._pattern = _Plain(re.compile(re.escape(raw), flags))
            self._shown = _Plain(re.compile(re.escape(query.text), flags | re.ASCII))

    def line_starts(self, data: bytes) -> Iterator[int]:
        """Where lines start that match, in bytes that begin and end with whole lines.

        Raises:
            LogError: the expression takes too long.
        """
        last = -1
        for position in self._positions(data):
            start = data.rfind(b"\n", 0, position) + 1
            if start != last:
                yield start
            last = start

    def search(self, segment: bytes) -> int | None:
        """Where the first match is in a text that is to be shown."""
        if self._literal is not None:
            return next(_find(segment, self._literal, self.query.ignores_case), None)
        found = self._in_time(self._pattern, segment, 0)
        return found[0] if found else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Every match in a line as it is shown."""
        spans: list[tuple[int, int]] = []
        position = 0
        while found := self._in_time(self._shown, text, position):
            start, end = found
            if end > start:
                spans.append(found)
            position = max(end, start + 1)
        return spans

    def _in_time(self, pattern: Pattern, text: AnyStr, start: int) -> tuple[int, int] | None:
        if self.is_too_slow or start > len(text):
            return None
        try:
            return pattern.search(text, start, LINE_SECONDS)
        except TimeoutError:
            self.is_too_slow = True
            return None

    def _positions(self, data: bytes) -> Iterator[int]:
        """Lines without escape sequences many at once, those with some one by one: few have any."""
        start = 0
        while (escape := data.find(b"\x1b", start)) >= 0:
            line, end = data.rfind(b"\n", 0, escape) + 1, data.find(b"\n", escape) + 1 or len(data)
            yield from (start + at for at in self._in_plain(data[start:line]))
            yield from (line + at for at in self._in_each_segment(data[line:end]))
            start = end
        yield from (start + at for at in self._in_plain(data[start:] if start else data))

    def _in_plain(self, data: bytes) -> Iterator[int]:
        if self._literal is not None:
            return _find(data, self._literal, self.query.ignores_case)
        return self._in_all(data)

    def _in_all(self, data: bytes) -> Iterator[int]:
        """One search for all lines is ten times as fast as one for each, but may match across two."""
        text = data.replace(b"\r", b"\n")
        position = 0
        while position < len(text) and (found := self._search(text, position)):
            start = text.rfind(b"\n", 0, found[0]) + 1
            end = text.find(b"\n", found[0])
            end = len(text) if end < 0 else end
            if found[1] <= end or self._search(text[start:end], 0):
                yield start
            position = end + 1

    def _in_each_segment(self, data: bytes) -> Iterator[int]:
        position = 0
        for segment in data.replace(b"\r", b"\n").split(b"\n"):
            text = without_escapes(segment)
            if segment and self._search(text, 0):
                yield position
            position += len(segment) + 1

    def _search(self, text: bytes, start: int) -> tuple[int, int] | None:
        try:
            if not self.is_too_slow:
                return self._pattern.search(text, start, SCAN_SECONDS)
        except TimeoutError:
            self.is_too_slow = True
        raise LogError(f"{self.query.text!r} takes too long on long lines: look for something simpler")


class _Plain:
    """`re`, for texts and for expressions of our own."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self._pattern = pattern

    def search(self, text: AnyStr, start: int, seconds: float) -> tuple[int, int] | None:
        match = self._pattern.search(text, start)
        return match.span() if match else None


class _Timed:
    """`regex`, which lets other threads run and gives up in time."""

    def __init__(self, expression: str | bytes, flags: int) -> None:
        import regex  # 40 ms, paid by the first one who types an expression

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set": nothing that a user can use
            try:
                self._pattern = regex.compile(expression, flags)
            except (regex.error, OverflowError, RecursionError) as error:
                raise LogError(f"no regular expression: {error}") from None

    def search(self, text: AnyStr, start: int, seconds: float) -> tuple[int, int] | None:
        match = self._pattern.search(text, start, timeout=seconds, concurrent=True)
        return match.span() if match else None


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


def _our_own(expression: str) -> Matcher:
    query = Query(expression, is_regex=True, ignore_case=False)
    return Matcher(query, re.compile(expression.encode()))


ERRORS = _our_own(
    r"Traceback \(most|(?:Error|Exception)\b|ERROR|CRITICAL|FATAL|error: |Out Of Memory|oom-kill"
    r"|Segmentation fault|Killed"
)
"""Lines that `next error` stops at: Python's, loggers', Slurm's and the kernel's."""
EPOCHS = _our_own(r"eval_loss['\"]: ")
"""The metrics of an evaluation end an epoch. Starting with a plain text, this is found at full speed."""
