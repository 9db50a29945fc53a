"""How fast a run trains, from samples of its progress, and how well that is known.

What lies around the end of an epoch (evaluation, checkpoint) is measured apart from the steps, the first
interval (compilation, warm caches) is left out, and a stall that happened once counts once only. The
range comes from how much stretches of training differ among each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, sqrt
from statistics import mean, median, pstdev

from lrdash.logs.facts import ProgressSample

STRETCHES = 8
"""Training done so far is cut into at most so many stretches."""
SMALLEST_SPREAD = 0.05
"""Relative half width of the range that is never undercut."""
FEW_STRETCHES_SPREAD = 0.08
FEWEST_INTERVALS = 8
"""The pace is that of the later half, of at least so many intervals: the first epochs are often slower."""
STALL = 20.0
"""An interval this many times slower than usual is a stall."""
STALLS_THAT_RECUR = 3
FIRST_PAUSE_SECONDS = 2.5
"""What the first evaluation may take longer than later ones: imports, compilation, caches."""

Interval = tuple[ProgressSample, ProgressSample]


@dataclass(frozen=True)
class Pace:
    """Seconds of a step and of the pause at an epoch's end, each with its uncertainty."""

    step_seconds: float
    spread: float
    """Relative standard error of `step_seconds` for the rest of the run."""
    pause_seconds: float | None
    """Evaluation and checkpoint of an epoch, beyond its steps; None before the first one was seen."""
    pause_error: float = 0.0


def measure_pace(
    samples: Sequence[ProgressSample], steps_per_epoch: float, steps: int, evaluation_share: float = 0.0
) -> Pace | None:
    """The pace of a run; None while fewer than two samples show progress.

    Args:
        samples: with rising steps.
        steps: of the whole run.
        evaluation_share: what an evaluation should take, as a share of an epoch's training time.
    """
    pairs = [pair for pair in pairwise(samples) if pair[1].step > pair[0].step and _seconds(pair) > 0]
    intervals = [pair for pair in pairs if not pair[1].is_start]
    if not intervals:
        return None
    quiet = [pair for pair in intervals if not _ends_in(pair, steps_per_epoch)]
    usable = _without_stalls(quiet[1:] if len(quiet) > 2 else quiet or intervals)
    step_seconds = _rate(usable[-max(FEWEST_INTERVALS, len(usable) // 2) :])
    least = evaluation_share * step_seconds * steps_per_epoch
    pause = _usual_pause(_pauses(pairs, step_seconds, steps_per_epoch), least)
    return Pace(step_seconds, _spread(usable, steps - samples[-1].step), *pause)


def _seconds(pair: Interval) -> float:
    return pair[1].seconds - pair[0].seconds


def _steps(pair: Interval) -> int:
    return pair[1].step - pair[0].step


def _rate(intervals: Sequence[Interval]) -> float:
    return sum(map(_seconds, intervals)) / sum(map(_steps, intervals))


def _without_stalls(intervals: Sequence[Interval]) -> list[Interval]:
    """Leave stalls out, unless they recur: then they are part of the pace (a checkpoint every few steps)."""
    usual = median(_seconds(pair) / _steps(pair) for pair in intervals)
    normal = [pair for pair in intervals if _seconds(pair) / _steps(pair) < STALL * usual]
    return normal if len(intervals) - len(normal) < STALLS_THAT_RECUR else list(intervals)


def _spread(intervals: Sequence[Interval], steps_to_come: int) -> float:
    """Relative standard error of the rest's mean pace, if stretches to come differ as those behind do."""
    size = max(1, ceil(len(intervals) / STRETCHES))
    stretches = [intervals[at : at + size] for at in range(0, len(intervals), size)]
    rates = [_rate(stretch) for stretch in stretches]
    if len(rates) < 3:
        return FEW_STRETCHES_SPREAD
    stretch_steps = sum(map(_steps, intervals)) / len(stretches)
    to_come = max(1.0, steps_to_come / stretch_steps)
    return pstdev(rates) / mean(rates) * sqrt(1 / len(rates) + 1 / to_come)


def _ends_in(pair: Interval, steps_per_epoch: float) -> list[int]:
    """The epochs whose last step lies in an interval, its two ends included.

    Whether a sample of an epoch's last step was taken before or after the evaluation is not known.
    """
    first = ceil(pair[0].step / steps_per_epoch - 1e-6)
    last = floor(pair[1].step / steps_per_epoch + 1e-6)
    return list(range(max(first, 1), last + 1))


def _pauses(pairs: Sequence[Interval], step_seconds: float, steps_per_epoch: float) -> list[float]:
    """What lies around the end of each epoch, beyond the steps there; the newest only once it is over.

    Where the clock started anew around the end, the pause may be of an attempt that was thrown away: it
    counts only if it was seen.
    """
    last_step = pairs[-1][1].step
    excess: dict[int, float] = {}
    for pair in pairs:
        ends = [
            epoch for epoch in _ends_in(pair, steps_per_epoch) if epoch * steps_per_epoch < last_step - 1e-6
        ]
        for epoch in ends if not pair[1].is_start else ():
            beyond = (_seconds(pair) - _steps(pair) * step_seconds) / len(ends)
            excess[epoch] = excess.get(epoch, 0.0) + beyond
    torn = {epoch for pair in pairs if pair[1].is_start for epoch in _ends_in(pair, steps_per_epoch)}
    return [
        max(0.0, seconds) for epoch, seconds in excess.items() if epoch not in torn or seconds > step_seconds
    ]


def _usual_pause(pauses: Sequence[float], least: float) -> tuple[float | None, float]:
    """The pause of an epoch to come, and its error; the first one is not typical."""
    if not pauses:
        return None, 0.0
    first, *later = pauses
    if later:
        return mean(later), max(mean(later) / 5, pstdev(later) / sqrt(len(later)))
    once = min(FIRST_PAUSE_SECONDS, max(0.0, first - least))
    usual = first - 0.8 * once
    return usual, max(0.2 * once, 0.1 * usual)
