"""A copy that is kept of a file that grows is that file, whatever happens to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lrdash.logs import growth
from lrdash.logs.growth import GrowingFile


def test_what_was_appended_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = GrowingFile(path)
    assert file.read_on() is None
    path.write_bytes(b"one\n")
    assert file.read_on() == (b"one\n", True)
    assert file.read_on() is None
    with path.open("ab") as log:
        log.write(b"two\xff\x00")
    assert file.read_on() == (b"two\xff\x00", False)
    path.unlink()
    assert file.read_on() is None
    path.write_bytes(b"it is back\n")
    assert file.read_on() == (b"it is back\n", True)


@pytest.mark.parametrize("after", [b"new\n", b"new and longer than before\n", b""])
@pytest.mark.parametrize("replaced", [False, True])
def test_another_file_is_read_from_its_start(tmp_path: Path, after: bytes, replaced: bool) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old old old\n")
    file = GrowingFile(path)
    file.read_on()
    (tmp_path / "other").write_bytes(after)
    if replaced:
        (tmp_path / "other").rename(path)
    else:
        path.write_bytes(after)
    assert file.read_on() == (after, True)


def test_only_the_end_of_what_is_long_is_kept_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "AT_ONCE", 8)
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100 + b"the end\n")
    assert GrowingFile(path).read_on() == (b"[100 bytes were not kept]\nthe end\n", True)


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        assert GrowingFile(path).read_on() is None
