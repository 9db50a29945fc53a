"""A menu: every item has a letter; a letter or enter chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult

from lrdash.ui.bindings import bindings
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.format import fit
from lrdash.ui.widgets.lines import Line, Lines, line


@dataclass(frozen=True)
class MenuItem:
    """One thing that can be chosen; without a `name` it is a heading."""

    letter: str
    name: str
    hint: str = ""
    unavailable: str = ""
    """Why it cannot be chosen just now."""


class MenuLines(Lines, inherit_bindings=False):
    """Letters are the menu's, not keys to move with."""

    BINDINGS = bindings("menu")


class MenuDialog(Dialog[str], inherit_bindings=False):
    """Dismisses with the letter of the chosen item."""

    def __init__(self, title: str, items: Sequence[MenuItem]) -> None:
        self.items = items
        width = max((len(item.name) for item in items), default=0)
        super().__init__(title, [_item_line(item, width) for item in items])

    def content(self) -> ComposeResult:
        yield MenuLines(self.first_lines)

    @on(Lines.Chosen)
    def _choose(self, event: Lines.Chosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def on_key(self, event: events.Key) -> None:
        letter = event.character or ""
        if any(item.letter == letter and not item.unavailable for item in self.items):
            event.stop()
            self.dismiss(letter)


def _item_line(item: MenuItem, width: int) -> Line:
    if item.unavailable:
        return line((f" {item.letter}  {fit(item.name, width)}  {item.unavailable} ", "faint"))
    return line(
        (f" {item.letter}  ", "accent"),
        (fit(item.name, width), "text"),
        (f"  {item.hint} ", "muted"),
        key=item.letter,
    )
