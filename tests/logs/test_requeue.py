"""What a requeue does to a log, and a file server to a handle: window and scanner show what is there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lrdash.logs.scanner import LogScanner
from lrdash.logs.window import LogFile
from tests.logs.test_scanner import BANNER, OPTIMIZER, ROW

OLD = OPTIMIZER + ROW % 1 + ROW % 2
SHORTER, LARGER = ROW % 7, BANNER + ROW % 7 + ROW % 8 + OPTIMIZER + ROW % 9


def truncate(path: Path) -> bytes:
    with path.open("r+b") as log:
        log.truncate(0)
        log.write(SHORTER)
    return SHORTER


def truncate_and_regrow(path: Path) -> bytes:
    with path.open("r+b") as log:
        log.truncate(0)
        log.write(LARGER)
    return LARGER


def replace_with_a_larger_file(path: Path) -> bytes:
    other = path.with_name("other")
    other.write_bytes(LARGER)
    other.replace(path)
    return LARGER


def delete(path: Path) -> bytes:
    path.unlink()
    return OLD  # what was in it stays in view


def go_on(path: Path) -> bytes:
    with path.open("ab") as log:
        log.write(LARGER)
    return OLD + LARGER


CHANGES = (truncate, truncate_and_regrow, replace_with_a_larger_file, delete, go_on)


class Readers:
    """A log as a window and as a scanner follow it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log, self.scanner = LogFile(path), LogScanner()

    def check(self, content: bytes) -> None:
        """Both know this content and nothing else; the second look tells no more than the first."""
        for _ in range(2):
            self.log.refresh()
            lines = self.log.lines_from(0, 100)
            assert [line.data for line in lines] == content.splitlines()
            facts = self.scanner.scan(self.path, self.path.with_suffix(".err"))[-1]
            assert [row.step for row in facts.steps] == [n for n in range(10) if ROW % n in content]
            assert len(facts.optimizer) == content.count(OPTIMIZER)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "7_2.out"
    path.write_bytes(OLD)
    return path


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_a_requeue_does(path: Path, change: Callable[[Path], bytes]) -> None:
    readers = Readers(path)
    readers.check(OLD)
    readers.check(change(path))


@pytest.mark.parametrize("content", [SHORTER, LARGER, OLD], ids=["shorter", "larger", "the same"])
def test_a_log_that_was_deleted_and_comes_back_late(path: Path, content: bytes) -> None:
    readers = Readers(path)
    readers.check(OLD)
    readers.check(delete(path))
    assert readers.log.problem == "the file was removed; this is what was in it"
    path.write_bytes(content)
    readers.check(content)
    assert readers.log.problem is None


@pytest.mark.parametrize("change", [replace_with_a_larger_file, go_on], ids=lambda change: change.__name__)
def test_a_handle_that_has_gone_stale(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], bytes]
) -> None:
    """NFS: the server forgets the file behind a handle; asked for by name it is there."""
    readers = Readers(path)
    readers.check(OLD)
    content = change(path)
    read, is_stale = os.pread, [True, True]

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        if is_stale:
            is_stale.pop()
            raise OSError(errno.ESTALE, "Stale file handle")
        return read(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", pread)
    readers.log.read_through(0, 1)  # the window meets one, the scanner the other
    readers.scanner.scan(path, path.with_suffix(".err"))
    assert not is_stale
    readers.check(content)


def test_a_log_that_may_not_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = Readers(path)

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)  # root may read everything
        readers.log.refresh()
        readers.scanner.scan(path, path.with_suffix(".err"))
    assert readers.log.problem == "permission denied: only its owner can read this log"
    told = readers.scanner.problems(path, path.with_suffix(".err"))
    assert told == (f"{path}: Permission denied",)
    readers.check(OLD)
