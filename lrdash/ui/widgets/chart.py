"""The learning curves: a Line API widget around `Figure`, redrawn only when something changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from textual import events
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lrdash.monitor.snapshot import RunStatus, Snapshot
from lrdash.ui.bindings import bindings
from lrdash.ui.context import Painted
from lrdash.ui.curves import METRICS, UNITS, Metric, epoch_series, last_epoch
from lrdash.ui.plot.figure import Figure, FigureOptions, Series
from lrdash.ui.series import series_looks


@dataclass(frozen=True)
class ChartView:
    """What the user chose to see."""

    metric: int = 0
    unit: str = "epoch"
    log: bool = False
    solo: str = ""
    hidden: frozenset[str] = field(default_factory=frozenset)
    crosshair: float | None = None


class Chart(Widget, Painted, can_focus=True):
    """All runs in one picture."""

    BINDINGS = bindings("chart")

    snapshot: reactive[Snapshot | None] = reactive(None)
    selected: reactive[str] = reactive("")
    view: reactive[ChartView] = reactive(ChartView())

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._figure: Figure | None = None
        self._strips: list[Strip] = []

    @property
    def metric(self) -> Metric:
        return METRICS[self.view.metric % len(METRICS)]

    def figure(self) -> Figure:
        """The chart as it stands, drawn if it has to be."""
        if self._figure is None:
            self._figure = self._draw()
            self._strips = [self.line(row, self.size.width) for row in self._figure.rows]
        return self._figure

    def render_line(self, y: int) -> Strip:
        if not self.size.width or not self.size.height:
            return self.line([], self.size.width)
        self.figure()
        return self._strips[y] if y < len(self._strips) else self.line([], self.size.width)

    def _draw(self) -> Figure:
        runs = self.snapshot.runs if self.snapshot else ()
        by_epoch = self.view.unit == "epoch"
        return Figure(
            self._series(),
            FigureOptions(
                width=max(1, self.size.width),
                height=max(3, self.size.height),
                x_title=self.view.unit,
                x_range=(1.0, float(last_epoch(runs))) if by_epoch else None,
                log=self.view.log,
                crosshair=self.view.crosshair,
                selected=self.selected,
                y_format=self.metric.value_format,
                glyphs=self.glyphs,
            ),
        )

    def _series(self) -> list[Series]:
        if self.snapshot is None:
            return []
        return epoch_series(self._shown_runs(), series_looks(self.snapshot.runs), self.metric, self.view.unit)

    def _shown_runs(self) -> list[RunStatus]:
        assert self.snapshot is not None
        view = self.view
        runs = self.snapshot.runs
        if view.solo:
            return [run for run in runs if run.key == view.solo]
        return [run for run in runs if run.key not in view.hidden]

    def redraw(self) -> None:
        """Forget the drawn chart."""
        self._figure = None
        self._retitle()
        self.refresh()

    def _retitle(self) -> None:
        view = self.view
        log = ", log" if view.log else ""
        solo = ", solo" if view.solo else f", {len(view.hidden)} hidden" if view.hidden else ""
        self.border_title = f"{self.metric.title} by {view.unit}{log}{solo}"

    def watch_snapshot(self, before: Snapshot | None, after: Snapshot | None) -> None:
        if before is None or after is None or _drawn(before) != _drawn(after):
            self.redraw()

    def watch_selected(self) -> None:
        self.redraw()

    def watch_view(self) -> None:
        self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    # Keys and mouse

    def _change(self, **changes: object) -> None:
        self.view = ChartView(**({**self.view.__dict__, **changes}))

    def action_metric(self, step: int) -> None:
        self._change(metric=(self.view.metric + step) % len(METRICS))

    def action_unit(self) -> None:
        self._change(unit=UNITS[(UNITS.index(self.view.unit) + 1) % len(UNITS)], crosshair=None)

    def action_log_scale(self) -> None:
        self._change(log=not self.view.log)

    def action_solo(self) -> None:
        self._change(solo="" if self.view.solo else self.selected)

    def action_dim(self) -> None:
        self._change(hidden=self.view.hidden ^ {self.selected})

    def action_crosshair(self, step: int) -> None:
        self._change(crosshair=self.figure().next_x(step))

    def clear_crosshair(self) -> bool:
        """Whether there was one."""
        had_one = self.view.crosshair is not None
        if had_one:
            self._change(crosshair=None)
        return had_one

    def on_mouse_move(self, event: events.MouseMove) -> None:
        figure = self.figure()
        offset = event.get_content_offset(self)
        column = None if offset is None else offset.x - figure.gutter - 1
        if column is not None and figure.series and 0 <= column < figure.plot_width:
            self._change(crosshair=_snap(figure, figure.x_at(column)))

    def on_leave(self, event: events.Leave) -> None:
        if event.node is self:
            self._change(crosshair=None)


def _snap(figure: Figure, x: float) -> float:
    """The x of the point that is nearest in any curve."""
    points = [point for one in figure.series if (point := one.points.nearest(x)) is not None]
    return min((point[0] for point in points), key=lambda candidate: abs(candidate - x), default=x)


def _drawn(snapshot: Snapshot) -> tuple[object, ...]:
    """What the chart takes from a snapshot."""
    return tuple((run.key, run.metrics.epochs, run.progress.epochs) for run in snapshot.runs)
