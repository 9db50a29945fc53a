"""Tracebacks in a log: the last one that is the program's own, not its launcher's."""

from __future__ import annotations

from lrdash.logs import causes
from lrdash.logs.facts import LogLine, StreamFacts
from lrdash.logs.lines import MAX_TEXT, printable

MAX_LINES = 60
"""Kept of a longer one: its beginning and its end."""
BEGINNING = 20
LONGEST = 5_000
"""Lines after which what does not end is no traceback."""


class TracebackReader:
    """Follows one stream; finished tracebacks go into the facts."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._at: LogLine | None = None
        self._length = 0

    @property
    def is_open(self) -> bool:
        """Whether the next line may belong to a traceback."""
        return bool(self._lines)

    def take(self, facts: StreamFacts, line: bytes, at: LogLine) -> None:
        if causes.TRACEBACK.search(line):
            self._lines, self._at, self._length = [at.text], at, 0
            return
        if not self._lines:
            return
        body = causes.RANK_PREFIX.sub(b"", line)
        self._lines.append(printable(body.decode("utf-8", "replace").rstrip())[:MAX_TEXT])
        self._length += 1
        if len(self._lines) > MAX_LINES:
            self._lines[BEGINNING : BEGINNING + 2] = ["  ..."]
        if not body[:1].isspace() and body.strip():
            self._finish(facts, body)
        elif self._length >= LONGEST:
            self._lines = []

    def _finish(self, facts: StreamFacts, last_line: bytes) -> None:
        """The line that is not indented is the exception; a launcher's never replaces the program's."""
        if not facts.traceback or not causes.LAUNCHER_ERROR.match(last_line):
            facts.traceback, facts.traceback_at = self._lines, self._at
        self._lines = []
