"""Home: the runs, their learning curves, and the log of the selected one."""

from __future__ import annotations

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from lrdash.ui.logs.pane import LogPane
from lrdash.ui.state import ScreenState
from lrdash.ui.widgets.chart import Chart
from lrdash.ui.widgets.log_pane import show_log
from lrdash.ui.widgets.run_table import RunTable


class HomeView(Vertical):
    """Table above, chart and log below."""

    def compose(self) -> ComposeResult:
        yield RunTable(id="runs", classes="pane")
        with Horizontal(id="details"):
            yield Chart(id="curves", classes="pane")
            yield LogPane(id="home-log", classes="pane")

    _selected = ""

    @property
    def table(self) -> RunTable:
        return self.query_one(RunTable)

    @on(RunTable.FilterWanted)
    async def _open_filter(self) -> None:
        from lrdash.ui.widgets.filter_line import FilterLine

        if not self.query(FilterLine):
            await self.mount(FilterLine(self.table.arrangement.filter), after=self.table)
        self.query_one(FilterLine).focus()

    def clear_filter(self) -> bool:
        """Show every run again; whether a filter was on."""
        from lrdash.ui.widgets.filter_line import FilterLine

        was_on = bool(self.table.arrangement.filter) or bool(self.query(FilterLine))
        self.table.arrangement = replace(self.table.arrangement, filter="")
        self.query(FilterLine).remove()
        self.table.focus()
        return was_on

    def show(self, state: ScreenState) -> None:
        table = self.table
        table.chosen_baselines = dict(state.baselines)
        table.marked, table.comparison = state.marked, state.comparison
        table.snapshot = state.snapshot
        if state.selected != self._selected:  # where the cursor is on a group, it stays there
            self._selected = state.selected
            table.show_run(state.selected)
        self.query_one(Chart).state = state
        show_log(self.query_one(LogPane), state)
