"""The submit dialog: preflight, the exact commands, then a yes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual import work

from lrdash.errors import LrdashError
from lrdash.sweep.spec import Run, Scalar
from lrdash.ui.backend import Backend
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
    from lrdash.control.submission import Outcome, SubmissionPlan


class SubmitDialog(Dialog[bool], Painted):
    """Nothing is submitted before `y`, and nothing at all while preflight finds an error."""

    BINDINGS = bindings("confirm")

    def __init__(self, backend: Backend, runs: Sequence[Run], overrides: Mapping[str, Scalar] = {}) -> None:
        names = ", ".join(run.key for run in runs)
        super().__init__(
            f"submit {names}", [line((" looking for anything that stands in the way…", "muted"))]
        )
        self.backend, self.runs, self.overrides = backend, runs, overrides
        self.plan: SubmissionPlan | None = None
        self.may_submit = False
        self.is_done = False

    def on_mount(self) -> None:
        self._prepare()

    @work(thread=True, group="submit")
    def _prepare(self) -> None:
        try:
            plan, findings = self.backend.plan_submission(self.runs, self.overrides)
            commands = self.backend.submit_command(plan)
        except LrdashError as error:
            self.app.call_from_thread(self._show_error, error)
        else:
            self.app.call_from_thread(self._show_plan, plan, findings, commands)

    def _show_plan(
        self, plan: SubmissionPlan, findings: Sequence[Finding], commands: Sequence[Sequence[str]]
    ) -> None:
        self.plan = plan
        self.may_submit = not any(finding.level == "error" for finding in findings)
        lines = plan_lines(plan, findings, commands, self.glyphs, self.page.size.width)
        refusal = line((" nothing can be submitted before the errors are repaired", "error"))
        self.page.show([*lines, Line(), question("Submit") if self.may_submit else refusal])

    def _show_error(self, error: LrdashError) -> None:
        self.page.show(wrapped(plain(str(error)), self.page.size.width, "error"))

    def action_answer(self, yes: bool) -> None:
        if yes and self.may_submit and self.plan is not None:
            self.may_submit = False
            self.page.show([line((" submitting…", "muted"))])
            self._submit(self.plan)
        elif not yes or self.is_done:
            self.dismiss(self.is_done)

    def action_close(self) -> None:
        self.dismiss(self.is_done)

    @work(thread=True, group="submit")
    def _submit(self, plan: SubmissionPlan) -> None:
        try:
            outcomes = self.backend.submit(plan)
        except LrdashError as error:
            self.app.call_from_thread(self._show_error, error)
        else:
            self.app.call_from_thread(self._show_outcomes, outcomes)

    def _show_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self.is_done = True
        lines: list[Line] = []
        for outcome in outcomes:
            role: Role = "success" if outcome.error is None else "error"
            glyph = self.glyphs.done if outcome.error is None else self.glyphs.failed
            lines += wrapped(f"{glyph} {plain(str(outcome))}", self.page.size.width, role)
        self.page.show([*lines, Line(), line((" enter", "accent"), (" back", "muted"))])


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
