"""The wall: the last lines of every run's log at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from lrdash.monitor.snapshot import RunStatus, Snapshot
from lrdash.ui.context import Painted
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.format import plain
from lrdash.ui.series import run_name

if TYPE_CHECKING:
    from lrdash.ui.logs.wall import LogWall


class WallDialog(Dialog[str], Painted):
    """Follows all logs until it is closed, or one of them chosen: the answer is that run's key.

    Each snapshot may bring other logs: of a run that has started, or has been requeued.
    """

    wall: LogWall

    def __init__(self, runs: Sequence[RunStatus]) -> None:
        super().__init__("the last lines of all logs")
        self.runs = runs

    def content(self) -> ComposeResult:
        from lrdash.ui.logs.wall import LogWall

        yield LogWall()

    def on_mount(self) -> None:
        from lrdash.ui.logs.wall import LogWall

        self.wall = self.query_one(LogWall)
        self._show()
        self.wall.focus()
        self.watch(self.dashboard.main, "snapshot", self._follow, init=False)

    def _follow(self, snapshot: Snapshot) -> None:
        self.runs = snapshot.runs
        self._show()

    def _show(self) -> None:
        self.wall.show([(plain(run_name(run)), run.logs) for run in self.runs])

    def on_log_wall_opened(self, event: LogWall.Opened) -> None:
        self.dismiss(self.runs[event.position].key)
