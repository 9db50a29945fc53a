"""What changes the cluster: each through a dialog that lists what it hits, then in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from textual import on, work
from textual.screen import Screen
from textual.worker import Worker, get_current_worker

from lrdash.errors import LrdashError
from lrdash.monitor.snapshot import RunStatus
from lrdash.ui.format import duration, plain
from lrdash.ui.state import ScreenState

if TYPE_CHECKING:
    from lrdash.control.actions import ActionName, ActionPlan
    from lrdash.control.submission import Outcome, SubmissionPlan
    from lrdash.ui.app import LrdashApp
    from lrdash.ui.backend import Backend, Wish
    from lrdash.ui.results import Results

NO_BACKEND = "there is no sweep behind this: nothing can be done to its jobs"
NOT_OPEN = "the sweep is still being opened: once more in a moment"
ERROR_SECONDS = 12
REFUSAL_SECONDS = 60
SUBMISSION = "submission"
"""The group of the workers that wait for sbatch."""


class Acting(Screen[None]):
    """Base of the main screen: the action menu and what follows from it."""

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

    # The menu

    def action_actions(self) -> None:
        self.act_on(self.targets)

    @work
    async def act_on(self, targets: Sequence[RunStatus]) -> None:
        """Open the menu for these runs."""
        from lrdash.ui.dialogs.actions import action_items
        from lrdash.ui.dialogs.menu import ActionMenu

        backend = self._backend()
        if backend is None:
            return
        items = action_items(self.state.snapshot, targets)
        title = f"actions on {', '.join(run.key for run in targets[:6])}{'…' if targets[6:] else ''}"
        name = await self.app.push_screen_wait(ActionMenu(title, items))
        if name:
            await self._do(name, backend, targets)

    async def _do(self, name: str, backend: Backend, targets: Sequence[RunStatus]) -> None:
        from lrdash.ui.backend import Wish
        from lrdash.ui.dialogs.actions import affected

        keys = [run.key for run in affected(name, self.state.snapshot, targets)]
        match name:
            case "submit" | "submit_these" | "submit_failed":
                await self._submit(backend, Wish(backend.runs(keys)))
            case "remedy":
                await self._apply_remedy(backend, targets[0])
            case "time_limit":
                if seconds := await self._ask_time_limit():
                    self._plan("time-limit", backend, keys, seconds)
            case "cancel" | "requeue" | "hold" | "release":
                self._plan(name, backend, keys)

    async def _apply_remedy(self, backend: Backend, run: RunStatus) -> None:
        """What `lrdash` would do with the remedy's command."""
        from lrdash.control.remedy import SubmitRemedy, read_remedy
        from lrdash.ui.backend import Wish

        remedy = read_remedy(run.diagnosis.command if run.diagnosis else None)
        try:
            runs = remedy.runs(backend.sweep) if remedy else ()
        except LrdashError as error:
            self.say_error(str(error))
            return
        if isinstance(remedy, SubmitRemedy):
            await self._submit(backend, Wish(runs, remedy.overrides, remedy.fresh, remedy.options))
        elif remedy is not None:
            self._plan(remedy.name, backend, [one.key for one in runs])

    # Submitting

    async def _submit(self, backend: Backend, wish: Wish) -> None:
        from lrdash.ui.dialogs.submit import SubmitDialog

        plan = await self.app.push_screen_wait(SubmitDialog(backend, wish))
        if plan is not None:
            self._carry_out_submission(backend, plan)

    @work(thread=True, group=SUBMISSION)
    def _carry_out_submission(self, backend: Backend, plan: SubmissionPlan) -> None:
        try:
            outcomes = backend.submit(plan)
        except LrdashError as error:
            self._on_screen(self.say_error, f"nothing was submitted: {error}", REFUSAL_SECONDS)
        else:
            self._on_screen(self._tell_outcomes, outcomes)

    def _tell_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.error is None:
                self.notify(plain(f"submitted {outcome}"), markup=False)
            else:
                self.say_error(str(outcome), REFUSAL_SECONDS)
        self.dashboard.wake()

    @on(Worker.StateChanged)
    def _follow_submission(self, event: Worker.StateChanged) -> None:
        if event.worker.group == SUBMISSION:
            self.dashboard.show_notice()

    @work
    async def ask_to_leave(self) -> None:
        """A submission goes on whatever happens to the screen, but who leaves does not see what it says."""
        from lrdash.ui.dialogs.confirm import ConfirmDialog
        from lrdash.ui.widgets.lines import line

        lines = [
            line((" sbatch was asked to submit and has not answered yet.", "text")),
            line((" It goes on; what comes of it is told by `lrdash status`.", "text")),
        ]
        if await self.app.push_screen_wait(ConfirmDialog("submitting", lines, "Leave all the same")):
            self.dashboard.exit()

    @property
    def is_submitting(self) -> bool:
        """Whether sbatch has been asked and has not answered yet."""
        return any(worker.group == SUBMISSION and not worker.is_finished for worker in self.app.workers)

    # Actions on tasks

    async def _ask_time_limit(self) -> int | None:
        from lrdash.sweep.script import parse_time_limit
        from lrdash.ui.dialogs.prompt import PromptDialog

        def problem_of(text: str) -> str:
            return "" if parse_time_limit(text) else f"{text!r} is no time limit"

        words = "The new limit as Slurm writes it: 36:00:00, 2-12, 90 (minutes)"
        text = await self.app.push_screen_wait(PromptDialog("time limit", words, problem_of))
        return parse_time_limit(text) if text else None

    @work(thread=True, group="action")
    def _plan(
        self, name: ActionName, backend: Backend, keys: Sequence[str], seconds: int | None = None
    ) -> None:
        try:
            plan = backend.plan_action(name, backend.runs(keys), seconds)
        except LrdashError as error:
            self._on_screen(self.say_error, str(error))
        else:
            self._on_screen(self._confirm, backend, plan)

    @work
    async def _confirm(self, backend: Backend, plan: ActionPlan) -> None:
        from lrdash.ui.dialogs.confirm import ConfirmDialog
        from lrdash.ui.widgets.lines import line

        lines = [line((f" {plain(str(target))}", "text")) for target in plan.targets]
        lines += [line((f" {plain(words)}", "muted")) for words in plan.left_out]
        if await self.app.push_screen_wait(ConfirmDialog(plan.name.replace("-", " "), lines, verb_of(plan))):
            self._carry_out(backend, plan)

    @work(thread=True, group="action")
    def _carry_out(self, backend: Backend, plan: ActionPlan) -> None:
        try:
            backend.carry_out(plan)
        except LrdashError as error:
            self._on_screen(self.say_error, str(error))
        else:
            self._on_screen(self.notify, plan.done, markup=False)
        self._on_screen(self.dashboard.wake)

    # Saying

    def _on_screen(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """From a thread; nothing when the screen was left meanwhile."""
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(call, *arguments, **options)

    def say_error(self, text: str, seconds: float = ERROR_SECONDS) -> None:
        self.notify(plain(text), severity="error", timeout=seconds, markup=False)

    def _backend(self) -> Backend | None:
        if self._results() is not None and self.dashboard.backend is None:
            self.notify(NO_BACKEND, severity="warning", markup=False)
        return self.dashboard.backend

    def _results(self) -> Results | None:
        """None while all there is to see is what an earlier session kept."""
        if self.dashboard.results is None:
            self.notify(NOT_OPEN, severity="warning", markup=False)
        return self.dashboard.results


def verb_of(plan: ActionPlan) -> str:
    """`Cancel 2 tasks`, `Set the time limit of 1 task to 36:00:00`."""
    count = len(plan.targets)
    tasks = f"{count} task{'s' if count > 1 else ''}"
    if plan.seconds is not None:
        return f"Set the time limit of {tasks} to {duration(plan.seconds)}"
    return f"{plan.name.capitalize()} {tasks}"
