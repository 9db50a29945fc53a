"""Any part of a log of any size, at once, straight from the bytes on disk.

Positions are byte offsets: a file of 5 GB has no line numbers until somebody has counted
(`line_count.py`), but its last lines are one 64 KiB block away. The file is polled with `stat`, because
on NFS and other cluster file systems inotify does not see what other nodes write.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec

BLOCK = 64 * 1024
"""Bytes of one read; 16 to 256 KiB are equally fast, 1 MiB is slower."""
CACHED_BLOCKS = 32
PIECE = 256 * 1024
"""A line that goes on for longer is shown in pieces that end at multiples of this offset."""
SHOWN = 4 * 1024
"""Bytes of a line that are shown."""
Finder = Callable[[bytes], int | None]
"""Where in a text something is found."""
_MARK = 64
_NO_FILE = -1


class Line(msgspec.Struct, frozen=True):
    """A line as a terminal would leave it: what follows the last carriage return."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset after its newline, where the next line starts."""
    data: bytes
    """What is shown of it; without newline and never longer than SHOWN."""
    skipped: int = 0
    """Bytes at its start that are not in `data`."""
    omitted: int = 0
    """Bytes at its end that are not in `data`."""


class LogFile:
    """A log that may be absent, grow, be truncated, replaced or removed while it is being looked at.

    Not thread-safe: whoever shares one lets a single thread do all the work.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.modified: float | None = None
        """Time of the last write, Unix seconds."""
        self.problem: str | None = None
        """Why there is nothing (more) to be seen, in plain words."""
        self.generation = 0
        """Counts the files that were found under this path; offsets are valid within one of them."""
        self.bytes_read = 0
        self.looked_for: Finder | None = None
        """What is to be seen of a line, even where a progress bar has overwritten it or it is far inside."""
        self._descriptor = _NO_FILE
        self._seen: os.stat_result | None = None
        self._mark = (0, b"")
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def refresh(self) -> None:
        """Look at the path again: what was appended becomes visible, another file starts a generation."""
        try:
            status = os.stat(self.path)
        except OSError as error:
            self.problem = _words(error, was_there=self._descriptor != _NO_FILE)
            return
        if self._descriptor == _NO_FILE or not self._is_continued_by(status):
            self._open()
        elif status != self._seen:
            self._grow_to(status)
        else:
            self.problem = None

    def close(self) -> None:
        if self._descriptor != _NO_FILE:
            os.close(self._descriptor)
        self._descriptor = _NO_FILE

    def start_of_line(self, offset: int) -> int:
        """Where the line (or the piece of a long line) that holds the byte at `offset` starts."""
        offset = max(0, min(offset, self.size))
        piece = offset - offset % PIECE
        newline = self._find_newline_backwards(max(0, piece - PIECE), offset)
        return piece if newline is None else newline + 1

    def end_of_line(self, start: int) -> int:
        """Where the line that starts at `start` ends: after its newline, at a piece's end or at the end."""
        limit = min(self.size, (-(-start // PIECE) + 1) * PIECE)
        position = start
        while position < limit:
            block, skip = self._block_at(position)
            newline = block.find(b"\n", skip, skip + limit - position)
            if newline >= 0:
                return position - skip + newline + 1
            if len(block) < BLOCK:
                return min(limit, position - skip + len(block))
            position += BLOCK - skip
        return limit

    def line(self, start: int) -> Line:
        """The line that starts at `start`."""
        return self._line(start, self.end_of_line(start))

    def lines_from(self, start: int, count: int) -> list[Line]:
        """Up to `count` lines, the first of which starts at `start`."""
        lines: list[Line] = []
        while len(lines) < count and start < self.size:
            line = self.line(start)
            if line.end <= start:
                break
            lines.append(line)
            start = line.end
        return lines

    def lines_before(self, end: int, count: int) -> list[Line]:
        """Up to `count` lines in their order, the last of which ends at `end`, a line's start or the end."""
        lines: list[Line] = []
        end = min(end, self.size)
        while len(lines) < count and end > 0:
            start = self.start_of_line(end - 1)
            lines.append(self._line(start, end))
            end = start
        return lines[::-1]

    def whole_line(self, start: int) -> tuple[bytes, bool]:
        """All of the line of which `line` shows a part, and whether it is a piece of a longer one."""
        end = self.end_of_line(start)
        data = self.read(start, end)
        before = self.read(start - 1, start) if start else b"\n"
        is_piece = before != b"\n" or (end < self.size and not data.endswith(b"\n"))
        return shown_segment(data, self.looked_for)[0], is_piece

    def read(self, start: int, end: int) -> bytes:
        """The bytes as they are; fewer when the file has become shorter."""
        parts = []
        while start < end:
            block, skip = self._block_at(start)
            part = block[skip : skip + end - start]
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def read_through(self, start: int, length: int) -> bytes:
        """Bytes for a scan of the whole file, which would only push what is shown out of the cache."""
        return self._pread(start, min(length, self.size - start))

    def _line(self, start: int, end: int) -> Line:
        data, match = shown_segment(self.read(start, end), self.looked_for)
        skipped = 0 if match < SHOWN // 2 else min(match - SHOWN // 4, len(data) - SHOWN // 2)
        shown = data[skipped : skipped + SHOWN]
        return Line(start, end, shown, skipped, len(data) - skipped - len(shown))

    def _find_newline_backwards(self, limit: int, position: int) -> int | None:
        """The last newline in [limit, position)."""
        while position > limit:
            block, skip = self._block_at(position - 1)
            block_start = position - 1 - skip
            newline = block.rfind(b"\n", max(0, limit - block_start), skip + 1)
            if newline >= 0:
                return block_start + newline
            position = block_start
        return None

    def _block_at(self, offset: int) -> tuple[bytes, int]:
        """The block that holds `offset`, and where in it that byte is."""
        skip = offset % BLOCK
        start = offset - skip
        length = min(BLOCK, self.size - start)
        block = self._blocks.get(start)
        if block is None or len(block) < length:
            block = self._pread(start, length)
            self._blocks[start] = block
            if len(self._blocks) > CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(start)
        return block, skip

    def _pread(self, start: int, length: int) -> bytes:
        if self._descriptor == _NO_FILE or length <= 0:
            return b""
        try:
            data = os.pread(self._descriptor, length, start)
        except OSError as error:
            # ESTALE: another node replaced the file; whoever reads sees that the generation changed.
            if error.errno == errno.ESTALE:
                self._open()
            else:
                self.problem = _words(error, was_there=True)
            return b""
        self.bytes_read += len(data)
        return data

    def _is_continued_by(self, status: os.stat_result) -> bool:
        """Whether this is the file that was seen before, with all that was seen of it."""
        seen = self._seen
        if seen is None or (status.st_dev, status.st_ino) != (seen.st_dev, seen.st_ino):
            return False
        if status.st_size < self.size:
            return False
        if (status.st_size, status.st_mtime_ns) == (seen.st_size, seen.st_mtime_ns):
            return True
        # Truncated and written again past the old size: the last bytes that were seen are not there.
        start, data = self._mark
        return self._pread(start, len(data)) == data

    def _open(self) -> None:
        self.close()
        self.generation += 1
        self.size, self._seen, self._mark = 0, None, (0, b"")
        self._blocks.clear()
        try:
            # Without O_NONBLOCK, opening a FIFO that nobody writes to would never return.
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            status = os.fstat(self._descriptor)
        except OSError as error:
            self.close()
            self.problem = _words(error, was_there=False)
            return
        if not stat.S_ISREG(status.st_mode):
            self.close()
            self.problem = f"this is {_kind(status.st_mode)}, not a log file"
            return
        self._grow_to(status)

    def _grow_to(self, status: os.stat_result) -> None:
        self._seen, self.size, self.modified = status, status.st_size, status.st_mtime
        self.problem = None
        start = max(0, self.size - _MARK)
        self._mark = (start, self._pread(start, self.size - start))


def shown_segment(data: bytes, looked_for: Finder | None = None) -> tuple[bytes, int]:
    """What a terminal leaves of a line that progress bars have overwritten with carriage returns.

    Of the texts in which something is found, the last one stays; the second value says where it is found.
    Done on bytes: decoding every overwritten state of a bar would be most of the work.

    >>> shown_segment(b" 10%\\r 20%\\r 30%\\r\\n")
    (b' 30%', 0)
    """
    is_whole = data.endswith(b"\n")
    data = data.rstrip(b"\r\n")
    if looked_for:
        for segment in reversed(data.split(b"\r")):
            if (match := looked_for(segment)) is not None:
                return segment, match
    before, _, last = data.rpartition(b"\r")
    if not is_whole and before and len(data) >= PIECE - 2:
        # A piece of a line ends in the middle of a bar: the one before is whole.
        return before.rpartition(b"\r")[2], 0
    return last, 0


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a device or socket"


def _words(error: OSError, *, was_there: bool) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "the file was removed; this is what was in it" if was_there else "no such file yet"
        case errno.EACCES | errno.EPERM:
            return "permission denied: only its owner can read this log"
        case errno.ESTALE:
            return "stale file handle: the file was replaced on the server"
        case errno.ENXIO:
            return "this is a device or socket, not a log file"
    return os.strerror(error.errno) if error.errno else str(error)
