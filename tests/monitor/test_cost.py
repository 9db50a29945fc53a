"""Used against asked, and the advice from it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from lrdash.monitor.cost import outlook_words, sizing_hints, usage_words
from lrdash.monitor.snapshot import Attempt, Progress, RunStatus, Usage

GIB = 2**30


def ended(state: str = "COMPLETED", **usage: Any) -> RunStatus:
    """Three hours of a day."""
    return RunStatus(
        "a", state=state, elapsed_seconds=3 * 3600, time_limit_seconds=24 * 3600, usage=Usage(**usage)
    )


def test_used_against_asked_and_what_would_do() -> None:
    run = ended(
        max_rss_bytes=10 * GIB, requested_memory_bytes=64 * GIB, cpu_seconds=2 * 3 * 3600, allocated_cpus=16,
        peak_gpu_bytes=61 * GIB,
    )  # fmt: skip
    assert usage_words(run) == (
        "time 3:00 of 24:00 h (12 %)",
        "memory 10 of 64 G (16 %)",
        "CPUs busy 2 of 16 (12 %)",
        "GPU memory at most 61 G",
    )
    assert sizing_hints(run) == (
        "--time=04:00:00 would do, and starts sooner", "--mem=12G would do", "3 CPUs would do"
    )  # fmt: skip


def test_nothing_is_advised_where_nothing_is_accounted_for() -> None:
    run = replace(ended(), usage=None)
    assert usage_words(run) == ("time 3:00 of 24:00 h (12 %)",)
    assert sizing_hints(run) == ()


def test_memory_that_was_nearly_too_little() -> None:
    run = ended(max_rss_bytes=60 * GIB, requested_memory_bytes=64 * GIB)
    assert "memory is tight: ask for --mem=72G" in sizing_hints(run)


def test_only_what_is_known_and_no_advice_from_a_run_that_died() -> None:
    assert usage_words(RunStatus("a", state="RUNNING", elapsed_seconds=5.0, time_limit_seconds=9.0)) == ()
    assert usage_words(RunStatus("a", state="COMPLETED")) == ()
    assert sizing_hints(ended("FAILED", max_rss_bytes=GIB, requested_memory_bytes=64 * GIB)) == ()
    assert outlook_words(RunStatus("a")) == ()
    assert outlook_words(RunStatus("a", state="PENDING", progress=Progress(gpu_hours_spent=0.0))) == ()


@pytest.mark.parametrize(
    "part", [{"restarts": 3}, {"attempt": Attempt("7_2", 3)}, {"attempt": Attempt("7_2", resumed=True)}]
)
def test_the_last_attempt_of_several_tells_nothing_of_the_whole_runs_time(part: dict[str, Any]) -> None:
    run = replace(ended(max_rss_bytes=10 * GIB, requested_memory_bytes=64 * GIB), task="7_2", **part)
    assert sizing_hints(run) == ("--mem=12G would do",)
    run = replace(run, progress=Progress(gpu_hours_spent=5.333, gpu_hours_to_come=3.1))
    assert outlook_words(run) == ("GPU-hours 5.33 in this attempt, 3.1 to come",)


def test_a_task_that_found_the_run_finished_tells_nothing_of_its_size() -> None:
    run = replace(ended(max_rss_bytes=GIB, requested_memory_bytes=64 * GIB), task="9_2")
    assert sizing_hints(replace(run, attempt=Attempt("7_2"))) == ()


def test_where_the_time_limit_strikes_and_what_it_costs() -> None:
    ahead = Progress(
        epoch_at_time_limit=4.58, epochs_that_fit=4, gpu_hours_spent=5.333, gpu_hours_to_come=3.1
    )
    assert outlook_words(RunStatus("a", progress=ahead)) == (
        "the time limit strikes at epoch 4.6; 4 whole epochs fit",
        "GPU-hours 5.33, 3.1 to come",
    )
