"""Which log a log pane shows."""

from __future__ import annotations

from lrdash.ui.format import plain
from lrdash.ui.logs.pane import LogPane
from lrdash.ui.series import run_name
from lrdash.ui.state import ScreenState


def show_log(pane: LogPane, state: ScreenState) -> None:
    """Point a log pane at the selected run's log."""
    if state.run is not None:
        is_folder = state.run.group is None
        pane.show(
            state.run.logs, state.stream, plain(run_name(state.run)), job=state.run.task, is_folder=is_folder
        )
