"""A titled box over the screen: lines in the middle, the keys that answer it below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from lrdash.ui.bindings import bindings
from lrdash.ui.widgets.bars import KeyBar
from lrdash.ui.widgets.lines import Line, Lines

ResultT = TypeVar("ResultT")


class Dialog(ModalScreen[ResultT], Generic[ResultT]):
    """Escape closes it without an answer."""

    BINDINGS = bindings("dialog")

    def __init__(self, title: str, lines: Sequence[Line] = ()) -> None:
        super().__init__()
        self.box_title = title
        self.first_lines = lines

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self.box_title
            yield from self.content()
            yield KeyBar(classes="dialog-keys")

    def content(self) -> ComposeResult:
        yield Lines(self.first_lines)

    @property
    def page(self) -> Lines:
        return self.query_one(Lines)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_press(self, key: str) -> None:
        """A key that was clicked in the key bar."""
        self.app.simulate_key(key)
