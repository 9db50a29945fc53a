"""How far a log was read, and whether it is still the same log."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from lrdash import __version__
from lrdash.kept import keep
from lrdash.logs.facts import StreamFacts

HEAD_BYTES = 4096
TAIL_BYTES = 256


class Cursor(msgspec.Struct):
    """Where reading goes on, proof that the bytes before are the ones that were read, and what they said."""

    file: str
    device: int
    inode: int
    offset: int = 0
    line: int = 1
    head_bytes: int = 0
    head_hash: str = ""
    tail_hash: str = ""
    attempts: list[StreamFacts] = []
    version: str = __version__
    """Other versions find other things in the same bytes."""

    def move(self, fd: int, offset: int, line: int) -> None:
        """Note that everything before `offset` was read."""
        self.offset, self.line = offset, line
        self.head_bytes = min(HEAD_BYTES, offset)
        self.head_hash, self.tail_hash = self._hashes(fd)

    def still_fits(self, fd: int) -> bool:
        """Whether the file is the one that was read, and its read part untouched.

        A log that was truncated and has grown past the offset since differs in these bytes.
        """
        status = os.fstat(fd)
        same = (status.st_dev, status.st_ino) == (self.device, self.inode) and status.st_size >= self.offset
        return same and self._hashes(fd) == (self.head_hash, self.tail_hash)

    def _hashes(self, fd: int) -> tuple[str, str]:
        start = max(0, self.offset - TAIL_BYTES)
        return _hash(os.pread(fd, self.head_bytes, 0)), _hash(os.pread(fd, self.offset - start, start))


def load_cursor(cache_dir: Path, file: Path) -> Cursor | None:
    """The cursor kept from an earlier start; None when there is none that this version can use."""
    try:
        cursor = msgspec.json.decode(_cache_file(cache_dir, file).read_bytes(), type=Cursor)
    except (OSError, msgspec.DecodeError):  # a cache that cannot be read is only slow
        return None
    return cursor if cursor.version == __version__ and cursor.file == str(file) else None


def save_cursor(cache_dir: Path, cursor: Cursor) -> None:
    """Keep a cursor for the next start."""
    keep(_cache_file(cache_dir, Path(cursor.file)), msgspec.json.encode(cursor))


def _cache_file(cache_dir: Path, file: Path) -> Path:
    return cache_dir / f"{_hash(os.fsencode(file))}.json"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
