"""The screen: a status line, tabs, one view at a time, and the keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.reactive import var
from textual.widget import Widget

from lrdash.monitor.snapshot import Evidence, Snapshot
from lrdash.ui.attention import Concern, concerns
from lrdash.ui.bindings import bindings
from lrdash.ui.format import plain
from lrdash.ui.messages import ChartChanged, EpochAsked, RowsOpened, RunOpened, RunSelected, TabChosen
from lrdash.ui.rows import FOREIGN
from lrdash.ui.screens.overlays import Overlays
from lrdash.ui.series import run_name
from lrdash.ui.state import (
    STREAMS,
    TABS,
    ChartView,
    ScreenState,
    Stream,
    another_epoch,
    other_group,
    run_with_index,
)
from lrdash.ui.views import make_view
from lrdash.ui.views.home import HomeView
from lrdash.ui.widgets.bars import KeyBar, TabBar
from lrdash.ui.widgets.chart import Chart
from lrdash.ui.widgets.run_table import RunTable
from lrdash.ui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from lrdash.results.comparison import Comparison, Which

BREAKPOINTS = ((0, "-tiny"), (50, "-narrow"), (100, "-normal"), (120, "-wide"), (150, "-broad"))
LOW_BREAKPOINTS = ((0, "-flat"), (12, "-low"), (20, "-tall"))

PANES = {"home": "RunTable", "chart": "Chart", "compare": "CompareView", "log": "LogPane"}
"""Views of the binding table, and the widgets that have their keys."""


class MainScreen(Overlays):
    """Holds what is selected and gives every view the same state."""

    BINDINGS = bindings("everywhere")
    AUTO_FOCUS = "#runs"
    HORIZONTAL_BREAKPOINTS = list(BREAKPOINTS)  # noqa: RUF012 - Textual's own type
    VERTICAL_BREAKPOINTS = list(LOW_BREAKPOINTS)  # noqa: RUF012

    snapshot: var[Snapshot] = var(lambda: Snapshot(sweep="", taken_at="1970-01-01T00:00:00+00:00"))
    selected: var[str] = var("")
    stream: var[Stream] = var("out")
    tab: var[str] = var(TABS[0])
    baselines: var[Mapping[str, str]] = var(dict)
    comparison: var[Comparison | None] = var(None)
    uncompared: var[str] = var("")
    epoch: var[Which] = var("last")
    """Which one is compared."""
    marked: var[frozenset[str]] = var(frozenset)
    notice: var[str] = var("")
    chart_view: var[ChartView] = var(ChartView())
    """Kept for every chart: what is shown on Home is shown under Metrics too."""

    def __init__(self) -> None:
        super().__init__()
        self._concerns = 0
        """Of how many runs something is to be looked at."""
        self._shown: object = None
        self._wanted: Evidence | None = None
        """The line at which the log is to be opened, until it is."""

    def compose(self) -> ComposeResult:
        yield StatusBar(id="status")
        yield TabBar(id="tabs")
        with Container(id="body"):
            yield HomeView(id="home")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        self.watch_chart_view(self.chart_view)
        self.show_state()
        self.call_after_refresh(self.dashboard.start)

    # State

    @property
    def state(self) -> ScreenState:
        return ScreenState(
            self.snapshot, self.selected, self.stream, self.marked, self.baselines, self.comparison,
            self.uncompared,
        )  # fmt: skip

    def watch_snapshot(self, snapshot: Snapshot) -> None:
        if not self.selected and snapshot.runs:
            self.selected = snapshot.runs[0].key
        self._concerns = len({concern.key for concern in concerns(snapshot)})
        self.show_state()

    def watch_selected(self) -> None:
        self.show_state()

    def watch_stream(self) -> None:
        self.show_state()

    def watch_baselines(self) -> None:
        self.show_state()

    def watch_comparison(self) -> None:
        self.show_state()

    def watch_uncompared(self) -> None:
        self.show_state()

    def watch_marked(self) -> None:
        self.show_state()

    def watch_notice(self) -> None:
        self.show_state()

    def show_state(self) -> None:
        """Give the state to what is on the screen; other views get it when they are opened."""
        status, tabs = next(iter(self.query(StatusBar)), None), next(iter(self.query(TabBar)), None)
        if status is None or tabs is None:
            return  # not composed yet, or already closing
        state = self.state
        run = state.run
        status.snapshot, status.notice = state.snapshot, self.notice
        tabs.subject = plain(run_name(run)) if run else ""
        tabs.attention = self._concerns
        view = self.view
        if view is not None and (shown := (view, state.contents)) != self._shown:
            self._shown = shown
            view.show(state)  # type: ignore[attr-defined]
        if view is not None and self.tab == "Log" and self._wanted is not None:
            view.go_to(self._wanted)  # type: ignore[attr-defined]
            self._wanted = None

    @property
    def view(self) -> Widget | None:
        """What stands behind the active tab; None while it is being made or taken down."""
        return next(
            (view for view in self.query(f"#{self.tab.lower()}") if view.is_mounted and view.children), None
        )

    @property
    def table(self) -> RunTable:
        return self.query_one(RunTable)

    @property
    def chart(self) -> Chart | None:
        """The chart on the screen, if any."""
        return next((chart for chart in self.charts if chart.is_on_screen and chart.display), None)

    @property
    def charts(self) -> list[Chart]:
        """Every chart that was opened."""
        return list(self.query(Chart))

    # Tabs and panes

    async def watch_tab(self, tab: str) -> None:
        if not self.is_mounted:
            return
        if tab != "Log":
            self._wanted = None
        self.query_one(TabBar).active = tab
        self.query_one("#keys", KeyBar).labels = {} if tab == TABS[0] else {"quit_or_back": TABS[0]}
        if not self.query(f"#{tab.lower()}"):
            await self.query_one("#body").mount(make_view(tab))
            self.watch_chart_view(self.chart_view)
        if tab != self.tab:
            return  # another key was faster than this view
        for view in self.query_one("#body").children:
            view.display = view.id == tab.lower()
        self.action_zoom(False)
        self.show_state()
        self.dashboard.read_steps()
        focusable = [widget for widget in self.view.query("*") if widget.focusable] if self.view else []
        if focusable:
            focusable[0].focus()

    @on(TabChosen)
    def _open_tab(self, event: TabChosen) -> None:
        self.tab = event.tab

    def action_tab(self, step: int) -> None:
        self.tab = TABS[(TABS.index(self.tab) + step) % len(TABS)]

    def action_next_pane(self, step: int) -> None:
        (self.focus_next if step > 0 else self.focus_previous)()

    def action_zoom(self, zoomed: bool) -> None:
        """The pane with the focus fills the body; the same key again shows all panes."""
        had_zoom = self.has_class("-zoom")
        self.remove_class("-zoom")
        self.query(".-zoomed").remove_class("-zoomed")
        pane = (
            next((node for node in self.focused.ancestors_with_self if node.has_class("pane")), None)
            if (self.focused)
            else None
        )
        if zoomed and not had_zoom and pane is not None:
            for node in pane.ancestors_with_self:
                if node.id not in ("body", None) and node is not self:
                    node.add_class("-zoomed")
            self.add_class("-zoom")

    def action_back(self) -> None:
        if self.has_class("-zoom"):
            self.action_zoom(False)
        elif self.tab != TABS[0]:
            self.tab = TABS[0]
        elif not self.query_one(HomeView).clear_filter():
            self.marked = frozenset()
            self.query_one(RunTable).focus()

    def action_quit_or_back(self) -> None:
        if self.tab != TABS[0]:
            self.tab = TABS[0]
        else:
            self.dashboard.leave()

    def commanded(self) -> list[tuple[str, Widget]]:
        """What the palette has the keys of, by name: the screen, and every pane of the open view."""
        view, found = self.view, [(name, node) for name, kind in PANES.items() for node in self.query(kind)]
        return [
            ("everywhere", self),
            *((name, node) for name, node in found if view in node.ancestors_with_self),
        ]

    # Selection

    @on(RunSelected)
    def _select(self, event: RunSelected) -> None:
        self.select_run(event.key)

    def select_run(self, key: str) -> None:
        if any(run.key == key for run in self.snapshot.runs):
            self.selected = key

    def show_concern(self, concern: Concern) -> None:
        if concern.tab == "Log":
            self.open_log(concern.key, concern.at)
        else:
            self.select_run(concern.key)
            self.tab = concern.tab or self.tab

    @on(RunOpened)
    def _open(self, event: RunOpened) -> None:
        self.open_log(event.key, event.at)

    def open_log(self, key: str, at: Evidence | None = None) -> None:
        """The log of a run, at a line of it or where it was left."""
        self.select_run(key)
        run = self.state.run
        if at is not None and run is not None and (stream := run.logs.stream_of(at)):
            self.stream = self.stream if self.stream == "both" else stream
            self._wanted = at
        self.tab = "Log"
        self.show_state()

    @on(RowsOpened)
    def _browse(self, event: RowsOpened) -> None:
        self.browse(event.run, event.other)

    @on(EpochAsked)
    def _compare_at(self, event: EpochAsked) -> None:
        self.epoch = another_epoch(self.epoch, event.step, self.snapshot)
        self.dashboard.compare()

    @on(ChartChanged)
    def _follow_chart(self, event: ChartChanged) -> None:
        before, self.chart_view = self.chart_view, event.chart.view
        if replace(before, crosshair=None) != replace(self.chart_view, crosshair=None):
            self.dashboard.read_steps()

    def watch_chart_view(self, view: ChartView) -> None:
        for chart in self.charts:
            chart.view = view

    @on(RunTable.Marked)
    def _mark(self, event: RunTable.Marked) -> None:
        self.marked = event.keys

    def action_select_index(self, index: int) -> None:
        self.selected = run_with_index(self.snapshot, self.selected, index) or self.selected

    def action_other_group(self) -> None:
        self.selected = other_group(self.snapshot, self.selected) or self.selected

    def action_other_stream(self) -> None:
        self.stream = STREAMS[(STREAMS.index(self.stream) + 1) % len(STREAMS)]

    def action_baseline(self) -> None:
        run = self.state.run
        if run is not None:
            self.baselines = {**self.baselines, run.group or FOREIGN: run.key}
            self.dashboard.compare()

    # The app's

    def action_refresh_now(self) -> None:
        self.dashboard.wake()

    def action_pause(self) -> None:
        self.dashboard.pause()

    def action_next_theme(self) -> None:
        self.dashboard.next_theme()

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_press(self, key: str) -> None:
        self.app.simulate_key(key)
