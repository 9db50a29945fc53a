"""One growing log file, read once: new bytes go to the collector, a changed past starts it anew."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

import msgspec

from lrdash.logs import patterns
from lrdash.logs.collect import Collector
from lrdash.logs.cursor import Cursor, load_cursor, save_cursor
from lrdash.logs.facts import OptimizerLine, ProgressSample, Stream, StreamFacts
from lrdash.logs.optimizer import LINE, find_optimizer_lines

BLOCK = 1 << 18
LONGEST_LINE = 4 << 20
"""Bytes without any line break that are held back; beyond, the line is taken in parts."""
OVERLAP = 4096
TAIL_WINDOW = 1 << 16
SAVE_SECONDS = 10.0
QUIET_SECONDS = 30.0
"""A last line without its line break counts as whole when nothing followed for so long."""
MAX_LIVE_SAMPLES = 512


class StreamReader:
    """Facts of one file, kept up to date by `scan`."""

    def __init__(self, path: Path, stream: Stream, cache_dir: Path | None) -> None:
        self.path = path
        self.stream: Stream = stream
        self.bytes_read = 0
        """Log bytes taken in so far (what the checks of the cursor re-read is not counted)."""
        self.bytes_checked = 0
        self.problem: str | None = None
        """Why the file cannot be read; None when it can, or is just not there."""
        self.is_missing = True
        self.last_output: float | None = None
        self.unread_bytes = 0
        self._cache_dir = cache_dir
        self._cursor = load_cursor(cache_dir, path) if cache_dir else None
        self._collector = self._new_collector()
        self._seen: tuple[int, int, int] | None = None
        self._saved_at: float | None = None
        self._unfinished = b""
        self._ahead: tuple[OptimizerLine, ...] = ()
        self._looked_until = 0
        self._known: list[StreamFacts] | None = None
        self._changes = self._saved_changes = 0

    def scan(self, budget: int | None = None) -> None:
        """Take in what is new, at most about `budget` bytes of it."""
        try:
            self._scan_once(budget)
        except OSError as error:
            if error.errno == errno.ESTALE:  # NFS: the file behind the handle was replaced; ask by name again
                self._retry(budget)
            else:
                self._fail(error)

    @property
    def version(self) -> tuple[object, ...]:
        """Equal as long as `attempts` and what else is known of the file are the same."""
        held = self._unfinished if self._is_quiet() else b""
        return self._changes, self.last_output, self.is_missing, self.unread_bytes, held

    def attempts(self) -> list[StreamFacts]:
        """What is known, the last line included where it looks whole."""
        if self._known is None:
            self._known = [facts.copy() for facts in self._collector.attempts]
        known = self._known
        extra = [*self._ahead, *self._unfinished_optimizer()]
        causes = self._peek().causes if self._is_quiet() else []
        if not extra and not causes:
            return known
        last = known[-1]
        last = msgspec.structs.replace(
            last, optimizer=[*last.optimizer, *extra], causes=[*last.causes, *causes]
        )
        return [*known[:-1], last]

    def save(self) -> None:
        """Keep the cursor for the next start."""
        if self._cache_dir and self._cursor and self._saved_changes != self._changes:
            self._cursor.attempts = self._collector.attempts
            save_cursor(self._cache_dir, self._cursor)
            self._saved_at, self._saved_changes = time.monotonic(), self._changes

    def _retry(self, budget: int | None) -> None:
        try:
            self._scan_once(budget)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Keep what is known; a file that is gone may come back."""
        self.is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        self.problem = None if self.is_missing else f"{self.path}: {error.strerror}"
        self._seen = None

    def _scan_once(self, budget: int | None) -> None:
        status = self.path.stat()
        self.is_missing, self.problem = False, None
        if not stat.S_ISREG(status.st_mode):
            self.problem = f"{self.path}: is no regular file"
            return
        self.last_output = status.st_mtime
        now = (status.st_ino, status.st_size, status.st_mtime_ns)
        if now == self._seen and not self.unread_bytes:
            return
        fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._read(fd, budget)
        finally:
            os.close(fd)
        self._seen = now

    def _read(self, fd: int, budget: int | None) -> None:
        self._known = None
        self._changes += 1
        status = os.fstat(fd)
        cursor = self._cursor_for(fd, status)
        before = cursor.offset
        limit = status.st_size if budget is None else min(status.st_size, before + max(budget, BLOCK))
        self._take_blocks(fd, cursor, limit)
        self.unread_bytes = status.st_size - cursor.offset - len(self._unfinished)
        if cursor.offset != before:
            self._note_live_sample(status.st_mtime)
        if self.unread_bytes and (limit < status.st_size):
            self._look_ahead(fd, limit, status.st_size)
        else:
            self._ahead = ()
        if self._saved_at is None or time.monotonic() - self._saved_at > SAVE_SECONDS:
            self.save()

    def _cursor_for(self, fd: int, status: os.stat_result) -> Cursor:
        """The cursor to go on from; a new one when the file's past is not the one that was read."""
        if self._cursor:
            self.bytes_checked += self._cursor.head_bytes + min(256, self._cursor.offset)
            if self._cursor.still_fits(fd):
                return self._cursor
        self._cursor = Cursor(str(self.path), status.st_dev, status.st_ino)
        self._cursor.move(fd, 0, 1)
        self._collector = self._new_collector()
        self._unfinished, self._ahead, self._looked_until = b"", (), 0
        return self._cursor

    def _new_collector(self) -> Collector:
        cursor = self._cursor
        if cursor is None or not cursor.attempts:
            return Collector(str(self.path), self.stream)
        return Collector(str(self.path), self.stream, cursor.attempts, cursor.line)

    def _take_blocks(self, fd: int, cursor: Cursor, limit: int) -> None:
        """Feed whole lines; what follows the last line break is read again next time."""
        position, size = cursor.offset, BLOCK
        while block := os.pread(fd, min(size, limit - position), position):
            cut = _end_of_lines(block)
            if not cut and len(block) == LONGEST_LINE:
                cut = len(block) - OVERLAP
            if cut:
                self._collector.feed(block[:cut])
                position += cut
                size = BLOCK
            elif len(block) == size:
                size = min(2 * size, LONGEST_LINE)
            else:
                break
        self._unfinished = block
        self.bytes_read += position - cursor.offset
        cursor.move(fd, position, self._collector.line)

    def _look_ahead(self, fd: int, start: int, end: int) -> None:
        """The optimizer line of what is still to be scanned, at the speed of a plain search."""
        if not self._ahead:
            self._ahead = tuple(find_optimizer_lines(fd, str(self.path), max(start, self._looked_until)))
            self._looked_until = end - LINE  # a line there may not have been whole

    def _note_live_sample(self, when: float) -> None:
        facts = self._collector.facts
        samples, step = facts.live_samples, facts.last_step
        if step is None or (samples and (step <= samples[-1].step or when <= samples[-1].seconds)):
            return
        samples.append(ProgressSample(when, step))
        if len(samples) > MAX_LIVE_SAMPLES:
            del samples[1:-1:2]

    def _is_quiet(self) -> bool:
        return self.last_output is not None and time.time() - self.last_output > QUIET_SECONDS

    def _unfinished_optimizer(self) -> list[OptimizerLine]:
        """An optimizer line that ends the file without a line break, if none of its digits is missing."""
        whole = patterns.WHOLE_OPTIMIZER.search(self._unfinished)
        return self._peek().optimizer if whole or self._is_quiet() else []

    def _peek(self) -> StreamFacts:
        collector = Collector(str(self.path), self.stream, line=self._collector.line)
        collector.feed(self._unfinished)
        return collector.facts


def _end_of_lines(data: bytes) -> int:
    """Where the last line break or carriage return ends; 0 without any."""
    window = max(0, len(data) - TAIL_WINDOW)
    cut = max(data.rfind(b"\n", window), data.rfind(b"\r", window))
    return (cut if cut >= 0 else max(data.rfind(b"\n"), data.rfind(b"\r"))) + 1
