"""What opens over the main screen, and what is done from there."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from textual import work
from textual.screen import Screen

from lrdash.errors import LrdashError
from lrdash.monitor.snapshot import RunStatus
from lrdash.ui.format import plain
from lrdash.ui.messages import RunOpened
from lrdash.ui.state import ScreenState

if TYPE_CHECKING:
    from lrdash.control.actions import ActionName, ActionPlan
    from lrdash.sweep.spec import Run, Scalar
    from lrdash.ui.app import LrdashApp
    from lrdash.ui.backend import Backend
    from lrdash.ui.results import Results

NO_BACKEND = "there is no sweep behind this: nothing can be done to its jobs"
NO_RESULTS = "this is a recording: its results are not in it"


class Overlays(Screen[None]):
    """Base of the main screen. Everything that changes the cluster goes through a dialog."""

    @property
    def dashboard(self) -> LrdashApp:
        return cast("LrdashApp", self.app)

    @property
    def state(self) -> ScreenState:
        raise NotImplementedError

    @property
    def targets(self) -> list[RunStatus]:
        """The marked runs, else the selected one."""
        state = self.state
        wanted = state.marked or {state.selected}
        return [run for run in state.snapshot.runs if run.key in wanted]

    # Pages

    def action_help(self) -> None:
        from lrdash.ui.bindings import VIEWS
        from lrdash.ui.dialogs.texts import TextDialog, help_lines

        views = [view for view in self.help_views() if view in VIEWS]
        self.app.push_screen(TextDialog("keys", help_lines(views, self.dashboard.settings.keys)))

    def help_views(self) -> list[str]:
        """Views of the binding table that apply where the focus is."""
        raise NotImplementedError

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

        if key := await self.app.push_screen_wait(AttentionDialog()):
            self.select_run(key)

    def select_run(self, key: str) -> None:
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
            self.app.push_screen(PredictionsDialog(results, by_name, labels, run, other))

    # Copying

    @work
    async def action_copy(self) -> None:
        from lrdash.ui.dialogs.menu import MenuDialog, MenuItem
        from lrdash.ui.logs.copying import copy

        run = self.state.run
        if run is None:
            return
        texts = {
            "n": ("run name", run.run),
            "j": ("job id", run.task or ""),
            "o": ("path of stdout", run.logs.out or ""),
            "e": ("path of stderr", run.logs.err or ""),
            "r": ("the remedy's command", run.diagnosis.command or "" if run.diagnosis else ""),
            "c": ("the command that cancels it", shlex.join(["scancel", run.task]) if run.task else ""),
        }
        items = [
            MenuItem(letter, name, plain(text)[:60], "" if text else "there is none")
            for letter, (name, text) in texts.items()
        ]
        letter = await self.app.push_screen_wait(MenuDialog("copy", items))
        if letter:
            self.notify(copy(cast("Any", self.app), texts[letter][1]), markup=False)

    # Actions on the cluster

    @work
    async def action_actions(self) -> None:
        from lrdash.ui.dialogs.actions import action_items
        from lrdash.ui.dialogs.menu import MenuDialog

        backend = self._backend()
        if backend is None:
            return
        targets = self.targets
        items = action_items(self.state.snapshot, targets)
        title = f"actions on {', '.join(run.key for run in targets[:6])}{'…' if targets[6:] else ''}"
        letter = await self.app.push_screen_wait(MenuDialog(title, items))
        if letter:
            await self._do(letter, backend, targets)

    async def _do(self, letter: str, backend: Backend, targets: Sequence[RunStatus]) -> None:
        from lrdash.ui.dialogs.actions import ACTIONS, remedy_overrides, to_submit

        keys = [run.key for run in targets]
        match letter:
            case "s" | "f":
                await self._submit(backend, backend.runs(to_submit(self.state.snapshot, letter)), {})
            case "S":
                await self._submit(backend, backend.runs(keys), {})
            case "r":
                remedy = targets[0].diagnosis
                overrides = remedy_overrides(remedy.command if remedy else None)
                await self._submit(backend, backend.runs(keys[:1]), overrides)
            case "t":
                if seconds := await self._ask_time_limit():
                    self._plan("time-limit", backend, keys, seconds)
            case _:
                self._plan(ACTIONS[letter], backend, keys)

    async def _submit(self, backend: Backend, runs: Sequence[Run], overrides: dict[str, Scalar]) -> None:
        from lrdash.ui.dialogs.submit import SubmitDialog

        if await self.app.push_screen_wait(SubmitDialog(backend, runs, overrides)):
            self.dashboard.wake()

    async def _ask_time_limit(self) -> int | None:
        from lrdash.sweep.script import parse_time_limit
        from lrdash.ui.dialogs.prompt import PromptDialog

        text = await self.app.push_screen_wait(
            PromptDialog("time limit", "The new limit as Slurm writes it: 36:00:00, 2-12, 90 (minutes)")
        )
        if not text:
            return None
        seconds = parse_time_limit(text)
        if seconds is None:
            self.notify(f"{text!r} is no time limit; write 36:00:00 or 2-12", severity="error", markup=False)
        return seconds

    @work(thread=True, group="action")
    def _plan(
        self, name: ActionName, backend: Backend, keys: Sequence[str], seconds: int | None = None
    ) -> None:
        try:
            plan = backend.plan_action(name, backend.runs(keys), seconds)
        except LrdashError as error:
            self.app.call_from_thread(self.say_error, str(error))
        else:
            self.app.call_from_thread(self._confirm, backend, plan)

    @work
    async def _confirm(self, backend: Backend, plan: ActionPlan) -> None:
        from lrdash.ui.dialogs.confirm import ConfirmDialog
        from lrdash.ui.widgets.lines import line

        count = len(plan.targets)
        lines = [line((f" {plain(str(target))}", "text")) for target in plan.targets]
        lines += [line((f" {plain(words)}", "muted")) for words in plan.left_out]
        verb = f"{plan.name} {count} task{'s' if count > 1 else ''}"
        if await self.app.push_screen_wait(ConfirmDialog(plan.name, lines, verb.capitalize())):
            self._carry_out(backend, plan)

    @work(thread=True, group="action")
    def _carry_out(self, backend: Backend, plan: ActionPlan) -> None:
        try:
            backend.carry_out(plan)
        except LrdashError as error:
            self.app.call_from_thread(self.say_error, str(error))
        else:
            self.app.call_from_thread(self.notify, plan.done, markup=False)
            self.app.call_from_thread(self.dashboard.wake)

    def say_error(self, text: str) -> None:
        self.notify(plain(text), severity="error", timeout=12, markup=False)

    def _backend(self) -> Backend | None:
        if self.dashboard.backend is None:
            self.notify(NO_BACKEND, severity="warning", markup=False)
        return self.dashboard.backend

    def _results(self) -> Results | None:
        if self.dashboard.results is None:
            self.notify(NO_RESULTS, severity="warning", markup=False)
        return self.dashboard.results

    # Export

    @work
    async def action_export(self) -> None:
        from lrdash.ui.dialogs.export import FORMATS
        from lrdash.ui.dialogs.menu import MenuDialog, MenuItem

        items = [MenuItem(letter, name, hint) for letter, (name, hint) in FORMATS.items()]
        letter = await self.app.push_screen_wait(MenuDialog("export to the current directory", items))
        if letter == "p":
            path = self.app.save_screenshot(f"lrdash-{self.state.snapshot.sweep}.svg", ".")
            self.notify(f"written to {path}", markup=False)
        elif letter and (results := self._results()):
            self._export(letter, results)

    @work(thread=True, group="export")
    def _export(self, letter: str, results: Results) -> None:
        from lrdash.ui.dialogs.export import export

        try:
            path = export(letter, results, self.state)
        except (LrdashError, OSError) as error:
            self.app.call_from_thread(self.say_error, str(error))
        else:
            self.app.call_from_thread(self.notify, f"written to {path}", markup=False)
