"""Tracebacks in a log: the last one that is the program's own, not its launcher's."""

from __future__ import annotations

from lrdash.logs import causes
from lrdash.logs.facts import LogLine, StreamFacts
from lrdash.logs.lines import MAX_TEXT, printable

MAX_LINES = 60
"""Kept of a longer one: its beginning and its end."""
BEGINNING = 20
_BOX = ("│".encode(), "╰".encode())
"""Rich draws a box around its tracebacks, above the exception."""
LONGEST = 5_000
"""Lines after which what does not end is no traceback."""


class TracebackReader:
    """Follows one stream; finished tracebacks go into the facts."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._at: LogLine | None = None
        self._length = 0
        self._aside: LogLine | None = None
        """The line by which Python says that the next traceback ends no program..."""
        self._ignores = False
        """...and that its exception is ignored."""
        self._is_aside = self._is_ignored = False

    @property
    def is_open(self) -> bool:
        """Whether the next line may belong to a traceback."""
        return bool(self._lines)

    def take(self, facts: StreamFacts, line: bytes, at: LogLine) -> bool:
        """Follow one line; False when it is of an exception that Python ignores, and can explain nothing."""
        if causes.TRACEBACK.search(line):
            self._open(at)
        elif self._lines:
            ignored = self._is_ignored
            self._follow(facts, line, at)
            return not ignored
        elif aside := causes.EXCEPTION_ASIDE.search(line):
            self._aside = at
            self._ignores = bool(aside["ignored"])
            return not self._ignores
        return True

    def _open(self, at: LogLine) -> None:
        self._lines, self._at, self._length = [at.text], at, 0
        before = self._aside
        self._is_aside = before is not None and (at.line or 0) - (before.line or 0) <= 1
        self._is_ignored = self._is_aside and self._ignores

    def _follow(self, facts: StreamFacts, line: bytes, at: LogLine) -> None:
        body = causes.RANK_PREFIX.sub(b"", line)
        self._lines.append(printable(body.decode("utf-8", "replace").rstrip())[:MAX_TEXT])
        self._length += 1
        if len(self._lines) > MAX_LINES:
            self._lines[BEGINNING : BEGINNING + 2] = ["  ..."]
        if not body[:1].isspace() and body.strip() and not body.startswith(_BOX):
            self._finish(facts, body, at)
        elif self._length >= LONGEST:
            self._lines = []

    def _finish(self, facts: StreamFacts, last_line: bytes, at: LogLine) -> None:
        """The line that is not indented is the exception.

        One of a launcher or of a thread never replaces the program's; one that is ignored is none.
        """
        ends_program = not self._is_aside and not causes.LAUNCHER_ERROR.match(last_line)
        if ends_program or (not facts.traceback and not self._is_ignored):
            facts.traceback, facts.traceback_at = self._lines, self._at
        if ends_program:
            facts.uncaught = at.line or 0
        self._lines = []
