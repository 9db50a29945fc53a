"""A question whose answer is No unless somebody says yes."""

from __future__ import annotations

from collections.abc import Sequence

from lrdash.ui.bindings import bindings
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.widgets.lines import Line, line


def question(verb: str) -> Line:
    """`Cancel 2 tasks?`; the keys that answer stand below it."""
    return line((f" {verb}?", "bold"))


class ConfirmDialog(Dialog[bool]):
    """Lists what would be hit. `y` does it; enter, `n` and escape do not."""

    BINDINGS = bindings("confirm")

    def __init__(self, title: str, lines: Sequence[Line], verb: str) -> None:
        super().__init__(title, lines, question(verb))

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
