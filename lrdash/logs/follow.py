"""Every byte of a growing log, each once, in order: what `tail -F` is for."""

from __future__ import annotations

from collections.abc import Iterator

from lrdash.logs.window import LogFile

CHUNK = 1024 * 1024
LONGEST_LINE = 4 * CHUNK
"""Bytes that are held back while their end of line has not been written."""


class Follower:
    """Reads on from an offset; starts at 0 when the file was truncated or replaced."""

    def __init__(self, log: LogFile, start: int = 0) -> None:
        self.log = log
        self.restarts = 0
        """How often another file was found under the path."""
        self._position = start
        self._generation = log.generation
        self._unfinished = b""

    def new_bytes(self) -> Iterator[bytes]:
        """What was appended since the last call."""
        self.log.refresh()
        self._notice_replacement()
        while data := self.log.read_through(self._position, CHUNK):
            self._position += len(data)
            yield data
        self._notice_replacement()

    def new_lines(self) -> Iterator[bytes]:
        """Whole lines that were finished since the last call, many in each piece."""
        for data in self.new_bytes():
            whole, newline, rest = (self._unfinished + data).rpartition(b"\n")
            if newline:
                yield whole + newline
            self._unfinished = rest
            if len(rest) > LONGEST_LINE:
                yield self.unfinished_line()

    def unfinished_line(self) -> bytes:
        """The last line, whose end has not been written; it is not returned again."""
        line, self._unfinished = self._unfinished, b""
        return line

    def _notice_replacement(self) -> None:
        if self.log.generation != self._generation:
            self.restarts += self._position > 0
            self._generation, self._position, self._unfinished = self.log.generation, 0, b""
