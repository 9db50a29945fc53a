"""Metrics: the learning curves in full, and the same values as a table by epoch."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from lrdash.monitor.snapshot import RunStatus
from lrdash.ui.context import InkSpan
from lrdash.ui.curves import Metric, drawn_runs, last_epoch
from lrdash.ui.format import NOTHING, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.messages import ChartChanged, RunSelected
from lrdash.ui.series import SeriesLook, run_name, series_looks
from lrdash.ui.state import ScreenState
from lrdash.ui.table_text import table_lines
from lrdash.ui.widgets.chart import Chart
from lrdash.ui.widgets.lines import Line, Lines


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

    def _show_table(self, state: ScreenState) -> None:
        chart, table = self.query_one(Chart), self.query_one("#metrics-table", Lines)
        runs = drawn_runs(state.snapshot.runs, state.selected, state.marked)
        looks = series_looks(state.snapshot.runs)
        at = chart.view.crosshair if chart.view.unit == "epoch" else None
        table.border_title = f"{chart.metric.title} at each epoch"
        table.show(epoch_table(runs, looks, chart.metric, at, chart.glyphs))
        if any(run.key == state.selected for run in runs):
            table.cursor = state.selected


def epoch_table(
    runs: list[RunStatus],
    looks: dict[str, SeriesLook],
    metric: Metric,
    crosshair: float | None,
    glyphs: Glyphs,
) -> list[Line]:
    """One row a run, one column an epoch; the best value of each run is bold."""
    epochs = range(1, last_epoch(runs) + 1)
    rows = []
    for run in runs:
        look = looks[run.key]
        name: list[InkSpan] = [(f"{look.swatch(glyphs)} ", look.colour), (plain(run_name(run)), "text")]
        values = _values(run, metric)
        best = _best(values, metric)
        rows.append((run.key, [name, *(_cell(values.get(epoch), metric, epoch == best) for epoch in epochs)]))
    titles = ["run", *(f"[{epoch}]" if epoch == crosshair else str(epoch) for epoch in epochs)]
    return table_lines(titles, rows)


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
