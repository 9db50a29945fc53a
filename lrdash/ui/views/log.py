"""Log: the log of the selected run, alone on the screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from lrdash.ui.state import ScreenState
from lrdash.ui.widgets.log_pane import make_log_pane, show_log


class LogView(Container):
    """One log pane."""

    def compose(self) -> ComposeResult:
        pane = make_log_pane("full-log")
        pane.add_class("pane")
        yield pane

    def show(self, state: ScreenState) -> None:
        show_log(self.query_one("#full-log"), state)
