"""Following real files that grow while they are read: every line once, whatever happens to the file."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lrdash.logs.follow import Follower
from lrdash.logs.page import Viewport
from lrdash.logs.viewer import LogViewer
from lrdash.logs.window import LogFile
from tests.waiting import wait_until

WRITER = """
import sys, time
path, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
start, number = time.monotonic(), 0
with open(path, "ab", buffering=0) as log:
    while (passed := time.monotonic() - start) < seconds:
        due = int(passed * rate)
        data = b"".join(b"%d some text \\xff\\n" % line for line in range(number, due))
        log.write(data[: len(data) // 2]); log.write(data[len(data) // 2 :])
        number = due
        time.sleep(0.002)
print(number)
"""


def start_writer(log: Path, rate: int, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(log), str(rate), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def written_lines(writer: subprocess.Popen[str]) -> int:
    output, _ = writer.communicate(timeout=60)
    return int(output)


def numbers(data: bytes) -> list[int]:
    return [int(line.split(b" ")[0]) for line in data.splitlines()]


@pytest.mark.parametrize("rate", [1_000, 100_000, 500_000])
def test_a_follower_sees_every_line_once(tmp_path: Path, rate: int) -> None:
    log = tmp_path / "log"
    writer = start_writer(log, rate, 0.7)
    follower, seen = Follower(LogFile(log)), bytearray()
    while writer.poll() is None:
        for piece in follower.new_lines():
            seen += piece
    for piece in follower.new_lines():
        seen += piece
    assert follower.unfinished_line() == b""
    assert numbers(bytes(seen)) == list(range(written_lines(writer)))


@pytest.mark.parametrize("rate", [1_000, 100_000])
def test_a_viewer_shows_the_newest_lines_and_counts_all(tmp_path: Path, rate: int) -> None:
    log = tmp_path / "log"
    writer = start_writer(log, rate, 0.7)
    viewer, viewport, page = LogViewer(log), Viewport(80, 40), None
    while writer.poll() is None:
        page = viewer.look(viewport, None, 0)
        whole = [row.line for row in page.rows if row.line.end < page.size]
        shown = [int(line.data.split(b" ")[0]) for line in whole]
        assert shown == list(range(shown[0], shown[0] + len(shown))) if shown else True
    count = written_lines(writer)
    page = viewer.look(viewport, None, 0)
    while (scan := viewer.next_scan()) is not None:
        scan.advance(viewer.log)
    assert int(page.rows[-1].line.data.split(b" ")[0]) == count - 1
    assert viewer.count.lines == count


def test_unfinished_lines_are_held_back_until_they_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    follower = Follower(LogFile(path))
    assert b"".join(follower.new_lines()) == b"one\n"
    with path.open("ab") as file:
        file.write(b"o\n")
    assert b"".join(follower.new_lines()) == b"two\n"
    assert b"".join(follower.new_lines()) == b""


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 10_000_000)
    follower = Follower(LogFile(path))
    pieces = list(follower.new_lines())
    assert len(pieces) > 1
    assert sum(map(len, pieces)) + len(follower.unfinished_line()) == 10_000_000


@pytest.mark.parametrize("content", [b"new\n", b"longer than what stood there before\n"])
def test_a_new_file_is_read_from_its_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old line\n")
    follower = Follower(LogFile(path))
    assert b"".join(follower.new_bytes()) == b"old line\n"
    path.write_bytes(content)
    assert b"".join(follower.new_bytes()) == content
    assert follower.restarts == 1
    path.unlink()
    assert b"".join(follower.new_bytes()) == b""
    path.write_bytes(b"back\n")
    assert b"".join(follower.new_bytes()) == b"back\n"


@pytest.mark.soak
def test_a_log_that_is_requeued_a_thousand_times(tmp_path: Path) -> None:
    """Truncated, replaced and removed at any moment: what is shown is always a part of what stood there."""
    path, stop = tmp_path / "log", threading.Event()

    def requeue() -> None:
        for attempt in range(1000):
            lines = b"".join(b"%d %d\n" % (attempt, line) for line in range(attempt * 7 % 400 + 1))
            match attempt % 3:
                case 0:
                    path.write_bytes(lines)
                case 1:
                    other = path.with_name("other")
                    other.write_bytes(lines)
                    other.rename(path)
                case 2:
                    path.unlink()
                    path.write_bytes(lines)
        stop.set()

    viewer = LogViewer(path)
    thread = threading.Thread(target=requeue)
    thread.start()
    while not stop.is_set():
        viewer.look(Viewport(80, 40), None, 0)
    thread.join()
    page = wait_until(lambda: viewer.look(Viewport(80, 1000), None, 0))
    assert b"".join(row.line.data + b"\n" for row in page.rows) == path.read_bytes()


def test_a_log_that_does_not_grow_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 1000)
    viewer, viewport = LogViewer(path), Viewport(80, 40)
    first = viewer.look(viewport, None, 0)
    read = viewer.log.bytes_read
    assert viewer.look(viewport, None, 0) is first
    assert viewer.log.bytes_read == read
    with path.open("ab") as file:
        file.write(b"more\n")
    assert viewer.look(viewport, None, 0).lines == 1001
    assert len(viewer.look(Viewport(80, 20), None, 0).rows) == 20


def test_a_log_that_was_counted_later_has_line_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrdash.logs.viewer.AT_ONCE", 10)
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 1000)
    viewer = LogViewer(path)
    assert viewer.look(Viewport(80, 40), None, 0).lines is None
    while (scan := viewer.next_scan()) is not None:
        scan.advance(viewer.log)
    page = viewer.look(Viewport(80, 40), None, 0)
    assert (page.lines, page.top_number) == (1000, 961)
