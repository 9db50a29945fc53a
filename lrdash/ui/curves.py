"""Which metric is drawn against what, and the curves of a snapshot's runs for it (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lrdash.monitor.snapshot import RunStatus
from lrdash.ui.format import fraction
from lrdash.ui.format import loss as loss_text
from lrdash.ui.plot.figure import Series
from lrdash.ui.plot.reduce import MinMaxPyramid
from lrdash.ui.plot.scale import tick_label
from lrdash.ui.series import SeriesLook


@dataclass(frozen=True)
class Metric:
    """A quantity that can be drawn."""

    key: str
    """Its name in a row of `epochs`."""
    title: str
    value_format: Callable[[float], str]
    is_better_high: bool = True


METRICS = (
    Metric("eval_accuracy", "accuracy", fraction),
    Metric("eval_f1", "F1", fraction),
    Metric("eval_loss", "loss", loss_text, is_better_high=False),
    Metric("loss", "training loss", loss_text, is_better_high=False),
    Metric("learning_rate", "learning rates", tick_label),
    Metric("grad_norm", "gradient norm", loss_text, is_better_high=False),
)
UNITS = ("epoch", "step", "time")


def run_name(run: RunStatus) -> str:
    """`text 0  2e-5`."""
    place = f"{run.group} {run.index}  " if run.group is not None else ""
    return place + (run.label or run.run)


def epoch_series(
    runs: Sequence[RunStatus], looks: Mapping[str, SeriesLook], metric: Metric, unit: str = "epoch"
) -> list[Series]:
    """One curve a run from its finished epochs."""
    series = []
    for run in runs:
        points = MinMaxPyramid(_points(run, metric.key, unit))
        series.append(Series(run.key, run_name(run), looks[run.key], points))
    return series


def _points(run: RunStatus, key: str, unit: str) -> list[tuple[float, float]]:
    points = []
    for row in run.metrics.epochs:
        x, y = row.get(_UNIT_KEYS[unit]), row.get(key)
        if x is not None and y is not None:
            points.append((x, y))
    return points


_UNIT_KEYS = {"epoch": "epoch", "step": "step", "time": "epoch_runtime"}


def last_epoch(runs: Sequence[RunStatus]) -> int:
    """Where the x axis ends: the epochs asked for, or reached."""
    asked = [run.progress.epochs or 0 for run in runs]
    reached = [int(row.get("epoch") or 0) for run in runs for row in run.metrics.epochs[-1:]]
    return max([1, *asked, *reached])
