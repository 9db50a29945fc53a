"""Any part of a log: the same lines whether read forwards or backwards, and never more than is needed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdash.logs import window
from lrdash.logs.window import BLOCK, PIECE, SHOWN, Line, LogFile, shown_segment


def opened(path: Path) -> LogFile:
    log = LogFile(path)
    log.refresh()
    return log


def forwards(log: LogFile) -> list[Line]:
    return log.lines_from(0, 10**9)


def backwards(log: LogFile) -> list[Line]:
    return log.lines_before(log.size, 10**9)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"one",
        b"one\n",
        b"one\ntwo",
        b"\n\n\n",
        b"a\r\nb\r\n",
        b"x" * BLOCK + b"\ny\n",
        b"\n" * BLOCK,
    ],
    ids=["empty", "newline", "unfinished", "one", "two", "blank", "crlf", "block", "blank block"],
)
def test_lines_are_the_same_from_both_ends(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    log = opened(path)
    lines = forwards(log)
    assert lines == backwards(log)
    assert [line.data for line in lines] == [
        line.rstrip(b"\r\n")[:SHOWN] for line in content.splitlines(keepends=True)
    ]
    assert [line.start for line in lines[1:]] == [line.end for line in lines[:-1]]


def test_a_screen_at_the_end_reads_one_block(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(500_000)))
    log = opened(path)
    assert [line.data for line in log.lines_before(log.size, 3)] == [
        b"line 499997",
        b"line 499998",
        b"line 499999",
    ]
    assert log.bytes_read <= 2 * BLOCK
    assert log.lines_from(log.start_of_line(log.size // 2), 1)[0].data.startswith(b"line ")
    assert log.bytes_read <= 4 * BLOCK


def test_a_line_of_ten_megabytes_is_shown_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n" + b"x" * 10_000_000 + b"\nafter\n")
    log = opened(path)
    lines = forwards(log)
    assert lines == backwards(log)
    assert (lines[0].data, lines[-1].data) == (b"before", b"after")
    assert all(line.end - line.start <= 2 * PIECE and len(line.data) <= SHOWN for line in lines)
    assert sum(len(line.data) + line.omitted for line in lines[1:-1]) == 10_000_000
    assert [log.line(line.start) for line in lines] == lines
    assert {log.start_of_line(offset) for offset in range(0, log.size, 999)} <= {line.start for line in lines}


def test_the_end_of_a_progress_bar_without_newlines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"optimizer line\n" + b"".join(b"\r%7d of 1000000" % step for step in range(200_000)))
    log = opened(path)
    assert log.lines_before(log.size, 1)[0].data == b" 199999 of 1000000"
    assert log.bytes_read < 12 * BLOCK
    assert forwards(log)[0].data == b"optimizer line"
    assert all(len(line.data) == len(b" 199999 of 1000000") for line in forwards(log)[1:])


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"plain\n", b"plain"),
        (b" 10%\r 20%\r 30%\n", b" 30%"),
        (b" 10%\r 20%\r 30%\r\n", b" 30%"),
        (b"\r\r\r\n", b""),
        (b"done\r", b"done"),
        (b"a\r\nb"[:3], b"a"),
    ],
)
def test_progress_collapses_to_its_last_state(line: bytes, shown: bytes) -> None:
    assert shown_segment(line) == (shown, 0)


def test_what_is_looked_for_stays_though_a_bar_has_overwritten_it() -> None:
    line = b"\r 10%\r[INFO] the line\r 20%\n"
    assert shown_segment(line, lambda text: 7 if b"the line" in text else None) == (b"[INFO] the line", 7)


def test_what_is_looked_for_far_inside_a_line_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100_000 + b"needle" + b"y" * 50_000 + b"\n")
    log = opened(path)
    log.looked_for = lambda text: text.find(b"needle")
    line = log.line(0)
    assert b"needle" in line.data
    assert line.skipped + len(line.data) + line.omitted == 150_006


def test_appended_bytes_are_seen_and_the_line_they_finish(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    log = opened(path)
    assert log.lines_before(log.size, 1)[0].data == b"tw"
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    log.refresh()
    assert [line.data for line in forwards(log)] == [b"one", b"two", b"three"]
    assert log.generation == 1


def replace_larger(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"new one\nnew two\nnew three\nnew four\n")
    other.rename(path)


def truncate_and_regrow(path: Path) -> None:
    path.write_bytes(b"")
    with path.open("ab") as file:
        file.write(b"new one\nnew two\nnew three\nnew four\n")


def truncate(path: Path) -> None:
    path.write_bytes(b"new\n")


def remove_and_return(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"new one\nnew two\nnew three\nnew four\n")


@pytest.mark.parametrize("change", [replace_larger, truncate_and_regrow, truncate, remove_and_return])
def test_another_file_under_the_same_path_is_noticed(tmp_path: Path, change: object) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old one\nold two\n")
    log = opened(path)
    assert len(forwards(log)) == 2
    assert callable(change)
    change(path)
    log.refresh()
    assert all(line.data.startswith(b"new") for line in forwards(log))
    assert b"".join(line.data + b"\n" for line in forwards(log)) == path.read_bytes()
    assert log.generation == 2


def test_a_removed_log_stays_in_view_and_is_said_to_be_gone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"last words\n")
    log = opened(path)
    path.unlink()
    log.refresh()
    assert log.problem == "the file was removed; this is what was in it"
    assert log.lines_before(log.size, 1)[0].data == b"last words"
    path.write_bytes(b"it is back\n")
    log.refresh()
    assert (log.problem, log.lines_before(log.size, 1)[0].data) == (None, b"it is back")


def test_a_log_that_appears_late(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    log = opened(path)
    assert (log.problem, forwards(log)) == ("no such file yet", [])
    path.parent.mkdir()
    path.write_bytes(b"hello\n")
    log.refresh()
    assert (log.problem, forwards(log)[0].data) == (None, b"hello")


def test_what_is_no_log_is_said_in_words(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert opened(tmp_path).problem == "this is a directory, not a log file"
    assert opened(tmp_path / "fifo").problem == "this is a FIFO, not a log file"
    assert opened(Path("/dev/null")).problem == "this is a device or socket, not a log file"
    assert opened(tmp_path / "loop").problem == os.strerror(errno.ELOOP)
    assert opened(tmp_path / ("x" * 300)).problem == os.strerror(errno.ENAMETOOLONG)


def test_an_unreadable_log_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"secret\n")

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)  # root, who runs tests in containers, may read everything
        log = opened(path)
        assert log.problem == "permission denied: only its owner can read this log"
    log.refresh()
    assert (log.problem, forwards(log)[0].data) == (None, b"secret")


def test_a_stale_handle_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    log = opened(path)
    real, failures = os.pread, [OSError(errno.ESTALE, "Stale file handle")]

    def stale_once(descriptor: int, length: int, offset: int) -> bytes:
        if failures:
            raise failures.pop()
        return real(descriptor, length, offset)

    replace_larger(path)
    monkeypatch.setattr(window.os, "pread", stale_once)
    log.lines_before(log.size, 1)
    assert log.generation == 2
    log.refresh()
    assert forwards(log)[0].data == b"new one"


def test_a_file_that_shrinks_between_stat_and_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 200_000)
    log = opened(path)
    path.write_bytes(b"now short\n")
    assert len(forwards(log)) <= 2  # what is there, or nothing; no endless loop
    log.refresh()
    assert [line.data for line in forwards(log)] == [b"now short"]


BYTES = st.binary(max_size=400) | st.lists(
    st.sampled_from([b"\n", b"\r", b"x", b"\xc3", b"\xa9", b"\x00", b"\x1b[31m", b"\r\n", b"y" * 70]),
    max_size=60,
).map(b"".join)


def check_lines(content: bytes, path: Path, appended: bytes = b"") -> None:
    path.write_bytes(content)
    log = opened(path)
    first = forwards(log)
    assert first == backwards(log)
    with path.open("ab") as file:
        file.write(appended)
    log.refresh()
    lines = forwards(log)
    assert lines == backwards(log)
    assert [(line.start, line.end) for line in lines] == boundaries(content + appended)
    log.close()


def boundaries(content: bytes) -> list[tuple[int, int]]:
    """The rule of pieces, over the whole content: a break where PIECE bytes have no newline before them."""
    ends = {position + 1 for position, byte in enumerate(content) if byte == 10}
    ends |= {
        position
        for position in range(window.PIECE, len(content), window.PIECE)
        if b"\n" not in content[position - window.PIECE : position]
    }
    ordered = sorted(ends | ({len(content)} if content else set()))
    return list(zip([0, *ordered], ordered, strict=False))


@pytest.mark.parametrize(("block", "piece"), [(8, 32), (16, 16), (64, 256)])
@given(content=BYTES, appended=BYTES)
@settings(max_examples=120, deadline=None)
def test_any_bytes_at_any_block_size(
    tmp_path_factory: pytest.TempPathFactory, block: int, piece: int, content: bytes, appended: bytes
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "BLOCK", block)
        patch.setattr(window, "PIECE", piece)
        check_lines(content, tmp_path_factory.getbasetemp() / "any", appended)


@pytest.mark.fuzz
@given(content=BYTES, appended=BYTES)
@settings(max_examples=20_000, deadline=None)
def test_very_many_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, appended: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "BLOCK", 16)
        patch.setattr(window, "PIECE", 64)
        check_lines(content, tmp_path_factory.getbasetemp() / "many", appended)
