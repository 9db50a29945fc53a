"""Logs as they really come: huge, broken, hostile, moving under the reader's hands."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdash.logs import lines
from lrdash.logs.facts import AttemptFacts
from lrdash.logs.scanner import LogScanner
from tests.benchmarks.scanner import make_block, write_log

OPTIMIZER = b"[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05\n"
ROW = b"{'loss': 0.69, 'grad_norm': 1.2, 'learning_rate': 2e-05, 'epoch': 0.2, 'step': %d}\n"
CUDA = b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
MIB = 1 << 20


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "7_2.out"


def scan(out: Path, scanner: LogScanner | None = None) -> AttemptFacts:
    return (scanner or LogScanner()).scan(out, out.with_suffix(".err"))[-1]


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as log:
        log.write(data)


# Size


@pytest.mark.parametrize("size", [3 * MIB, pytest.param(60 * MIB, marks=pytest.mark.acceptance)])
def test_optimizer_line_at_byte_0_of_a_progress_bar_log(out: Path, tmp_path: Path, size: int) -> None:
    out.write_bytes(OPTIMIZER)
    block = make_block(random.Random(1), min(size, 8 * MIB))
    while out.stat().st_size < size:
        append(out, block)
    first = LogScanner(tmp_path / "cache")
    facts = scan(out, first)
    assert [line.at.line for line in facts.optimizer] == [1]
    assert facts.out.steps_seen > 1000
    first.close()
    append(out, ROW % 999_999)
    second = LogScanner(tmp_path / "cache")
    again = scan(out, second)
    print(
        f"{out.stat().st_size:,} bytes; first start read {first.bytes_read:,}, second {second.bytes_read:,}"
    )
    assert second.bytes_read == len(ROW % 999_999)
    assert again.optimizer == facts.optimizer
    assert again.last_step == 999_999


@pytest.mark.acceptance
def test_optimizer_line_at_the_end_of_5_gb(out: Path) -> None:
    write_log(out, 5_000_000_000)
    scanner = LogScanner()
    facts = scanner.scan(out, out.with_suffix(".err"), budget=1)[-1]
    assert [(line.backbone_lr, line.at.line) for line in facts.optimizer] == [(2e-6, None)]
    assert scanner.bytes_read < 2 * MIB, "the verdict does not wait for the other facts"
    facts = scan(out, scanner)
    assert len(facts.optimizer) == 1
    assert facts.optimizer[0].at.line
    assert len(facts.steps) <= 5_000


def test_memory_stays_flat(out: Path) -> None:
    out.write_bytes(ROW % 1 * 60_000 + CUDA * 1_000 + OPTIMIZER * 1_000)
    facts = scan(out).out
    assert facts.steps_seen == 60_000
    assert len(facts.steps) <= 5_000
    assert (len(facts.causes), len(facts.optimizer)) == (50, 50)


def test_a_line_of_megabytes(out: Path) -> None:
    giant = b"x" * (10 * MIB)
    out.write_bytes(giant + OPTIMIZER[:-1] + giant + b"\n" + ROW % 3 + giant + b" " + CUDA)
    facts = scan(out).out
    assert [line.at.line for line in facts.optimizer] == [1]
    assert [row.line for row in facts.steps] == [2]
    assert [(cause.failure, cause.at.line) for cause in facts.causes] == [("cuda_out_of_memory", 3)]
    assert all(
        len(evidence.text) <= lines.MAX_TEXT for evidence in (facts.optimizer[0].at, facts.causes[0].at)
    )


def test_bars_without_any_line_break(out: Path) -> None:
    bars = b"".join(b"\r%3d%%|#| %d/20000 [%d:00<9:00,  1.0it/s]" % (n // 200, n, n) for n in range(20_000))
    out.write_bytes(bars)
    facts = scan(out).out
    assert facts.sample_total == 20_000
    assert len(facts.samples) > 10
    append(out, OPTIMIZER)
    assert [line.at.line for line in scan(out).optimizer] == [1]


# Content


@pytest.mark.parametrize(
    "around",
    [
        b"\x00\x00%b",
        b"\xff\xfe\xe2\x96%b",
        b"\x1b]0;title\x07\x1b[2J\x1b[31m%b",
        b"\r\r\r%b",
        b"100%%|#| 3/3 [a]%b",
    ],
    ids=["NUL", "broken UTF-8", "escapes", "carriage returns", "bar"],
)
def test_optimizer_line_amid_rubbish(out: Path, around: bytes) -> None:
    out.write_bytes(around % OPTIMIZER + ROW % 1)
    facts = scan(out)
    assert [line.head_lr for line in facts.optimizer] == [2e-5]
    assert facts.out.steps_seen == 1


def test_optimizer_line_hidden_by_a_carriage_return(out: Path) -> None:
    out.write_bytes(OPTIMIZER[:-1] + b"\r  1%|          | 1/300 [00:01<05:00,  1.00it/s]\n" + ROW % 1)
    assert len(scan(out).optimizer) == 1


def test_evidence_carries_no_escape_sequence(out: Path) -> None:
    out.write_bytes(b"\x1b]52;c;aGk=\x07\x1b[?1000h\x9b31m[red]" + CUDA.rstrip() + b"\x07\x08\x00\n")
    text = scan(out).out.causes[0].at.text
    assert text.isprintable()
    assert "[red]" in text, "markup is left for whoever shows it to escape"


def test_windows_line_ends(out: Path) -> None:
    out.write_bytes((OPTIMIZER + ROW % 1 + CUDA).replace(b"\n", b"\r\n"))
    facts = scan(out).out
    assert (len(facts.optimizer), facts.steps_seen, len(facts.causes)) == (1, 1, 1)


def test_numbers_that_are_none(out: Path) -> None:
    out.write_bytes(
        b"{'loss': 'nan', 'grad_norm': inf, 'learning_rate': '2e-05', 'epoch': '0.1'}\n"
        b"{'loss': 1e999, 'grad_norm': '1', 'learning_rate': 2e-05, 'epoch': 9999999999999, 'step': 1e400}\n"
        b"{'loss': {'a': 1}, 'epoch': []}\n{'loss': }\n{'': 1}\n{'loss': 0.5, 'step': 3}\n"
    )
    facts = scan(out).out
    assert [(row.loss, row.step) for row in facts.steps] == [(None, None), (None, None), (0.5, 3)]
    assert [line.line for line in facts.non_finite] == [1, 2]
    assert facts.non_finite_run == 0


# A file that moves


def test_optimizer_line_that_arrives_while_following(out: Path) -> None:
    scanner = LogScanner()
    out.write_bytes(ROW % 1)
    assert not scan(out, scanner).optimizer
    append(out, OPTIMIZER[:40])
    assert not scan(out, scanner).optimizer
    append(out, OPTIMIZER[40:])
    assert [line.at.line for line in scan(out, scanner).optimizer] == [2]
    assert scanner.bytes_read == out.stat().st_size


def test_a_stale_handle_is_asked_for_again(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out.write_bytes(OPTIMIZER + ROW % 1)
    real, failures = os.pread, [errno.ESTALE]

    def pread(fd: int, size: int, offset: int) -> bytes:
        if failures:
            raise OSError(failures.pop(), "Stale file handle")
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    facts = scan(out)
    assert (len(facts.optimizer), facts.out.steps_seen) == (1, 1)


def test_an_unreadable_moment_keeps_what_is_known(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = LogScanner()
    out.write_bytes(OPTIMIZER)
    scan(out, scanner)
    append(out, ROW % 1)

    def broken(fd: int, size: int, offset: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", broken)
        facts = scan(out, scanner)
        assert len(facts.optimizer) == 1
        assert scanner.problems(out, out.with_suffix(".err")) == (f"{out}: Input/output error",)
    facts = scan(out, scanner)
    assert (len(facts.optimizer), facts.out.steps_seen) == (1, 1)
    assert scanner.problems(out, out.with_suffix(".err")) == ()


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"file": 3}', b"\xff" * 100], ids=["empty", "cut", "other", "bytes"]
)
def test_a_damaged_cache_is_only_slow(out: Path, tmp_path: Path, damage: bytes) -> None:
    out.write_bytes(OPTIMIZER + ROW % 1)
    cache = tmp_path / "cache"
    scan(out, LogScanner(cache))
    [entry] = cache.glob("*.json")
    entry.write_bytes(damage)
    scanner = LogScanner(cache)
    assert len(scan(out, scanner).optimizer) == 1
    assert scanner.bytes_read == out.stat().st_size


# Any bytes, cut anywhere

IDENTITY = (
    b"lrdash: sweep=s group=g index=1 run=r job=3_1 restart=%d port=29701 host=h scheduler=slurm root=/r\n"
)
TRACEBACK = b"Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'a'\n"
PIECES = st.sampled_from(
    [
        OPTIMIZER,
        ROW % 7,
        CUDA,
        IDENTITY % 0,
        IDENTITY % 1,
        TRACEBACK,
        b"  3%|#| 9/300 [00:09<05:00,  1.00it/s]",
        b"{'eval_loss': 0.4, 'epoch': 1.0}\n",
        b"{'loss': nan, 'epoch': 1}\n",
        b"[INFO] Step 12 of 300, epoch 0.24\n",
        b"  Num Epochs = 6\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\x00",
        b"\xe2\x96",
        b"\x1b[31m",
    ]
)
LOGS = st.lists(PIECES | st.binary(max_size=30), max_size=30).map(b"".join)


def told(facts: tuple[AttemptFacts, ...]) -> object:
    """What must not depend on how the bytes arrived."""
    return [
        (one.identity, one.optimizer, one.steps, one.evaluations, one.banner, one.out.traceback,
         [(cause.failure, cause.at) for cause in one.out.causes], one.out.non_finite, one.out.last_epoch)
        for one in facts
    ]  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=LOGS, cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_facts_do_not_depend_on_how_the_bytes_arrive(out: Path, data: bytes, cuts: list[int]) -> None:
    check_arrival(out, data, cuts)


@pytest.mark.fuzz
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=LOGS, cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_fuzz_arrival(out: Path, data: bytes, cuts: list[int]) -> None:
    check_arrival(out, data, cuts)


def check_arrival(out: Path, data: bytes, cuts: list[int]) -> None:
    data += b"\n"
    out.unlink(missing_ok=True)
    out.touch()
    scanner = LogScanner()
    positions = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    for start, end in zip([0, *positions], positions, strict=False):
        append(out, data[start:end])
        piecewise = scanner.scan(out, out.with_suffix(".err"))
    assert scanner.bytes_read == len(data)
    assert told(piecewise) == told(LogScanner().scan(out, out.with_suffix(".err")))


@pytest.mark.fuzz
@settings(max_examples=20_000, deadline=None)
@given(st.binary(max_size=300) | LOGS)
def test_fuzz_line_parsers(line: bytes) -> None:
    lines.parse_row(line)
    lines.parse_bar(line)
    lines.parse_count(line)
    lines.parse_clock(line.decode("utf-8", "replace"))
    assert lines.text_of(line).isprintable()
