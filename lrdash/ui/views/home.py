"""Home: the runs, their learning curves, and the log of the selected one."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from lrdash.ui.state import ScreenState
from lrdash.ui.widgets.chart import Chart
from lrdash.ui.widgets.log_pane import make_log_pane, show_log
from lrdash.ui.widgets.run_table import RunTable


class HomeView(Vertical):
    """Table above, chart and log below; the lower half is mounted after the first paint."""

    def compose(self) -> ComposeResult:
        table = RunTable(id="runs")
        table.add_class("pane")
        yield table

    @property
    def table(self) -> RunTable:
        return self.query_one(RunTable)

    async def fill(self) -> None:
        """Mount what the first paint did without."""
        chart, log = Chart(id="curves"), make_log_pane("home-log")
        chart.add_class("pane")
        log.add_class("pane")
        await self.mount(Horizontal(chart, log, id="details"))

    def show(self, state: ScreenState) -> None:
        table = self.table
        table.chosen_baselines = dict(state.baselines)
        table.snapshot = state.snapshot
        if state.selected and table.cursor != state.selected and table.cursor_run != state.selected:
            table.cursor = state.selected
        for chart in self.query(Chart):
            chart.snapshot, chart.selected = state.snapshot, state.selected
        if details := self.query("#home-log"):
            show_log(details.first(), state)
