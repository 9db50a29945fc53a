"""The submit dialog: preflight, the exact commands, then a yes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual import work
from textual.worker import get_current_worker

from lrdash.errors import LrdashError
from lrdash.ui.backend import Backend, Wish
from lrdash.ui.bindings import bindings
from lrdash.ui.context import Painted
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.dialogs.confirm import question
from lrdash.ui.format import plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.table_text import wrapped
from lrdash.ui.theme import Role
from lrdash.ui.widgets.lines import Line, line

if TYPE_CHECKING:
    from lrdash.control.preflight import Finding
    from lrdash.control.submission import SubmissionPlan


class SubmitDialog(Dialog["SubmissionPlan"], Painted):
    """Answers with the plan after `y`, and never while preflight finds an error."""

    BINDINGS = bindings("confirm")

    def __init__(self, backend: Backend, wish: Wish) -> None:
        names = ", ".join(run.key for run in wish.runs)
        looking = line((" looking for anything that stands in the way…", "muted"))
        super().__init__(f"submit {names}", [looking])
        self.backend, self.wish = backend, wish
        self.plan: SubmissionPlan | None = None
        """What may be submitted."""
        self._wrapped: Callable[[int], Sequence[Line]] | None = None
        """The lines of the page in a width; None while it only says that it looks."""

    def on_mount(self) -> None:
        self._prepare()

    @work(thread=True, group="submit")
    def _prepare(self) -> None:
        try:
            plan, findings = self.backend.plan_submission(self.wish)
            commands = self.backend.submit_command(plan)
        except LrdashError as error:
            self._on_screen(self._show_error, error)
        else:
            self._on_screen(self._show_plan, plan, findings, commands)

    def _on_screen(self, call: Callable[..., None], *arguments: Any) -> None:
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(call, *arguments)

    def _show_plan(
        self, plan: SubmissionPlan, findings: Sequence[Finding], commands: Sequence[Sequence[str]]
    ) -> None:
        self._wrapped = lambda width: plan_lines(plan, findings, commands, self.glyphs, width)
        self.wrap()
        if any(finding.level == "error" for finding in findings):
            self.ask(line((" nothing can be submitted before the errors are repaired", "error")))
        else:
            self.plan = plan
            self.ask(question("Submit"))
        self.refresh_bindings()

    def _show_error(self, error: LrdashError) -> None:
        self._wrapped = lambda width: wrapped(plain(str(error)), width, "error")
        self.wrap()

    def wrap(self) -> None:
        if self._wrapped is not None:
            self.page.show(self._wrapped(self.page.size.width - 2))  # beside a scroll bar

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.plan is not None if (action, parameters) == ("answer", (True,)) else True

    def action_answer(self, yes: bool) -> None:
        self.dismiss(self.plan if yes else None)


def plan_lines(
    plan: SubmissionPlan,
    findings: Sequence[Finding],
    commands: Sequence[Sequence[str]],
    glyphs: Glyphs,
    width: int,
) -> list[Line]:
    """What would run, what preflight says, and the very commands."""
    lines = []
    for job in plan.jobs:
        indices = ",".join(map(str, job.indices))
        lines.append(line((f" {plain(job.group)}", "bold"), (f"  array {indices}", "text")))
    for key, value in plan.overrides.items():
        lines.append(line((f"   {plain(key)} = {plain(str(value))}", "accent")))
    options = dict.fromkeys(option for job in plan.jobs for option in job.options)
    lines += [line((f"   {plain(option)}", "accent")) for option in options]
    lines.append(Line())
    shown = [finding for finding in findings if finding.level != "ok"]
    looks: dict[str, tuple[str, Role]] = {
        "error": (glyphs.failed, "error"),
        "warning": (glyphs.warning, "warning"),
        "note": (glyphs.absent, "muted"),
    }
    for finding in shown:
        glyph, role = looks[finding.level]
        words = str(finding).replace(f"{plan.sweep.root}/", "")  # long, and the same in each of them
        lines += wrapped(f"{glyph} {plain(words)}", width, role)
    passed = len(findings) - len(shown)
    if passed:
        lines.append(line((f" {glyphs.done} {passed} preflight checks passed", "success")))
    lines.append(Line())
    for command in commands:
        lines += wrapped(f"$ {plain(shlex.join(command))}", width, "muted")
    return lines
