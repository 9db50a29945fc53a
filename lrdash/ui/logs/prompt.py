"""The line at the bottom of a log in which one types what is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Static

from lrdash.errors import LogError
from lrdash.logs.search import Matcher, Query
from lrdash.ui.bindings import bindings

Purpose = Literal["search", "filter"]


class SearchPrompt(Horizontal):
    """`/text` marks as one types and goes to a match on enter; `&text` shows only what matches."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("search")]
    DEFAULT_CSS = """
    SearchPrompt {
        height: 1;
        display: none;
        background: $panel;
        & > #sign { width: 3; content-align: center middle; color: $accent; text-style: bold; }
        & > Input { width: 1fr; background: $panel; &:focus { background-tint: transparent; } }
        & > #state { width: auto; color: $foreground 70%; }
        &.-wrong > #state { color: $error; }
    }
    """

    query_typed: reactive[Query] = reactive(Query(""))

    @dataclass
    class Typed(Message):
        """What is looked for is different; None: nothing."""

        purpose: Purpose
        matcher: Matcher | None

    @dataclass
    class Entered(Message):
        """Go there."""

        purpose: Purpose
        matcher: Matcher | None

    class Left(Message):
        """Never mind."""

    def __init__(self) -> None:
        super().__init__()
        self.purpose: Purpose = "search"
        self.matcher: Matcher | None = None
        self.matched = ""
        """What was found, in words, to be shown at the end of the line."""
        self._history: list[Query] = []
        self._past = 0

    def compose(self) -> ComposeResult:
        yield Static("/", id="sign", markup=False)
        yield Input(id="pattern", compact=True)
        yield Static(id="state", markup=False)

    def open(self, purpose: Purpose) -> None:
        self.purpose, self._past = purpose, len(self._history)
        self.query_one("#sign", Static).update("/" if purpose == "search" else "&")
        pattern = self.query_one(Input)
        pattern.placeholder = "search" if purpose == "search" else "show only lines with"
        self.display = True
        pattern.focus()

    def close(self) -> None:
        self.display = False

    def show_matched(self, words: str) -> None:
        if words != self.matched:
            self.matched = words
            self._show_state()

    @on(Input.Changed)
    def _take_text(self, event: Input.Changed) -> None:
        event.stop()
        self.query_typed = replace(self.query_typed, text=event.value)

    @on(Input.Submitted)
    def _enter(self, event: Input.Submitted) -> None:
        event.stop()
        if self.query_typed.text and self.query_typed not in self._history[-1:]:
            self._history.append(self.query_typed)
        if self.matcher or not self.query_typed.text:
            self.post_message(self.Entered(self.purpose, self.matcher))

    def watch_query_typed(self, query: Query) -> None:
        if not self.is_mounted:
            return
        self.matched, problem = "", ""
        try:
            self.matcher = Matcher(query) if query.text else None
        except LogError as error:
            self.matcher, problem = None, str(error)
        self.set_class(bool(problem), "-wrong")
        self._show_state(problem)
        self.post_message(self.Typed(self.purpose, self.matcher))

    def _show_state(self, problem: str = "") -> None:
        query = self.query_typed
        text = Text(f" {problem or self.matched} ", end="")
        text.append(
            " aA " if query.ignores_case else " Aa ", "reverse" if query.ignore_case is not None else ""
        )
        text.append(" .* ", "reverse" if query.is_regex else "dim")
        self.query_one("#state", Static).update(text)

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def action_regex(self) -> None:
        self.query_typed = replace(self.query_typed, is_regex=not self.query_typed.is_regex)

    def action_case(self) -> None:
        """As typed (case counts if there is a capital letter), always, never."""
        following = {None: False, False: True, True: None}
        self.query_typed = replace(self.query_typed, ignore_case=following[self.query_typed.ignore_case])

    def action_past(self, step: int) -> None:
        """What was searched for before."""
        self._past = max(0, min(self._past + step, len(self._history)))
        query = self._history[self._past] if self._past < len(self._history) else Query("")
        self.query_typed = query
        self.query_one(Input).value = query.text
