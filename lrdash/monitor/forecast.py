"""When a run will end, from the steps that it has done.

The time of a step is the median over stretches of training, so that evaluations, checkpoints, a requeue
and the slow first steps do not count; what epochs took beyond their steps is added once for every epoch
to come, and once more for the prediction at the end. The range is the spread of the stretches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, sqrt
from statistics import mean, median, pstdev

from lrdash.logs.facts import ProgressSample
from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.snapshot import Progress

FEWEST_STRETCHES = 2
STRETCHES = 24
"""Training done so far is cut into at most so many stretches."""
SMALLEST_SPREAD = 0.04
"""Relative half width of the range that is never undercut."""
UNSEEN_PAUSE = 0.12
"""Share of an epoch that evaluation and checkpoint may take while none was seen yet."""


@dataclass(frozen=True)
class Pace:
    """How fast a run trains; all in seconds."""

    step_seconds: float
    spread: float
    """Relative uncertainty of the step time."""
    pause_seconds: float | None
    """What an epoch takes beyond its steps; None before the first epoch has ended."""
    pause_spread: float = 0.0


@dataclass(frozen=True)
class Outlook:
    """What the pace means for the job."""

    eta_seconds: float
    eta_range_seconds: tuple[float, float]
    exceeds_time_limit: bool | None = None
    epoch_at_time_limit: float | None = None
    epochs_that_fit: int | None = None
    needed_seconds: float | None = None
    """Time limit with which the whole run fits, with a tenth to spare."""
    gpu_hours_spent: float | None = None
    gpu_hours_to_come: float | None = None


def forecast(evidence: RunEvidence) -> Progress:
    """Where the run is, and when it ends if it goes on like this."""
    ahead = outlook(evidence) if not evidence.has_ended else None
    epochs = evidence.epochs or evidence.facts.banner.num_epochs
    last_output = evidence.facts.last_output
    return Progress(
        epoch=evidence.last_epoch,
        epochs=None if epochs is None else ceil(epochs),
        step=evidence.last_step,
        steps=evidence.total_steps,
        eta_seconds=ahead.eta_seconds if ahead else None,
        eta_range_seconds=ahead.eta_range_seconds if ahead else None,
        exceeds_time_limit=ahead.exceeds_time_limit if ahead else None,
        last_output_seconds=None if last_output is None else max(0.0, evidence.now - last_output),
    )


def outlook(evidence: RunEvidence) -> Outlook | None:
    """The forecast with everything that follows from it; None while too little is known."""
    samples, steps = evidence.samples, evidence.total_steps
    epochs = evidence.epochs or evidence.facts.banner.num_epochs
    if not steps or not epochs or not samples:
        return None
    pace = measure_pace(samples, steps / epochs)
    if pace is None:
        return None
    low, middle, high = _remaining(pace, samples[-1].step, steps, epochs)
    since = _seconds_since(evidence, samples[-1])
    eta = max(0.0, middle - since)
    times = (max(0.0, low - since), max(0.0, high - since))
    return _with_limit(evidence, pace, Outlook(eta, times), steps / epochs)


def measure_pace(samples: Sequence[ProgressSample], steps_per_epoch: float) -> Pace | None:
    """The pace of training, from samples with rising steps."""
    pairs = [
        (one, other)
        for one, other in pairwise(samples)
        if other.step > one.step and other.seconds > one.seconds
    ]
    quiet = [pair for pair in pairs if not _epoch_ends(*pair, steps_per_epoch)]
    usable = _stretches(quiet[1:] if len(quiet) > FEWEST_STRETCHES else quiet) or _stretches(pairs)
    if not usable:
        return None
    times = [seconds / steps for seconds, steps in usable]
    step_seconds = median(times)
    spread = pstdev(times) / step_seconds / sqrt(len(times)) if len(times) > 1 else 0.2
    pauses = _pauses(pairs, step_seconds, steps_per_epoch)
    return Pace(
        step_seconds=step_seconds,
        spread=max(SMALLEST_SPREAD, 2 * spread),
        pause_seconds=mean(pauses) if pauses else None,
        pause_spread=pstdev(pauses) if len(pauses) > 1 else (pauses[0] / 3 if pauses else 0.0),
    )


def _stretches(pairs: Sequence[tuple[ProgressSample, ProgressSample]]) -> list[tuple[float, int]]:
    """(seconds, steps) of up to STRETCHES stretches of neighbouring intervals."""
    size = max(1, ceil(len(pairs) / STRETCHES))
    groups = [pairs[at : at + size] for at in range(0, len(pairs), size)]
    return [
        (sum(b.seconds - a.seconds for a, b in group), sum(b.step - a.step for a, b in group))
        for group in groups
    ]


def _epoch_ends(one: ProgressSample, other: ProgressSample, steps_per_epoch: float) -> int:
    """How many epochs were evaluated between two samples: a step is logged before its epoch's evaluation."""
    return _epochs_before(other.step, steps_per_epoch) - _epochs_before(one.step, steps_per_epoch)


