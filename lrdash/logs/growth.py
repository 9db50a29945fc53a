"""What a file has grown by since the last look, for whoever keeps a copy of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

AT_ONCE = 4 * 2**20
"""Bytes: of what is longer at the first look, or grows by more between two, only the end is read."""
MARK = 64
"""Bytes before the end by which a file that was truncated and has grown again is told from one that grew."""


class GrowingFile:
    """Holds no descriptor between two looks: a sweep has thousands of logs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: os.stat_result | None = None
        self._end = 0
        """Offset up to which it has been read."""
        self._mark = b""
        """The last bytes before that."""

    def read_on(self) -> tuple[bytes, bool] | None:
        """New bytes, and whether they are another file's; None where there is nothing new."""
        try:
            status = os.stat(self._path)
            if not stat.S_ISREG(status.st_mode) or self._is_unchanged(status):
                return None
            # It may have become a FIFO since, and opening one waits for a writer.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            try:
                return self._read(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            return None  # not there, or not readable now

    def _read(self, descriptor: int) -> tuple[bytes, bool] | None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        anew = not self._is_continued_by(descriptor, status)
        position = 0 if anew else self._end
        start = max(position, status.st_size - AT_ONCE)
        data = os.pread(descriptor, status.st_size - start, start)
        self._seen, self._end = status, start + len(data)
        mark_start = max(0, self._end - MARK)
        self._mark = os.pread(descriptor, self._end - mark_start, mark_start)
        if start > position:
            data = b"[%d bytes were not kept]\n" % (start - position) + data
        return (data, anew) if data or anew else None

    def _is_unchanged(self, status: os.stat_result) -> bool:
        seen = self._seen
        return seen is not None and all(
            getattr(status, name) == getattr(seen, name)
            for name in ("st_dev", "st_ino", "st_size", "st_mtime_ns")
        )

    def _is_continued_by(self, descriptor: int, status: os.stat_result) -> bool:
        seen = self._seen
        if seen is None or (status.st_dev, status.st_ino) != (seen.st_dev, seen.st_ino):
            return False
        before = os.pread(descriptor, len(self._mark), self._end - len(self._mark))
        return status.st_size >= self._end and before == self._mark
