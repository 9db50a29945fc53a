"""What a run's epochs say: how steady, how fast, whether it overfits, what fewer epochs would have cost.

The rules are stated here and in docs/comparison.md; nothing is smoothed or fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import stdev
from typing import NamedTuple

from lrdash.results import inference
from lrdash.results.documents import RunResults
from lrdash.results.values import Row

NEAR = 0.01
"""A run has arrived when its accuracy is within one point of its own last one."""


class Steadiness(NamedTuple):
    """How evenly the evaluation loss moved from epoch to epoch."""

    deviation: float
    """Standard deviation of the change of eval_loss."""
    rises: int
    changes: int


class Stopping(NamedTuple):
    """What the epochs after `epoch` brought."""

    epoch: float
    last: float
    gain: float
    """Accuracy of the last epoch minus that of `epoch`."""
    noise: float
    """Half the Wilson interval of one accuracy on these rows."""
    hours: float | None
    """Hours of processes (GPUs) that those epochs took."""


def steadiness(epochs: Sequence[Row]) -> Steadiness | None:
    """None below three epochs with a loss: one change has no spread."""
    losses = [loss for row in epochs if (loss := row.get("eval_loss")) is not None]
    changes = [after - before for before, after in pairwise(losses)]
    if len(changes) < 2:
        return None
    return Steadiness(stdev(changes), sum(change > 0 for change in changes), len(changes))


def arrival(epochs: Sequence[Row]) -> float | None:
    """The first epoch whose accuracy is within one point of the last epoch's."""
    rated = [(row["epoch"], accuracy) for row in epochs if (accuracy := row.get("eval_accuracy")) is not None]
    if not rated:
        return None
    last = rated[-1][1]
    return next((epoch for epoch, accuracy in rated if abs(accuracy - last) <= NEAR + 1e-9), None)


def overfits_at(epochs: Sequence[Row]) -> float | None:
    """The epoch at which eval_loss had risen twice running while the training loss fell; None if never."""
    known = [
        (row["epoch"], loss, held_out)
        for row in epochs
        if (loss := row.get("loss")) is not None and (held_out := row.get("eval_loss")) is not None
    ]
    for (_, loss0, eval0), (_, loss1, eval1), (epoch, loss2, eval2) in zip(
        known, known[1:], known[2:], strict=False
    ):
        if eval0 < eval1 < eval2 and loss0 > loss1 > loss2:
            return epoch
    return None


def stopping(results: RunResults, n: int | None, processes: int) -> Stopping | None:
    """The earliest epoch after which accuracy moved by no more than a point, within the test set's noise.

    Noise is half the Wilson interval of that epoch's accuracy. None without rows, or when even the last
    epoch brought more.
    """
    rated = [row for row in results.epochs if row.get("eval_accuracy") is not None]
    values = [row["eval_accuracy"] or 0.0 for row in rated]
    if len(rated) < 2 or not n or not all(0 <= value <= 1 for value in values):
        return None
    for at, row in enumerate(rated[:-1]):
        low, high = inference.wilson_interval(round(values[at] * n), n)
        noise = (high - low) / 2
        if all(abs(value - values[at]) <= min(NEAR, noise) + 1e-9 for value in values[at + 1 :]):
            hours = _hours(results, rated[at + 1 :], processes)
            last = rated[-1]["epoch"] or 0.0
            return Stopping(row["epoch"] or 0.0, last, values[-1] - values[at], noise, hours)
    return None


def _hours(results: RunResults, rows: Sequence[Row], processes: int) -> float | None:
    """What these epochs took: their own times, else equal shares of the training's."""
    own = [seconds for row in rows if (seconds := row.get("epoch_runtime")) is not None]
    if len(own) == len(rows):
        return sum(own) * processes / 3600
    seconds = results.summary.get("train_runtime")
    return None if seconds is None else seconds * len(rows) / len(results.epochs) * processes / 3600
