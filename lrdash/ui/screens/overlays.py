"""What opens over the main screen."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, cast

from textual import work

from lrdash.errors import LrdashError
from lrdash.ui.format import plain
from lrdash.ui.messages import RunOpened
from lrdash.ui.screens.acting import Acting

if TYPE_CHECKING:
    from lrdash.monitor.snapshot import RunStatus
    from lrdash.ui.attention import Concern
    from lrdash.ui.results import Results


class Overlays(Acting):
    """Base of the main screen: pages, menus and dialogs that change nothing."""

    # Pages

    def action_help(self) -> None:
        self.dashboard.show_help()

    def action_command_log(self) -> None:
        from lrdash.ui.dialogs.texts import TextDialog, command_log_lines

        lines = command_log_lines(self.dashboard.source.command_log)
        self.app.push_screen(TextDialog("every scheduler command, the newest first", lines))

    def action_diff(self) -> None:
        from lrdash.ui.dialogs.texts import TextDialog, difference_lines

        if backend := self._backend():
            state = self.state
            keys = state.marked if len(state.marked) > 1 else {run.key for run in state.snapshot.runs}
            runs = backend.runs(keys)[:24]
            self.app.push_screen(TextDialog("what differs", difference_lines(runs)))

    def action_wall(self) -> None:
        from lrdash.ui.dialogs.wall import WallDialog

        def open_log(key: str | None) -> None:
            if key:
                self.post_message(RunOpened(key))

        self.app.push_screen(WallDialog(self.state.snapshot.runs), open_log)

    @work
    async def action_attention(self) -> None:
        from lrdash.ui.dialogs.attention import AttentionDialog

        answer = await self.app.push_screen_wait(AttentionDialog())
        if answer is not None:
            self.show_concern(answer.concern)
            if answer.wants_actions:
                self.act_on([run for run in self.state.snapshot.runs if run.key == answer.concern.key])

    def show_concern(self, concern: Concern) -> None:
        raise NotImplementedError

    def browse(self, run: str, other: str | None = None) -> None:
        """The predictions of a run, or of one against another."""
        from lrdash.ui.dialogs.predictions import PredictionsDialog
        from lrdash.ui.series import series_looks

        if results := self._results():
            runs = self.state.snapshot.runs
            looks = series_looks(runs)
            by_name = {status.run: looks[status.key] for status in runs}
            labels = {status.run: plain(status.label or status.run) for status in runs}
            epoch = self.state.comparison.epoch if self.state.comparison else "last"
            self.app.push_screen(PredictionsDialog(results, by_name, labels, run, other, epoch))

    # Copying

    @work
    async def action_copy(self) -> None:
        from lrdash.ui.dialogs.menu import CopyMenu, MenuItem
        from lrdash.ui.logs.copying import copy

        run = self.state.run
        if run is None:
            return
        texts = {
            "run": run.run,
            "job": run.task or "",
            "out": run.logs.out or "",
            "err": run.logs.err or "",
            "remedy": run.diagnosis.command or "" if run.diagnosis else "",
            "cancel": self._cancel_command(run),
        }
        items = [
            MenuItem(name, plain(text)[:60], "" if text else "there is none") for name, text in texts.items()
        ]
        name = await self.app.push_screen_wait(CopyMenu("copy", items))
        if name:
            self.notify(copy(cast("Any", self.app), texts[name]), markup=False)

    def _cancel_command(self, run: RunStatus) -> str:
        backend = self.dashboard.backend
        if not run.task:
            return ""
        is_slurm = backend is None or backend.scheduler is None or backend.scheduler.name == "slurm"
        return shlex.join(["scancel", run.task] if is_slurm else ["lrdash", "cancel", run.key])

    # Export

    @work
    async def action_export(self) -> None:
        from lrdash.ui.bindings import VIEWS
        from lrdash.ui.dialogs.menu import ExportMenu, MenuItem

        items = [MenuItem(key.name) for key in VIEWS["export"]]
        name = await self.app.push_screen_wait(ExportMenu("export to the current directory", items))
        if name == "picture":
            self._write_picture(self.app.export_screenshot(title="lrdash"))
        elif name and (results := self._results()):
            self._export(name, results)

    def _write_picture(self, svg: str) -> None:
        from lrdash.ui.dialogs.export import write_new

        try:
            path = write_new(f"lrdash-{self.state.snapshot.sweep}", "svg", svg)
        except LrdashError as error:
            self.say_error(str(error))
        else:
            self.notify(f"written to {path}", markup=False)

    @work(thread=True, group="export")
    def _export(self, name: str, results: Results) -> None:
        from lrdash.ui.dialogs.export import export

        try:
            path = export(name, results, self.state)
        except LrdashError as error:
            self.app.call_from_thread(self.say_error, str(error))
        else:
            self.app.call_from_thread(self.notify, f"written to {path}", markup=False)
