"""The learning curves: a Line API widget around `Figure`, drawn again only when something changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from textual import events
from textual.content import Content
from textual.reactive import reactive, var
from textual.strip import Strip
from textual.widget import Widget

from lrdash.monitor.snapshot import RunStatus
from lrdash.results.steps import StepSeries
from lrdash.ui.bindings import bindings
from lrdash.ui.context import Painted
from lrdash.ui.curves import METRICS, STEP_UNITS, CurveStore, Metric, drawn_runs, last_epoch
from lrdash.ui.format import duration, plain
from lrdash.ui.messages import ChartChanged
from lrdash.ui.plot.figure import Figure, FigureOptions, Series
from lrdash.ui.plot.scale import tick_label
from lrdash.ui.series import run_name, series_looks
from lrdash.ui.state import UNITS, ChartView, ScreenState


class Chart(Widget, Painted, can_focus=True):
    """All runs in one picture."""

    BINDINGS = bindings("chart")

    state: var[ScreenState | None] = var(None)
    view: reactive[ChartView] = reactive(ChartView())
    steps: reactive[Mapping[str, StepSeries]] = reactive(dict)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._figure: Figure | None = None
        self._strips: list[Strip] = []
        self._curves = CurveStore()

    @property
    def metric(self) -> Metric:
        return METRICS[self.view.metric % len(METRICS)]

    @property
    def wanted_steps(self) -> list[str]:
        """Keys of the runs whose training curves are drawn."""
        return (
            [run.key for run in self._shown_runs()]
            if self.metric.step_columns or self.view.unit in STEP_UNITS
            else []
        )

    # Drawing

    def figure(self) -> Figure:
        """The chart as it stands, drawn if it has to be."""
        if self._figure is None:
            self._figure = self._draw()
            self._strips = [self.line(row, self.size.width) for row in self._figure.rows]
        return self._figure

    def render_line(self, y: int) -> Strip:
        if self.size.width and self.size.height:
            self.figure()
        return self._strips[y] if y < len(self._strips) else self.line([], self.size.width)

    def _draw(self) -> Figure:
        view = self.view
        by_epoch = view.unit == "epoch"
        runs = self.state.snapshot.runs if self.state else ()
        return Figure(
            self._series(),
            FigureOptions(
                width=max(1, self.size.width),
                height=max(3, self.size.height),
                x_title=view.unit,
                x_range=(1.0, float(last_epoch(runs))) if by_epoch else None,
                log=view.log,
                whole_x=view.unit != "time",
                crosshair=view.crosshair,
                selected=self.state.selected if self.state else "",
                dimmed=frozenset() if view.solo else view.dimmed,
                y_format=self.metric.value_format,
                x_format=duration if view.unit == "time" else tick_label,
                glyphs=self.glyphs,
            ),
        )

    def _series(self) -> list[Series]:
        if self.state is None:
            return []
        looks = series_looks(self.state.snapshot.runs)
        return self._curves.series(self._shown_runs(), looks, self.metric, self.view.unit, self.steps)

    def _shown_runs(self) -> list[RunStatus]:
        if self.state is None:
            return []
        view, state = self.view, self.state
        if view.solo:
            return [run for run in state.snapshot.runs if run.key == view.solo]
        return drawn_runs(state.snapshot.runs, state.selected, state.marked)

    def redraw(self) -> None:
        """Forget the drawn chart."""
        self._figure = None
        self._retitle()
        self.refresh()

    def _retitle(self) -> None:
        view = self.view
        log = f" {self.glyphs.separator} log" if view.log else ""
        alone = self.state.snapshot.find(view.solo) if self.state and view.solo else None
        solo = f" {self.glyphs.separator} only {plain(run_name(alone))}" if alone else ""
        dimmed = f" {self.glyphs.separator} {len(view.dimmed)} dimmed" if view.dimmed and not solo else ""
        # A str would be markup, and a run may have any name.
        self.border_title = Content(f"{self.metric.title} by {view.unit}{log}{solo}{dimmed}")

    def watch_state(self, before: ScreenState | None, after: ScreenState | None) -> None:
        if before is None or after is None or _drawn(before) != _drawn(after):
            self.redraw()

    def watch_steps(self) -> None:
        self.redraw()

    def watch_view(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    # Keys and mouse

    def _choose(self, **changes: Any) -> None:
        """Change the view and say so; whoever sets `view` knows already, and would be answered for ever."""
        view = replace(self.view, **changes)
        if view != self.view:
            self.view = view
            self.post_message(ChartChanged(self))

    def action_metric(self, step: int) -> None:
        self._choose(metric=(self.view.metric + step) % len(METRICS))

    def action_unit(self) -> None:
        unit = UNITS[(UNITS.index(self.view.unit) + 1) % len(UNITS)]
        self._choose(unit=unit, crosshair=None)

    def action_log_scale(self) -> None:
        self._choose(log=not self.view.log)

    def action_solo(self) -> None:
        selected = self.state.selected if self.state else ""
        self._choose(solo="" if self.view.solo else selected)

    def action_dim(self) -> None:
        if self.state is not None:
            self._choose(dimmed=self.view.dimmed ^ {self.state.selected})

    def action_crosshair(self, step: int) -> None:
        self._choose(crosshair=self.figure().next_x(step))

    def action_clear(self) -> None:
        """Forget the crosshair; without one the key is the screen's."""
        self._choose(crosshair=None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.view.crosshair is not None if action == "clear" else True

    def on_mouse_move(self, event: events.MouseMove) -> None:
        figure = self.figure()
        offset = event.get_content_offset(self)
        column = None if offset is None else offset.x - figure.gutter - 1
        if column is not None and figure.series and 0 <= column < figure.plot_width:
            self._choose(crosshair=figure.snap(figure.x_at(column)))

    def on_leave(self, event: events.Leave) -> None:
        if event.node is self:
            self._choose(crosshair=None)


def _drawn(state: ScreenState) -> tuple[object, ...]:
    """What the chart takes from a state."""
    runs = drawn_runs(state.snapshot.runs, state.selected, state.marked)
    return state.selected, tuple((run.key, run.metrics.epochs, run.progress.epochs) for run in runs)