def _epochs_before(step: int, steps_per_epoch: float) -> int:
    """Epochs that had ended when `step` was logged."""
    return floor((step - 1) / steps_per_epoch + 1e-6)


def _pauses(
    pairs: Sequence[tuple[ProgressSample, ProgressSample]], step_seconds: float, steps_per_epoch: float
) -> list[float]:
    """What each end of an epoch took beyond the steps around it."""
    return [
        max(0.0, other.seconds - one.seconds - (other.step - one.step) * step_seconds) / ends
        for one, other in pairs
        if (ends := _epoch_ends(one, other, steps_per_epoch))
    ]


def _remaining(pace: Pace, step: int, steps: int, epochs: float) -> tuple[float, float, float]:
    """Low, middle and high estimate of the seconds from `step` to the end of the run."""
    training = (steps - step) * pace.step_seconds
    pauses = ceil(epochs) - _epochs_before(step, steps / epochs) + 1
    unseen = UNSEEN_PAUSE * pace.step_seconds * steps / epochs
    pause = unseen / 2 if pace.pause_seconds is None else pace.pause_seconds
    doubt = unseen / 2 if pace.pause_seconds is None else pace.pause_spread
    low = training * (1 - pace.spread) + pauses * max(0.0, pause - doubt)
    high = training * (1 + pace.spread) + pauses * (pause + doubt)
    return low, training + pauses * pause, high


def _seconds_since(evidence: RunEvidence, sample: ProgressSample) -> float:
    """How long ago a running run's last sample was taken, where the log was followed."""
    if evidence.has_ended:
        return 0.0
    for stream in evidence.facts.streams:
        for live in reversed(stream.live_samples):
            if live.step == sample.step:
                return max(0.0, evidence.now - live.seconds)
    return 0.0


def _with_limit(evidence: RunEvidence, pace: Pace, ahead: Outlook, steps_per_epoch: float) -> Outlook:
    task = evidence.task
    if task is None or task.elapsed_seconds is None:
        return ahead
    elapsed, limit = task.elapsed_seconds, task.time_limit_seconds
    gpus = evidence.script.gpus if evidence.script else None
    step_share = pace.step_seconds + (pace.pause_seconds or 0.0) / steps_per_epoch
    epoch_seconds = step_share * steps_per_epoch
    strikes = None
    if limit is not None and elapsed + ahead.eta_seconds > limit:
        strikes = (evidence.last_epoch or 0.0) + max(0.0, limit - elapsed) / epoch_seconds
    return Outlook(
        eta_seconds=ahead.eta_seconds,
        eta_range_seconds=ahead.eta_range_seconds,
        exceeds_time_limit=None if limit is None else strikes is not None,
        epoch_at_time_limit=strikes,
        epochs_that_fit=None if strikes is None else floor(strikes),
        needed_seconds=1.1 * (elapsed + ahead.eta_range_seconds[1]),
        gpu_hours_spent=None if gpus is None else gpus * elapsed / 3600,
        gpu_hours_to_come=None if gpus is None else gpus * ahead.eta_seconds / 3600,
    )
