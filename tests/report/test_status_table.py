"""`lrdash status` as text."""

from __future__ import annotations

import io

import msgspec
import pytest

from lrdash.monitor.snapshot import (
    Check,
    Diagnosis,
    Evidence,
    Metrics,
    Progress,
    RunStatus,
    Snapshot,
    Source,
    Sources,
    Usage,
)
from lrdash.report.status_table import duration, print_status

SNAPSHOT = Snapshot(
    sweep="lr_experiment_v7",
    taken_at="2026-11-23T09:00:00+00:00",
    sources=Sources(queue=Source("fresh", 4.0), logs=Source("stale", 90.0, "disk on fire")),
    runs=(
        RunStatus(
            "text_a", "text", 0, "2e-5", state="RUNNING", task="123_0",
            progress=Progress(epoch=3.62, epochs=6, eta_seconds=11100),
            metrics=Metrics(last={"loss": 0.5, "eval_loss": 0.25, "eval_accuracy": 0.95, "eval_f1": 0.949}),
            checks=(Check("optimizer", "PASS"), Check("rates", "PASS")),
        ),
        RunStatus(
            "text_b", "text", 1, "2e-6", state="OUT_OF_MEMORY",
            diagnosis=Diagnosis(
                "cuda_out_of_memory", Evidence(), "halve the batch", "lrdash submit --set x=1"
            ),
            checks=(Check("optimizer", "MISSING", "the line", "no line"),),
        ),
        RunStatus("text_c", "text", 2, "2e-5, backbone 2e-6", state="PENDING", reason="(Priority)"),
        RunStatus("text_e", "text", 3, "5e-5"),
        RunStatus("\x1b[31m[red]evil"),
        RunStatus("text_d", "text", 4, state="STRANGE_NEW_STATE"),
    ),
)  # fmt: skip


def text_of(snapshot: Snapshot, width: int = 120) -> str:
    file = io.StringIO()
    print_status(snapshot, file, width)
    return file.getvalue()


def test_every_run_has_a_row_with_glyph_and_word() -> None:
    lines = text_of(SNAPSHOT).splitlines()
    row = next(line for line in lines if "text:0" in line)
    cells = ["●", "text:0", "2e-5", "RUNNING", "3.6/6", "0.250", "0.950", "0.949", "✓", "2"]
    cells += ["3:05", "h", "123_0"]
    assert row.split() == cells
    assert any(
        line.startswith(" ✗  text:1") and "OUT_OF_MEMORY" in line and "✗ optimizer" in line for line in lines
    )
    assert any("◌  text:2" in line and "PENDING" in line for line in lines)
    assert any("no job" in line and "[red]evil" in line for line in lines)
    assert any("·  text:3" in line and "not submitted" in line for line in lines)
    assert any("◌  text:4" in line and "STRANGE_NEW_STATE" in line for line in lines)


@pytest.mark.parametrize(
    ("width", "gone"),
    [
        (120, set()),
        (80, {"F1", "loss", "task", "checks"}),
        (60, {"F1", "loss", "task", "checks", "ends in", "epoch"}),
    ],
)
def test_a_narrow_terminal_keeps_runs_and_configurations_whole(width: int, gone: set[str]) -> None:
    columns = ("epoch", "loss", "accuracy", "F1", "checks", "ends in", "task")
    lines = text_of(msgspec.structs.replace(SNAPSHOT, runs=SNAPSHOT.runs[:4]), width).splitlines()
    header = next(line for line in lines if "configuration" in line)
    assert {name for name in columns if name not in header} == gone
    assert "2e-5, backbone 2e-6" in "\n".join(lines)
    assert "…" not in "\n".join(lines[:12])


def test_what_needs_words_stands_below() -> None:
    text = text_of(SNAPSHOT)
    assert "text:1 CUDA out of memory: halve the batch (lrdash submit --set x=1)" in text
    assert "text:1 check optimizer: MISSING, expected the line, observed no line" in text
    assert "text:2 waits: (Priority)" in text
    assert "logs: disk on fire" in text


def test_the_headline_counts_states_and_ages() -> None:
    first = text_of(SNAPSHOT).splitlines()[0]
    assert first.startswith(
        "lr_experiment_v7 · 1 RUNNING · 1 OUT_OF_MEMORY · 1 PENDING · 1 not submitted · 1 no job"
    )
    assert first.endswith("queue 4 s · logs stale (2 min)")


def test_plain_output_has_no_escape() -> None:
    assert "\x1b" not in text_of(SNAPSHOT)


def test_durations_are_read_at_a_glance() -> None:
    seconds = (None, 0, 59.6, 720, 3569, 3599, 11100, 93600)
    texts = ["–", "0 s", "1 min", "12 min", "59 min", "1:00 h", "3:05 h", "1 d 2 h"]
    assert [duration(one) for one in seconds] == texts


def test_what_a_run_used_and_what_would_do() -> None:
    usage = Usage(max_rss_bytes=10 * 2**30, requested_memory_bytes=64 * 2**30)
    run = RunStatus("a", "text", 0, state="COMPLETED", usage=usage)
    text = text_of(msgspec.structs.replace(SNAPSHOT, runs=(run,)))
    assert "text:0 memory 10 of 64 G (16 %) · --mem=12G would do" in text
