"""Metrics: the learning curves in full, and the same values as a table by epoch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import inf

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from lrdash.monitor.snapshot import RunStatus
from lrdash.ui.context import InkSpan
from lrdash.ui.curves import Metric, drawn_runs
from lrdash.ui.format import NOTHING, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.messages import ChartChanged, RunOpened, RunSelected
from lrdash.ui.series import SeriesLook, run_name, series_looks
from lrdash.ui.state import ScreenState
from lrdash.ui.table_text import GAP, Cell, table_lines, width_of
from lrdash.ui.widgets.chart import Chart
from lrdash.ui.widgets.lines import Line, Lines, line

SHARE = 0.45
"""Of the width for a table that stands beside the chart, as in the style sheet."""


class MetricsView(Container):
    """Beside each other where there is room, else one above the other."""

    def compose(self) -> ComposeResult:
        yield Chart(id="metrics-chart", classes="pane")
        yield Lines(id="metrics-table", classes="pane")

    def show(self, state: ScreenState) -> None:
        self.query_one(Chart).state = state
        self._show_table(state)

    @on(ChartChanged)
    def _follow_chart(self) -> None:
        if (state := self.query_one(Chart).state) is not None:
            self._show_table(state)

    @on(Lines.Moved)
    def _select(self, event: Lines.Moved) -> None:
        self.post_message(RunSelected(event.key))

    @on(Lines.Chosen)
    def _open(self, event: Lines.Chosen) -> None:
        event.stop()
        self.post_message(RunOpened(event.key))

    def on_resize(self) -> None:
        self._follow_chart()

    def _show_table(self, state: ScreenState) -> None:
        chart, table = self.query_one(Chart), self.query_one("#metrics-table", Lines)
        runs = drawn_runs(state.snapshot.runs, state.selected, state.marked)
        looks = series_looks(state.snapshot.runs)
        at = chart.view.crosshair if chart.view.unit == "epoch" else None
        table.border_title = f"{chart.metric.title} at each epoch"
        room = (
            int(self.size.width * (SHARE if self.screen.has_class("-broad") else 1)) - 3
        )  # borders and margin
        table.show(epoch_table(runs, looks, chart.metric, at, chart.glyphs, room), heads=1)
        if any(run.key == state.selected for run in runs):
            table.cursor = state.selected


def epoch_table(
    runs: list[RunStatus],
    looks: dict[str, SeriesLook],
    metric: Metric,
    crosshair: float | None,
    glyphs: Glyphs,
    room: int,
) -> list[Line]:
    """One row a run, one column an epoch that has a value; the best value of each run is bold."""
    names: dict[str, Cell] = {
        run.key: [
            (f"{looks[run.key].swatch(glyphs)} ", looks[run.key].colour),
            (plain(run_name(run)), "text"),
        ]
        for run in runs
    }
    values = {run.key: _values(run, metric) for run in runs}
    left = room - max(map(width_of, names.values()), default=0)
    epochs = _epochs_that_fit(list(values.values()), metric, crosshair, left)
    if not epochs:
        return [line((" nothing yet: no epoch has finished", "muted"))]
    rows = []
    for run in runs:
        mine = values[run.key]
        best = _best(mine, metric)
        rows.append(
            (run.key, [names[run.key], *(_cell(mine.get(one), metric, one == best) for one in epochs)])
        )
    titles = ["run", *(f"[{epoch}]" if epoch == crosshair else str(epoch) for epoch in epochs)]
    return table_lines(titles, rows)


def _epochs_that_fit(
    values: Sequence[Mapping[int, float]], metric: Metric, crosshair: float | None, room: int
) -> list[int]:
    """The last ones, or those around the crosshair: a long training has more epochs than columns."""
    epochs = sorted(set[int]().union(*values))
    middle = inf if crosshair is None else crosshair
    near = _around(middle, epochs, room // (len(GAP) + len(NOTHING)))
    texts = [metric.value_format(mine[epoch]) for mine in values for epoch in near if epoch in mine]
    widest = max((len(text) for text in [*texts, *map(str, near)]), default=1)
    return _around(middle, near, room // (len(GAP) + widest))


def _around(middle: float, epochs: list[int], count: int) -> list[int]:
    """At most `count` of them, but one at least."""
    count = max(1, count)
    first = max(0, min(bisect_right(epochs, middle) - (count + 1) // 2, len(epochs) - count))
    return epochs[first : first + count]


def _values(run: RunStatus, metric: Metric) -> dict[int, float]:
    return {
        round(epoch): value
        for row in run.metrics.epochs
        if (epoch := row.get("epoch")) is not None and (value := row.get(metric.epoch_key)) is not None
    }


def _best(values: dict[int, float], metric: Metric) -> int | None:
    if metric.higher_is_better is None or not values:
        return None
    return (max if metric.higher_is_better else min)(values, key=lambda epoch: values[epoch])


def _cell(value: float | None, metric: Metric, is_best: bool) -> list[InkSpan]:
    if value is None:
        return [(NOTHING, "faint")]
    return [(metric.value_format(value), "bold" if is_best else "text")]
