"""The bridge to the log pane, which is imported when the first one is shown."""

from __future__ import annotations

from textual.widget import Widget

from lrdash.ui.format import plain
from lrdash.ui.series import run_name
from lrdash.ui.state import ScreenState


def make_log_pane(name: str) -> Widget:
    from lrdash.ui.logs.pane import LogPane

    return LogPane(id=name)


def show_log(pane: Widget, state: ScreenState) -> None:
    """Point a log pane at the selected run's log."""
    from lrdash.ui.logs.pane import LogPane

    if isinstance(pane, LogPane) and state.run is not None:
        pane.show(state.run.logs, state.stream, plain(run_name(state.run)), job=state.run.task)
