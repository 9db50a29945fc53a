"""Which quantity is drawn against what, and the curves of a sweep's runs for it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import msgspec

from lrdash.monitor.snapshot import RunStatus
from lrdash.results.steps import StepSeries
from lrdash.ui.format import fraction
from lrdash.ui.format import loss as loss_text
from lrdash.ui.plot.figure import Series
from lrdash.ui.plot.reduce import MinMaxPyramid, Point
from lrdash.ui.plot.scale import tick_label
from lrdash.ui.series import SeriesLook, run_name

MOST_CURVES = 24
"""More curves than this are not told apart: then the marked runs and the selected one are drawn."""


class Metric(msgspec.Struct, frozen=True):
    """A quantity that can be drawn."""

    title: str
    value_format: Callable[[float], str]
    epoch_key: str
    """Its name in a row of `epochs`."""
    step_columns: tuple[str, ...] = ()
    """Its columns in the training curve; drawn as lines."""
    markers: bool = True
    """Whether the epochs are drawn even where there is a training curve."""
    higher_is_better: bool | None = None


METRICS = (
    Metric("accuracy", fraction, "eval_accuracy", higher_is_better=True),
    Metric("F1", fraction, "eval_f1", higher_is_better=True),
    Metric("loss", loss_text, "eval_loss", ("loss",), higher_is_better=False),
    Metric(
        "learning rates", tick_label, "learning_rate", ("learning_rate", "cls_backbone_learning_rate"), False
    ),
    Metric("gradient norm", loss_text, "grad_norm", ("grad_norm",), False),
)
STEP_UNITS = {"time": "seconds", "tokens": "total_tokens"}
"""Of the x axis: those that only the training curve knows at each step, and its columns."""
_SECOND_RATE = "cls_backbone_learning_rate"


def drawn_runs(runs: Sequence[RunStatus], selected: str, marked: frozenset[str]) -> list[RunStatus]:
    """All of them while they can be told apart; else the marked ones and those around the selected one."""
    if len(runs) <= MOST_CURVES:
        return list(runs)
    if marked:
        return [run for run in runs if run.key in marked or run.key == selected][: 2 * MOST_CURVES]
    at = next((position for position, run in enumerate(runs) if run.key == selected), 0)
    first = max(0, min(at - MOST_CURVES // 2, len(runs) - MOST_CURVES))
    return list(runs[first : first + MOST_CURVES])


def last_epoch(runs: Sequence[RunStatus]) -> int:
    """Where the x axis ends: the epochs asked for, or reached."""
    asked = [run.progress.epochs or 0 for run in runs]
    reached = [int(row.get("epoch") or 0) for run in runs for row in run.metrics.epochs[-1:]]
    return max([1, *asked, *reached])


class CurveStore:
    """Curves by run, column and unit; a training curve that grew is extended, not made again."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, str], tuple[StepSeries, MinMaxPyramid]] = {}
        self._markers: dict[tuple[str, str, str], tuple[object, MinMaxPyramid]] = {}

    def series(
        self,
        runs: Sequence[RunStatus],
        looks: Mapping[str, SeriesLook],
        metric: Metric,
        unit: str,
        steps: Mapping[str, StepSeries],
    ) -> list[Series]:
        """Lines first, so that markers are drawn over them."""
        lines = [
            Series(run.key, _line_name(run, metric, column), looks[run.key],
                   self._line(run.key, column, unit, known), markers=False, thin=column == _SECOND_RATE)
            for run in runs
            if (known := steps.get(run.key)) is not None
            for column in metric.step_columns
            if column != _SECOND_RATE or run.cls_backbone_learning_rate is not None
        ]  # fmt: skip
        drawn = {one.key for one in lines if len(one.points)}
        marked = [run for run in runs if metric.markers or run.key not in drawn]
        return lines + [
            Series(
                run.key, run_name(run), looks[run.key], self._marked(run, metric, unit, steps.get(run.key))
            )
            for run in marked
        ]

    def _line(self, key: str, column: str, unit: str, series: StepSeries) -> MinMaxPyramid:
        place = (key, column, unit)
        if place in self._lines:
            before, pyramid = self._lines[place]
            if before is series:
                return pyramid
            if _continues(before, series):
                pyramid.extend(_step_points(series, column, unit, len(before)))
                self._lines[place] = series, pyramid
                return pyramid
        pyramid = MinMaxPyramid(_step_points(series, column, unit, 0))
        self._lines[place] = series, pyramid
        return pyramid

    def _marked(self, run: RunStatus, metric: Metric, unit: str, steps: StepSeries | None) -> MinMaxPyramid:
        place, rows = (run.key, metric.epoch_key, unit), run.metrics.epochs
        source = (rows, steps if unit in STEP_UNITS else None)
        known = self._markers.get(place)
        if known is None or known[0] != source:
            known = source, MinMaxPyramid(_epoch_points(run, metric.epoch_key, unit, steps))
            self._markers[place] = known
        return known[1]


def _line_name(run: RunStatus, metric: Metric, column: str) -> str:
    if column == _SECOND_RATE:
        return f"{run_name(run)} backbone"
    return f"{run_name(run)} train" if metric.markers else run_name(run)


def _continues(before: StepSeries, after: StepSeries) -> bool:
    """Whether the series only grew: the step that was its last still stands where it stood."""
    length = len(before)
    return 0 < length <= len(after) and after.steps[length - 1] == before.steps[length - 1]


def _step_points(series: StepSeries, column: str, unit: str, start: int) -> list[Point]:
    values = series.columns.get(column)
    if values is None:
        return []
    xs = series.steps if unit == "step" else series.columns.get(STEP_UNITS.get(unit, unit), ())
    return [
        (float(xs[at]), values[at])
        for at in range(start, min(len(xs), len(values)))
        if not math.isnan(values[at]) and not math.isnan(xs[at])
    ]


def _epoch_points(run: RunStatus, key: str, unit: str, steps: StepSeries | None) -> list[Point]:
    rows = run.metrics.epochs
    runtimes = accumulate(row.get("epoch_runtime") or 0.0 for row in rows)
    points = []
    for row, runtime in zip(rows, runtimes, strict=True):
        x, y = row.get(unit), row.get(key)
        if unit == "time":
            x = _at_step(row.get("step"), steps, "seconds") or runtime or None
        elif unit == "tokens":
            x = row.get("num_input_tokens_seen") or _at_step(row.get("step"), steps, "total_tokens")
        if x is not None and y is not None:
            points.append((x, y))
    return points


def _at_step(step: float | None, steps: StepSeries | None, column: str) -> float | None:
    """What the training curve has in a column when a step was logged."""
    values = steps.columns.get(column) if steps else None
    if step is None or steps is None or not values:
        return None
    at = min(bisect_left(steps.steps, step), len(values) - 1)
    return None if math.isnan(values[at]) else values[at]
