"""The wall: the last lines of every run's log at once."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from lrdash.monitor.snapshot import RunStatus
from lrdash.ui.curves import run_name
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.format import plain


class WallDialog(Dialog[None]):
    """Follows all logs until it is closed."""

    def __init__(self, runs: Sequence[RunStatus]) -> None:
        super().__init__("the last lines of all logs")
        self.runs = runs

    def content(self) -> ComposeResult:
        from lrdash.ui.logs.wall import LogWall

        yield LogWall()

    def on_mount(self) -> None:
        from lrdash.ui.logs.wall import LogWall

        self.query_one(LogWall).show([(plain(run_name(run)), run.logs) for run in self.runs])
