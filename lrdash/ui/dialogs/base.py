"""A titled box over the screen: lines that scroll, below them what is asked and the keys that answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from lrdash.ui.bindings import bindings
from lrdash.ui.widgets.bars import KeyBar
from lrdash.ui.widgets.lines import Line, Lines

if TYPE_CHECKING:
    from lrdash.ui.app import LrdashApp

ResultT = TypeVar("ResultT")
LOW_BREAKPOINTS = ((0, "-low"), (16, "-tall"))


class Dialog(ModalScreen[ResultT], Generic[ResultT]):
    """Escape closes it without an answer."""

    BINDINGS = bindings("dialog")
    VERTICAL_BREAKPOINTS = list(LOW_BREAKPOINTS)  # noqa: RUF012 - Textual's own type

    def __init__(self, title: str, lines: Sequence[Line] = (), question: Line | None = None) -> None:
        super().__init__()
        self.box_title = title
        self.first_lines = lines
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = Content(self.box_title)  # a str would be markup
            yield from self.content()
            with Vertical(classes="dialog-foot"):
                yield Question(_asked(self.question))
                yield KeyBar(classes="dialog-keys")

    def content(self) -> ComposeResult:
        yield Lines(self.first_lines)

    @property
    def page(self) -> Lines:
        return self.query_one(Lines)

    def ask(self, question: Line | None) -> None:
        """What stands above the keys, however long the page is."""
        self.query_one(Question).show(_asked(question))

    def on_resize(self) -> None:
        self.call_after_refresh(self.wrap)

    def wrap(self) -> None:
        """Break the page's lines where its width now ends; a page whose lines are short has none to break."""

    def action_close(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        cast("LrdashApp", self.app).show_help()

    def action_press(self, key: str) -> None:
        """A key that was clicked in the key bar."""
        self.app.simulate_key(key)


class Question(Lines, can_focus=False):
    """Does not scroll with the page."""


def _asked(question: Line | None) -> list[Line]:
    return [Line(), question] if question else []
