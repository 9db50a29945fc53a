"""Log: the log of the selected run, alone on the screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from lrdash.monitor.snapshot import Evidence
from lrdash.ui.logs.pane import LogPane
from lrdash.ui.state import ScreenState
from lrdash.ui.widgets.log_pane import show_log


class LogView(Container):
    """One log pane."""

    def compose(self) -> ComposeResult:
        yield LogPane(id="full-log", classes="pane")

    def go_to(self, evidence: Evidence) -> None:
        self.query_one(LogPane).go_to(evidence)

    def show(self, state: ScreenState) -> None:
        show_log(self.query_one(LogPane), state)
