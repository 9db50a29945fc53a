"""What is found in a log, forwards, backwards, in all of it, and while it grows."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdash.errors import LogError
from lrdash.logs import scans
from lrdash.logs.line_count import STEP, LineCount
from lrdash.logs.scans import Jump, LineJump, Matches, MatchingLines, Scan
from lrdash.logs.search import EPOCHS, ERRORS, Matcher, Query
from lrdash.logs.window import PIECE, LogFile


def starts(query: Query, data: bytes) -> list[int]:
    return list(Matcher(query).line_starts(data))


def finished(scan: Scan, log: LogFile) -> None:
    for _ in range(100_000):
        if scan.is_complete(log):
            return
        scan.advance(log)
    pytest.fail("the scan does not end")


def opened(path: Path, content: bytes) -> LogFile:
    path.write_bytes(content)
    log = LogFile(path)
    log.refresh()
    return log


def texts(log: LogFile, matches: Matches) -> list[bytes]:
    return [log.line(matches[position]).data for position in range(len(matches))]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query("needle"), [0, 7]),
        (Query("Needle"), [7]),
        (Query("needle", ignore_case=False), [0]),
        (Query("NEEDLE", ignore_case=True), [0, 7]),
        (Query("n.*e", is_regex=True), [0, 7]),
        (Query("^n", is_regex=True, ignore_case=False), [0]),
        (Query("x$", is_regex=True), [14]),
        (Query("e\\s", is_regex=True), []),
        (Query("[^q]*", is_regex=True), [0, 7, 14]),
        (Query("n.e"), []),
    ],
)
def test_texts_and_regular_expressions(query: Query, found: list[int]) -> None:
    data = b"needle\nNeedle\nhay x\n"
    assert starts(query, data) == found


def test_what_a_progress_bar_overwrote_is_found_once() -> None:
    data = b"\r 10%\r[INFO] needle\r 20%\r[INFO] needle\r 30%\nother\n"
    assert starts(Query("needle"), data) == [0]
    assert starts(Query("^\\[INFO\\] needle$", is_regex=True), data) == [0]


def test_colours_do_not_hide_a_text() -> None:
    assert starts(Query("nothing\n"), b"\x1b[31mx\x1b[0m\n") == []
    assert starts(Query("needle"), b"hay\nnee\x1b[31mdle\x1b[0m\n") == [4]


def test_bytes_that_are_no_text_are_searched() -> None:
    assert starts(Query("needle"), b"\xff\x00needle\xc3\n\x00\n") == [0]
    assert starts(Query("é"), "café\n".encode()) == [0]


def test_a_wrong_expression_is_said_to_be_one() -> None:
    for text in ("(", "[", "*", "a{1,99999999999}", "(" * 5000):
        with pytest.raises(LogError, match="no regular expression: "):
            Matcher(Query(text, is_regex=True))


def test_an_expression_that_takes_for_ever_is_given_up() -> None:
    matcher = Matcher(Query("x.*y.*(x+x+)+needle", is_regex=True))
    before = time.monotonic()
    with pytest.raises(LogError, match="takes too long on long lines"):
        list(matcher.line_starts(b"xy" * 100_000 + b"needl\n"))
    assert matcher.search(b"xy" * 2000) is None
    assert matcher.spans("xy" * 2000) == []
    assert time.monotonic() - before < 20


def test_errors_and_epochs() -> None:
    log = (
        b"[INFO] fine, 0 errors, error_rate 0.1\n"
        b"Traceback (most recent call last):\n"
        b"torch.OutOfMemoryError: CUDA out of memory\n"
        b"slurmstepd: error: *** JOB 7 ON node1 CANCELLED ***\n"
        b"{'eval_loss': 0.5, 'epoch': 1.0}\n"
        b'{"eval_loss": 0.5}\n'
        b"{'loss': 0.5}\n"
    )
    lines = log.splitlines()
    positions = [0, *(match.end() for match in re.finditer(rb"\n", log))]
    found = [lines[positions.index(start)] for start in ERRORS.line_starts(log)]
    assert found == lines[1:4]
    assert [lines[positions.index(start)] for start in EPOCHS.line_starts(log)] == lines[4:6]


def test_spans_are_where_the_text_is_shown() -> None:
    assert Matcher(Query("an")).spans("Banana") == [(1, 3), (3, 5)]
    assert Matcher(Query("x*", is_regex=True)).spans("axxb") == [(1, 3)]


# ---- in files ----


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    lines = (
        b"match %d\n" % number if number % 1000 == 0 else b"line %d\n" % number for number in range(20_000)
    )
    return opened(tmp_path / "log", b"".join(lines))


def test_jumps_go_from_match_to_match_and_round_the_end(
    log: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "CHUNK", 4096)
    monkeypatch.setattr(scans, "PIECE", 1024)
    matcher = Matcher(Query("match"))
    position, seen = 0, []
    for _ in range(22):
        jump = Jump(matcher, position, forward=True)
        finished(jump, log)
        assert jump.found is not None
        line = log.line(jump.found)
        seen.append((line.data, jump.wrapped))
        position = line.end
    assert [data for data, _ in seen[:20]] == [b"match %d" % number for number in range(0, 20_000, 1000)]
    assert seen[20:] == [(b"match 0", True), (b"match 1000", False)]


def test_jumps_go_backwards(log: LogFile) -> None:
    matcher = Matcher(Query("match"))
    jump = Jump(matcher, log.size, forward=False)
    finished(jump, log)
    assert log.line(jump.found or 0).data == b"match 19000"
    jump = Jump(matcher, 0, forward=False)
    finished(jump, log)
    assert (log.line(jump.found or 0).data, jump.wrapped) == (b"match 19000", True)


def test_a_jump_that_finds_nothing_reads_everything_once(log: LogFile) -> None:
    jump = Jump(Matcher(Query("nowhere")), log.size // 2, forward=True)
    finished(jump, log)
    assert (jump.found, jump.wrapped) == (None, True)
    assert log.size - 100 < jump.scanned < log.size + 100


@pytest.mark.parametrize("end", [b"", b"the last one has no newline"])
def test_every_line_is_found_by_its_number(tmp_path: Path, end: bytes) -> None:
    lines = [b"x" * (37 * number % 3000) for number in range(700)]
    lines[300:300] = [b""] * 20
    content = b"".join(line + b"\n" for line in lines) + end
    assert len(content) > 3 * STEP
    log = opened(tmp_path / "log", content)
    starts = [0, *(match.end() for match in re.finditer(rb"\n", content))]
    known = LineCount()
    for number, start in enumerate(starts, 1):
        jump = LineJump(number, LineCount() if number % 100 == 0 else known)
        finished(jump, log)
        assert jump.found == (start if start < len(content) else None)
    beyond = LineJump(len(starts) + 1, known)
    finished(beyond, log)
    assert beyond.found is None


def test_all_matches_are_counted_and_numbered(log: LogFile) -> None:
    matches = Matches(Matcher(Query("match")))
    finished(matches, log)
    assert texts(log, matches) == [b"match %d" % number for number in range(0, 20_000, 1000)]
    assert [matches.position(matches[number]) for number in range(20)] == list(range(20))
    assert matches.position(matches[3] + 1) is None


def test_matches_are_found_as_the_log_grows(tmp_path: Path) -> None:
    log = opened(tmp_path / "log", b"match 1\nline\nmat")
    matches = Matches(Matcher(Query("match")))
    finished(matches, log)
    assert texts(log, matches) == [b"match 1"]
    for appended, known in [
        (b"ch 2", [b"match 1", b"match 2"]),
        (b"22\nline\n", [b"match 1", b"match 222"]),
        (b"match 3\n", [b"match 1", b"match 222", b"match 3"]),
        (b"match", [b"match 1", b"match 222", b"match 3", b"match"]),
        (b"\n", [b"match 1", b"match 222", b"match 3", b"match"]),
    ]:
        with log.path.open("ab") as file:
            file.write(appended)
        log.refresh()
        assert not matches.is_complete(log)
        finished(matches, log)
        assert texts(log, matches) == known


def test_every_piece_of_a_long_line_is_searched(tmp_path: Path) -> None:
    long_line = bytearray(b"x" * (6 * PIECE))
    long_line[10:16] = long_line[3 * PIECE + 10 : 3 * PIECE + 16] = b"needle"
    log = opened(tmp_path / "log", b"before\n" + bytes(long_line) + b"\nneedle\n")
    matcher = Matcher(Query("needle"))
    matches = Matches(matcher)
    finished(matches, log)
    log.looked_for = matcher.search
    assert len(matches) == 3
    assert all(b"needle" in data for data in texts(log, matches))


def test_too_many_matches_end_the_count(log: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "MOST_MATCHES", 5)
    matches = Matches(Matcher(Query("line")))
    finished(matches, log)
    assert matches.is_full


def test_only_matching_lines(log: LogFile) -> None:
    matches = Matches(Matcher(Query("match")))
    finished(matches, log)
    lines = MatchingLines(log, matches)
    last = lines.lines_before(log.size, 3)
    assert [line.data for line in last] == [b"match 17000", b"match 18000", b"match 19000"]
    assert [line.data for line in lines.lines_from(last[0].start, 2)] == [b"match 17000", b"match 18000"]
    assert lines.start_of_line(last[1].start + 50) == last[1].start
    assert lines.lines_before(last[0].start, 1)[0].data == b"match 16000"


ANY_LOG = st.lists(
    st.sampled_from([b"ab", b"AB", b"b", b"\n", b"\r", b"x", b"\x1b[1m", b"y" * 30]), max_size=60
).map(b"".join)


@given(ANY_LOG, st.sampled_from(["ab", "b", "y"]), st.booleans(), st.sampled_from([8, 64]))
@settings(max_examples=200, deadline=None)
def test_searches_agree_with_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, text: str, is_regex: bool, chunk: int
) -> None:
    log = opened(tmp_path_factory.getbasetemp() / "searched", content)
    matcher = Matcher(Query(text, is_regex=is_regex, ignore_case=False))
    expected, position = [], 0
    for line in (
        content.splitlines(keepends=True)
        if b"\r" not in content
        else re.findall(rb"[^\n]*\n|[^\n]+", content)
    ):
        if text.encode() in line.replace(b"\x1b[1m", b""):
            expected.append(position)
        position += len(line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scans, "CHUNK", chunk)
        matches = Matches(matcher)
        finished(matches, log)
        jump = Jump(matcher, 0, forward=True)
        finished(jump, log)
        back = Jump(matcher, log.size, forward=False)
        finished(back, log)
    assert [matches[number] for number in range(len(matches))] == expected
    assert jump.found == (expected[0] if expected else None)
    assert back.found == (expected[-1] if expected else None)
    log.close()
