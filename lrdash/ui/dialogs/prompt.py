"""One line of text, asked for."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.format import plain
from lrdash.ui.widgets.lines import line


class PromptDialog(Dialog[str]):
    """Dismisses with what was typed; escape with nothing."""

    def __init__(self, title: str, explanation: str, problem_of: Callable[[str], str]) -> None:
        """`problem_of` says what is wrong with an answer, which can then be put right; or nothing."""
        super().__init__(title)
        self.explanation, self.problem_of = explanation, problem_of

    def content(self) -> ComposeResult:
        yield Static(self.explanation, markup=False, classes="prompt-text")
        yield Input()

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        answer = event.value.strip()
        if answer and (problem := self.problem_of(answer)):
            self.ask(line((f" {plain(problem)}", "error")))
        else:
            self.dismiss(answer)
