"""When a run will end, whether its time limit lets it, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

from lrdash.logs.facts import ProgressSample
from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.pace import SMALLEST_SPREAD, Pace, measure_pace
from lrdash.monitor.snapshot import Progress

RANGE_ERRORS = 3.0
"""Half width of the range, in standard errors."""
FORWARD_SHARE = 1 / 3
"""Of a training step's time, what its forward pass takes: an evaluation has nothing else."""
UNSEEN_PAUSE = 0.03
"""Share of an epoch for its evaluation, while none was seen and the number of test rows is unknown."""
WIDEST = 0.13
"""Half width of the range, as a share of the estimate, once a fifth is done: a wider one is no help."""
MOST_TO_COME = 0.8
UNSEEN_ERROR = 0.6
"""Relative error of a pause that was not seen yet."""
SPARE = 1.1
"""Of the time limit that is advised."""


@dataclass(frozen=True)
class Outlook:
    """What the pace of a run means for it."""

    eta_seconds: float
    eta_range_seconds: tuple[float, float]
    exceeds_time_limit: bool | None = None
    epoch_at_time_limit: float | None = None
    """Where the time limit will strike; None when it does not."""
    epochs_that_fit: int | None = None
    needed_seconds: float | None = None
    """A time limit with which all that this attempt began with fits, with some to spare."""
    gpu_hours_spent: float | None = None
    gpu_hours_to_come: float | None = None


def forecast(evidence: RunEvidence) -> Progress:
    """Where the run is, and when it ends if it goes on like this."""
    ahead = outlook(evidence) if not evidence.has_ended else None
    epochs = _epochs(evidence)
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
        epoch_at_time_limit=ahead.epoch_at_time_limit if ahead else None,
        epochs_that_fit=ahead.epochs_that_fit if ahead else None,
        gpu_hours_spent=_gpu_hours_spent(evidence),
        gpu_hours_to_come=ahead.gpu_hours_to_come if ahead else None,
    )


def outlook(evidence: RunEvidence) -> Outlook | None:
    """The forecast with everything that follows from it; None while too little is known."""
    samples, steps, epochs = evidence.samples, evidence.total_steps, _epochs(evidence)
    if not steps or not epochs or not samples:
        return None
    pace = measure_pace(samples, steps / epochs, steps, _evaluation_share(evidence))
    if pace is None:
        return None
    low, middle, high = _remaining(evidence, pace, steps - samples[-1].step, steps / epochs)
    since = min(_seconds_since(evidence, samples[-1]), _until_next(evidence, samples, pace, steps / epochs))
    times = (max(0.0, low - since), max(0.0, high - since))
    return _with_limit(evidence, pace, Outlook(max(0.0, middle - since), times), steps / epochs)


def _epochs(evidence: RunEvidence) -> float | None:
    """As asked, as the banner says, or, of a folder that says neither, as step and epoch imply."""
    if known := evidence.epochs or evidence.facts.banner.num_epochs:
        return known
    step, epoch, steps = evidence.last_step, evidence.last_epoch, evidence.total_steps
    return max(1.0, round(epoch * steps / step)) if step and epoch and steps else None


def _remaining(
    evidence: RunEvidence, pace: Pace, steps: int, steps_per_epoch: float
) -> tuple[float, float, float]:
    """Low, middle and high estimate of the seconds that `steps` more steps and what follows them take."""
    training = steps * pace.step_seconds
    doubt = max(SMALLEST_SPREAD, RANGE_ERRORS * pace.spread) * training
    pause, error = _pause(evidence, pace, steps_per_epoch)
    pauses = _pauses_to_come(evidence)
    middle = training + pauses * pause
    spread = doubt + pauses * error
    if steps < MOST_TO_COME * (evidence.total_steps or 0):
        spread = min(spread, WIDEST * middle)
    return max(0.0, middle - spread), middle, middle + spread


def _pause(evidence: RunEvidence, pace: Pace, steps_per_epoch: float) -> tuple[float, float]:
    """Seconds of an epoch's pause and their error; before one was seen, what an evaluation should take."""
    if pace.pause_seconds is not None:
        return pace.pause_seconds, pace.pause_error
    expected = _evaluation_share(evidence) * pace.step_seconds * steps_per_epoch
    return expected, UNSEEN_ERROR * expected


def _evaluation_share(evidence: RunEvidence) -> float:
    """Of an epoch's training time, what its evaluation should take: a forward pass over the test rows."""
    rows = [dataset.rows for dataset in evidence.facts.datasets]
    if len(rows) < 2 and evidence.results.meta:
        rows = [evidence.results.meta.rows.get(split, 0) for split in ("train", "eval")]
    return rows[-1] / rows[0] * FORWARD_SHARE if len(rows) > 1 and rows[0] else UNSEEN_PAUSE


def _pauses_to_come(evidence: RunEvidence) -> int:
    """Evaluations that are still to be made, the prediction at the end among them."""
    if evidence.args.get("eval_strategy", "epoch") != "epoch":
        return 0
    done = len(evidence.results.epochs) or len(evidence.facts.evaluations)
    return max(0, ceil(_epochs(evidence) or 0.0) - done) + evidence.predicts


def _seconds_since(evidence: RunEvidence, sample: ProgressSample) -> float:
    """How long ago a running run's last sample was taken, where the log was followed."""
    if evidence.has_ended or evidence.state not in (None, "RUNNING"):
        return 0.0
    for stream in evidence.facts.streams:
        for live in reversed(stream.live_samples):
            if live.step == sample.step:
                return max(0.0, evidence.now - live.seconds)
    return 0.0


def _until_next(
    evidence: RunEvidence, samples: Sequence[ProgressSample], pace: Pace, steps_per_epoch: float
) -> float:
    """Seconds in which the next sample is due, a pause included: what hangs comes no nearer to its end."""
    stride = samples[-1].step - (samples[-2].step if len(samples) > 1 else 0)
    return max(1, stride) * pace.step_seconds + _pause(evidence, pace, steps_per_epoch)[0]


def _with_limit(evidence: RunEvidence, pace: Pace, ahead: Outlook, steps_per_epoch: float) -> Outlook:
    elapsed = evidence.elapsed_seconds
    if evidence.task is None or elapsed is None:
        return ahead
    limit = evidence.task.time_limit_seconds
    gpus = evidence.gpus
    strikes = None
    if limit is not None and elapsed + ahead.eta_seconds > limit:
        epoch_seconds = pace.step_seconds * steps_per_epoch + _pause(evidence, pace, steps_per_epoch)[0]
        strikes = (evidence.last_epoch or 0.0) + max(0.0, limit - elapsed) / epoch_seconds
    return replace(
        ahead,
        exceeds_time_limit=None if limit is None else strikes is not None,
        epoch_at_time_limit=strikes,
        epochs_that_fit=None if strikes is None else floor(strikes),
        needed_seconds=SPARE * (elapsed + ahead.eta_range_seconds[1]),
        gpu_hours_spent=_gpu_hours_spent(evidence),
        gpu_hours_to_come=None if gpus is None else gpus * ahead.eta_seconds / 3600,
    )


def _gpu_hours_spent(evidence: RunEvidence) -> float | None:
    """Of the present attempt, as the scheduler counts its time."""
    elapsed, gpus = evidence.elapsed_seconds, evidence.gpus
    return None if gpus is None or elapsed is None else gpus * elapsed / 3600
