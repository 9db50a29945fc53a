"""The scanner: every byte once, whatever happens to the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lrdash.logs.facts import AttemptFacts
from lrdash.logs.scanner import LogScanner

OPTIMIZER = b"[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05\n"
IDENTITY = (
    b"lrdash: sweep=s group=text index=2 run=r job=7_2 restart=%d port=29702 host=h scheduler=slurm root=/r\n"
)
ROW = (
    b"{'loss': 0.69, 'grad_norm': 1.2, 'learning_rate': 2e-05, 'cls_backbone_learning_rate': 2e-06,"
    b" 'epoch': 0.2, 'step': %d}\n"
)
BANNER = (
    b"***** Running training *****\n  Num examples = 1,800\n  Num Epochs = 6\n"
    b"  Total train batch size (w. parallel, distributed & accumulation) = 16\n"
    b"  Total optimization steps = 300\n"
)


@pytest.fixture
def logs(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "7_2.out", tmp_path / "7_2.err"


def last_facts(scanner: LogScanner, logs: tuple[Path, Path]) -> AttemptFacts:
    return scanner.scan(*logs)[-1]


def test_facts_of_both_streams(logs: tuple[Path, Path]) -> None:
    out, err = logs
    out.write_bytes(
        IDENTITY % 0 + b"[INFO] Process rank: 0, world size: 2, device: cpu, compute dtype: torch.float32\n"
        b"[INFO] Loading dataset d_train: 1,800 rows from /data/d_train\n"
        b"[INFO] Frozen vision_tower: 631,989,760 parameters\n"
        b"[INFO] Trainable parameters: backbone=7,070,619,136, head=7,168\n" + OPTIMIZER + ROW % 10
        + b"{'eval_loss': '0.52', 'eval_accuracy': '0.72', 'epoch': '1'}\n"
        + b"[INFO] Step 120 of 300, epoch 2.40\n"
    )  # fmt: skip
    err.write_bytes(IDENTITY % 0 + BANNER + b"\r 10%|#   | 30/300 [00:30<04:30, 1.0it/s]\r")
    facts = last_facts(LogScanner(), logs)
    assert facts.identity
    assert (facts.identity.job, facts.identity.port, facts.identity.root) == (
        "7_2",
        29702,
        "/r",
    )
    [line] = facts.optimizer
    assert (line.backbone_lr, line.head_lr, line.at.line) == (2e-6, 2e-5, 6)
    assert facts.is_before_training(line)
    banner = facts.banner
    assert (banner.processes, banner.num_examples, banner.effective_batch_size, banner.steps) == (
        2,
        1800,
        16,
        300,
    )
    assert facts.out.trainable == {"backbone": 7_070_619_136, "head": 7168}
    assert [(d.name, d.rows) for d in facts.datasets] == [("d_train", 1800)]
    assert [(f.part, f.parameters) for f in facts.frozen] == [("vision_tower", 631_989_760)]
    assert [(row.step, row.cls_backbone_learning_rate) for row in facts.steps] == [(10, 2e-6)]
    assert [row.values["eval_accuracy"] for row in facts.evaluations] == [0.72]
    assert (facts.last_step, facts.last_epoch) == (120, 2.4)
    assert [(sample.seconds, sample.step) for sample in facts.err.samples] == [(30.0, 30)]


def test_second_look_reads_only_new_bytes_also_after_a_restart(
    logs: tuple[Path, Path], tmp_path: Path
) -> None:
    out, _ = logs
    out.write_bytes(IDENTITY % 0 + OPTIMIZER + ROW % 1)
    first = LogScanner(tmp_path / "cache")
    before = first.scan(*logs)
    size = out.stat().st_size
    assert first.bytes_read == size
    with out.open("ab") as log:
        log.write(ROW % 2)
    second = LogScanner(tmp_path / "cache")
    after = last_facts(second, logs)
    assert second.bytes_read == len(ROW % 2)
    assert after.optimizer == before[-1].optimizer
    assert [(row.step, row.line) for row in after.steps] == [(1, 3), (2, 4)]


def test_the_same_object_while_nothing_changes(logs: tuple[Path, Path]) -> None:
    scanner = LogScanner()
    logs[0].write_bytes(ROW % 1)
    first = scanner.scan(*logs)
    assert scanner.scan(*logs) is first
    _append(logs[0], ROW % 2)
    second = scanner.scan(*logs)
    assert second is not first
    assert [row.step for row in first[-1].steps] == [1], "what was handed out does not change"
    logs[0].unlink()
    assert scanner.scan(*logs) is not second


def test_attempts_in_an_appended_log_are_told_apart(logs: tuple[Path, Path]) -> None:
    out, err = logs
    out.write_bytes(b"module loaded\n" + IDENTITY % 0 + OPTIMIZER + ROW % 1 + IDENTITY % 1 + ROW % 2)
    err.write_bytes(IDENTITY % 0 + b"first\n" + IDENTITY % 1 + BANNER)
    first, second = LogScanner().scan(*logs)
    assert (len(first.optimizer), len(second.optimizer)) == (1, 0)
    assert (first.banner.steps, second.banner.steps) == (None, 300)
    assert [row.step for row in second.steps] == [2]


def test_bars_of_an_earlier_attempt_are_not_this_ones(logs: tuple[Path, Path]) -> None:
    bar = b"\r 10%|#   | 30/300 [00:30<04:30, 1.0it/s]"  # killed: no line break
    logs[1].write_bytes(IDENTITY % 0 + BANNER + bar + IDENTITY % 1 + BANNER)
    first, second = LogScanner().scan(*logs)
    assert (first.last_step, second.last_step) == (30, None)
    assert second.first_step is None


def test_a_changed_port_is_the_same_attempt(logs: tuple[Path, Path]) -> None:
    logs[0].write_bytes(IDENTITY % 0 + OPTIMIZER + (IDENTITY % 0).replace(b"29702", b"29802") + ROW % 1)
    [facts] = LogScanner().scan(*logs)
    assert facts.identity
    assert facts.identity.port == 29802
    assert facts.optimizer


@pytest.mark.parametrize("kept", [True, False], ids=["same scanner", "after a restart"])
def test_truncated_and_regrown_past_the_cursor(logs: tuple[Path, Path], tmp_path: Path, kept: bool) -> None:
    out, _ = logs
    out.write_bytes(IDENTITY % 0 + ROW % 1)
    scanner = LogScanner(tmp_path / "cache")
    scanner.scan(*logs)
    with out.open("r+b") as log:
        log.truncate(0)
        log.write(IDENTITY % 1 + OPTIMIZER + ROW % 1 * 20)
    if not kept:
        scanner = LogScanner(tmp_path / "cache")
    [facts] = scanner.scan(*logs)
    assert facts.identity
    assert facts.identity.restart == 1
    assert len(facts.optimizer) == 1
    assert facts.out.steps_seen == 20


def test_replaced_deleted_and_late(logs: tuple[Path, Path], tmp_path: Path) -> None:
    out, _ = logs
    scanner = LogScanner()
    assert last_facts(scanner, logs).missing == ("out", "err")
    out.write_bytes(ROW % 1)
    assert last_facts(scanner, logs).out.steps_seen == 1
    other = tmp_path / "other"
    other.write_bytes(OPTIMIZER + ROW % 5 * 3)
    other.replace(out)
    facts = last_facts(scanner, logs)
    assert (facts.out.steps_seen, len(facts.optimizer)) == (3, 1)
    out.unlink()
    facts = last_facts(scanner, logs)
    assert facts.missing == ("out", "err")
    assert facts.out.steps_seen == 3, "what was read stays until another file appears"
    out.write_bytes(ROW % 7)
    assert [row.step for row in last_facts(scanner, logs).steps] == [7]


def test_an_unfinished_line_is_not_lost_and_not_doubled(logs: tuple[Path, Path]) -> None:
    out, _ = logs
    scanner = LogScanner()
    whole = OPTIMIZER + ROW % 1
    for end in range(1, len(whole) + 1):
        out.write_bytes(whole[:end]) if end == 1 else _append(out, whole[end - 1 : end])
        facts = last_facts(scanner, logs)
        assert len(facts.optimizer) == (end >= len(OPTIMIZER) - 1)
    assert (len(facts.optimizer), facts.out.steps_seen) == (1, 1)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as log:
        log.write(data)


def test_budget_finds_the_optimizer_line_of_the_rest_first(logs: tuple[Path, Path]) -> None:
    out, _ = logs
    out.write_bytes(ROW % 1 * 40_000 + OPTIMIZER)
    scanner = LogScanner()
    facts = scanner.scan(*logs, budget=1)[-1]
    assert facts.unread_bytes > 0
    assert [line.at.line for line in facts.optimizer] == [None]
    while facts.unread_bytes:
        facts = scanner.scan(*logs, budget=1)[-1]
    assert [line.at.line for line in facts.optimizer] == [40_001]
    assert scanner.bytes_read == out.stat().st_size


def test_looking_ahead_in_vain_reads_the_rest_once(logs: tuple[Path, Path]) -> None:
    """A uniform run prints no optimizer line: at every look, all of its log would be searched for it."""
    out, _ = logs
    out.write_bytes(ROW % 1 * 40_000)
    scanner, looks, before = LogScanner(), 0, bytes_this_process_read()
    while scanner.scan(*logs, budget=1)[-1].unread_bytes:
        looks += 1
    assert looks > 10
    assert bytes_this_process_read() - before < 2.5 * out.stat().st_size


def bytes_this_process_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


def test_what_is_no_log_is_a_problem_not_a_crash(logs: tuple[Path, Path]) -> None:
    out, err = logs
    out.mkdir()
    os.mkfifo(err)
    scanner = LogScanner()
    scanner.scan(*logs)
    assert scanner.problems(*logs) == (f"{out}: is no regular file", f"{err}: is no regular file")


@pytest.mark.parametrize(
    "shown", [b"+ cd /r && train --out 'torch.OutOfMemoryError: x'", b"++ echo 'error: Killed'"]
)
def test_a_command_that_is_shown_states_nothing(logs: tuple[Path, Path], shown: bytes) -> None:
    """Launch's own, and those of a script with `set -x`: a path may be named after any failure."""
    failed = b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
    logs[0].write_bytes(IDENTITY % 0 + shown + b" " + OPTIMIZER)
    facts = last_facts(LogScanner(), logs)
    assert (facts.out.causes, facts.optimizer) == ([], ())
    logs[0].write_bytes(IDENTITY % 0 + shown + b"\n" + failed)
    assert len(last_facts(LogScanner(), logs).out.causes) == 1
