"""One line of text, asked for."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from lrdash.ui.dialogs.base import Dialog


class PromptDialog(Dialog[str]):
    """Dismisses with what was typed; escape with nothing."""

    def __init__(self, title: str, explanation: str, value: str = "") -> None:
        super().__init__(title)
        self.explanation, self.value = explanation, value

    def content(self) -> ComposeResult:
        yield Static(self.explanation, markup=False, classes="prompt-text")
        yield Input(self.value, select_on_focus=True)

    @on(Input.Submitted)
    def _answer(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())
