"""The forecast on recorded progress of real runs, and what follows from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import pytest

from lrdash.logs.facts import ProgressSample
from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.forecast import forecast, outlook
from lrdash.monitor.pace import measure_pace
from lrdash.results.documents import RunMeta, RunResults
from lrdash.results.steps import StepSeries
from lrdash.scheduler.base import Task
from tests.monitor.logged import BANNER, NOW, SEPARATE, evidence_of, row, script, task

RECORDINGS = sorted((Path(__file__).parent.parent / "data" / "progress").glob("*.json"))
WALL, CPU = 0, 1


class Outcome(NamedTuple):
    run: str
    done: float
    holds: bool
    width: float
    """Of the range, as a share of the forecast remaining time."""
    error: float
    """Of the estimate, as a share of the true remaining time."""


def outcome(recording: dict[str, Any], done: float, clock: int) -> Outcome:
    """What was forecast when this share of the steps was done, held against what came."""
    steps, epochs = recording["steps"], recording["epochs"]
    known = [sample for sample in recording["samples"] if sample[2] <= steps * done]
    rows = [
        {"step": step, "loss": 0.5, "elapsed_time": seconds[clock], "total_steps": steps}
        | ({"eval_loss": 0.5} if evaluated else {})
        for *seconds, step, evaluated in known
    ]
    evaluated = tuple({"eval_loss": 0.5} for sample in known if sample[3])
    meta = RunMeta(args={"num_train_epochs": epochs, "do_predict": True}, rows=recording["rows"])
    ahead = outlook(
        RunEvidence(now=NOW, steps=StepSeries.of_rows(rows), results=RunResults(evaluated, meta=meta))
    )
    assert ahead
    low, high = ahead.eta_range_seconds
    remaining = recording["end"][clock] - known[-1][clock]
    width = (high - low) / ahead.eta_seconds
    error = ahead.eta_seconds / remaining - 1
    return Outcome(recording["name"], done, low <= remaining <= high, width, error)


def test_forecast_on_recorded_runs() -> None:
    """The range holds in at least 80 %, and is at most 30 % of the remaining time wide at a quarter."""
    recordings = [json.loads(path.read_text()) for path in RECORDINGS]
    outcomes = [outcome(recording, done, CPU) for recording in recordings for done in (0.10, 0.25, 0.50)]
    for one in outcomes:
        holds = "in" if one.holds else "OUT"
        print(f"{one.run:26} {one.done:4.0%} {holds:3} wide {one.width:4.0%} off {one.error:+4.0%}")
    on_wall = [
        outcome(recording, done, WALL).holds for recording in recordings for done in (0.10, 0.25, 0.50)
    ]
    print(f"holds {sum(one.holds for one in outcomes)} of {len(outcomes)}; on the wall clock {sum(on_wall)}")
    assert len(recordings) >= 10
    assert sum(one.holds for one in outcomes) >= 0.8 * len(outcomes)
    assert max(one.width for one in outcomes if one.done == 0.25) <= 0.30
    assert median(abs(one.error) for one in outcomes if one.done == 0.50) <= 0.10


# The pace, from made progress whose truth is known


def progress(
    steps: int, every: int = 10, second: float = 2.0, pause: float = 0.0, per_epoch: int = 50
) -> list[Any]:
    """Samples each `every` steps; an evaluation of `pause` seconds after each epoch."""
    return [
        ProgressSample(30.0 + step * second + pause * ((step - 1) // per_epoch), step)
        for step in range(every, steps + 1, every)
    ]


def test_evaluations_are_no_slow_steps() -> None:
    pace = measure_pace(progress(200, pause=60.0), 50, 300)
    assert pace
    assert pace.step_seconds == pytest.approx(2.0)
    assert pace.pause_seconds == pytest.approx(60.0)


def test_one_stall_is_not_expected_again_and_many_are() -> None:
    samples = progress(200)
    stalled = [replace_seconds(sample, 4000.0 if sample.step > 120 else 0.0) for sample in samples]
    pace = measure_pace(stalled, 1000, 1000)
    assert pace
    assert pace.step_seconds == pytest.approx(2.0)
    recurring = [replace_seconds(sample, 600.0 * (sample.step // 25)) for sample in progress(400)]
    pace = measure_pace(recurring, 1000, 1000)
    assert pace
    assert pace.step_seconds == pytest.approx(2.0 + 600 / 25, rel=0.15)


@pytest.mark.parametrize("with_clock", [True, False])
def test_what_a_kill_threw_away_is_no_pause(with_clock: bool) -> None:
    """Ten seconds a step, a minute an evaluation; killed at step 290, gone on from 200, and now at 230."""
    rows: list[dict[str, object]] = []
    for start, end in ((0, 290), (200, 230)):
        for step in range(start + 10, end + 1, 10):
            clock = 10.0 * (step - start) + 60.0 * ((step - 1) // 100 - start // 100)
            rows.append({"step": step, "loss": 0.5, "elapsed_time": clock, "total_steps": 600})
            if step % 100 == 0:
                evaluation = {"step": step, "eval_loss": 0.5}
                rows.append({**evaluation, "elapsed_time": clock + 60.0} if with_clock else evaluation)
    meta = RunMeta(args={"num_train_epochs": 6})
    results = RunResults(({"eval_loss": 0.5}, {"eval_loss": 0.5}), meta=meta)
    ahead = outlook(RunEvidence(now=NOW, steps=StepSeries.of_rows(rows), results=results))
    assert ahead
    assert ahead.eta_seconds == pytest.approx(3940, rel=0.01)


def replace_seconds(sample: ProgressSample, more: float) -> ProgressSample:
    return ProgressSample(sample.seconds + more, sample.step)


def test_a_slow_first_step_does_not_count() -> None:
    samples = [
        ProgressSample(0.0, 1),
        ProgressSample(300.0, 2),
        *(ProgressSample(300.0 + n, 2 + n) for n in range(1, 60)),
    ]
    pace = measure_pace(samples, 1000, 1000)
    assert pace
    assert pace.step_seconds == pytest.approx(1.0)


@pytest.mark.parametrize(
    "samples", [[], [ProgressSample(1.0, 1)], [ProgressSample(5.0, 3), ProgressSample(5.0, 3)]]
)
def test_too_little_is_no_pace(samples: list[ProgressSample]) -> None:
    assert measure_pace(samples, 50, 300) is None


# What follows


def test_nothing_is_forecast_before_there_is_progress(tmp_path: Path) -> None:
    progress = forecast(evidence_of(tmp_path))
    assert (progress.eta_seconds, progress.step, progress.epochs) == (None, None, 6)


def running(tmp_path: Path, limit: float) -> RunEvidence:
    """150 of 300 steps of a minute each are done, and a tenth of an hour for each evaluation."""
    rows = [{"step": step, "loss": 0.5, "elapsed_time": 60.0 * step} for step in range(10, 160, 10)]
    return evidence_of(
        tmp_path,
        row(150),
        BANNER,
        steps=StepSeries.of_rows(rows),
        task=task("RUNNING", elapsed_seconds=9_600.0, time_limit_seconds=limit, started=NOW - 9_600),
        script=script(),
    )


def test_forecast_against_the_time_limit(tmp_path: Path) -> None:
    enough = forecast(ended_just_now(running(tmp_path, limit=24_000)))
    assert enough.exceeds_time_limit is False
    assert enough.eta_seconds == pytest.approx(9_300, rel=0.05)
    assert (enough.step, enough.steps, enough.epoch) == (150, 300, 3.0)
    too_short = running(tmp_path, limit=14_400)
    said = forecast(ended_just_now(too_short))
    assert said.exceeds_time_limit is True
    ahead = outlook(ended_just_now(too_short))
    assert ahead
    assert ahead.epochs_that_fit == 4
    assert ahead.epoch_at_time_limit == pytest.approx(4.6, abs=0.15)
    assert ahead.needed_seconds
    assert ahead.needed_seconds > 9_600 + ahead.eta_range_seconds[1]
    assert ahead.gpu_hours_spent == pytest.approx(2 * 9_600 / 3600)
    assert ahead.gpu_hours_to_come == pytest.approx(2 * ahead.eta_seconds / 3600)
    names = ("epoch_at_time_limit", "epochs_that_fit", "gpu_hours_spent", "gpu_hours_to_come")
    assert [getattr(said, name) for name in names] == [getattr(ahead, name) for name in names]


def test_gpus_that_no_scheduler_granted_cost_no_hours(tmp_path: Path) -> None:
    said = forecast(replace(ended_just_now(running(tmp_path, limit=24_000)), script=script().without_gpus()))
    assert said.eta_seconds
    assert (said.gpu_hours_spent, said.gpu_hours_to_come) == (None, None)


def ended_just_now(evidence: RunEvidence) -> RunEvidence:
    """As if the last step had been logged this moment."""
    now = evidence.facts.last_output or NOW
    known = evidence.task
    if known is not None and known.elapsed_seconds is not None:
        known = msgspec.structs.replace(known, started=now - known.elapsed_seconds)
    return replace(evidence, now=now, task=known)


def test_time_that_passed_since_the_last_step_counts(tmp_path: Path) -> None:
    evidence = ended_just_now(running(tmp_path, limit=24_000))
    now, later = forecast(evidence), forecast(replace(evidence, now=evidence.now + 45))
    assert now.eta_seconds
    assert later.eta_seconds == pytest.approx(now.eta_seconds - 45, abs=1)
    assert later.last_output_seconds == pytest.approx(45, abs=1)


def test_a_run_that_hangs_does_not_come_nearer_to_its_end(tmp_path: Path) -> None:
    """Ten steps of a minute each are due in ten minutes and an evaluation; not before the end of the run."""
    evidence = ended_just_now(running(tmp_path, limit=24_000))
    hour, day = (forecast(replace(evidence, now=evidence.now + hours * 3600)) for hours in (1, 24))
    assert hour.eta_seconds == day.eta_seconds
    assert hour.eta_seconds
    assert hour.eta_seconds > 7_500
    assert day.exceeds_time_limit is True


def test_a_requeued_run_that_waits_does_not_come_nearer_to_its_end(tmp_path: Path) -> None:
    evidence = ended_just_now(running(tmp_path, limit=24_000))
    waiting = replace(evidence, task=task("PENDING", restarts=1), now=evidence.now + 9000)
    assert forecast(waiting).eta_seconds == pytest.approx(forecast(evidence).eta_seconds, abs=1)


def test_time_that_passed_since_the_queue_answered_counts(tmp_path: Path) -> None:
    evidence = ended_just_now(running(tmp_path, limit=18_000))
    later = replace(evidence, now=evidence.now + 2000)
    said = forecast(later)
    assert [forecast(evidence).exceeds_time_limit, said.exceeds_time_limit] == [True, True]
    assert said.gpu_hours_spent == pytest.approx(2 * 11_600 / 3600)


def test_the_epoch_at_the_limit_has_the_pause_that_the_forecast_expects(tmp_path: Path) -> None:
    """Before an evaluation was seen, it is expected by the number of test rows."""
    rows = [{"step": step, "loss": 0.5, "elapsed_time": 60.0 * step} for step in range(2, 42, 2)]
    meta = RunMeta(rows={"train": 800, "eval": 1600})
    limited = task("RUNNING", elapsed_seconds=2400.0, time_limit_seconds=2400.0 + 4 * 5000)
    evidence = evidence_of(
        tmp_path, row(40), BANNER, steps=StepSeries.of_rows(rows), results=RunResults(meta=meta), task=limited
    )
    ahead = outlook(ended_just_now(evidence))
    assert ahead
    assert ahead.epoch_at_time_limit == pytest.approx(0.8 + 4, abs=0.05)


def test_an_ended_run_has_no_forecast(tmp_path: Path) -> None:
    evidence = running(tmp_path, limit=24_000)
    for state in ("COMPLETED", "FAILED", "TIMEOUT"):
        assert forecast(replace(evidence, task=Task("7_2", state))).eta_seconds is None


def test_progress_of_a_stock_log_comes_from_its_bar(tmp_path: Path) -> None:
    bars = "".join(
        f"\r{step // 3:3d}%|#| {step}/300 [{step // 60:02d}:{step % 60:02d}<05:00,  1.00s/it]"
        for step in range(121)
    )
    progress = forecast(ended_just_now(evidence_of(tmp_path, "", BANNER + bars, run=SEPARATE)))
    assert progress.eta_seconds == pytest.approx(180, rel=0.2)


def test_a_foreign_folder_is_forecast_from_its_training_curve() -> None:
    rows = [
        {
            "current_steps": step,
            "total_steps": 300,
            "loss": 0.5,
            "epoch": step / 100,
            "elapsed_time": 2.0 * step,
        }
        for step in range(10, 130, 10)
    ]
    progress = forecast(RunEvidence(now=NOW, steps=StepSeries.of_rows(rows)))
    assert (progress.epochs, progress.steps) == (3, 300)
    assert progress.eta_seconds == pytest.approx(360, rel=0.15)
