"""Menus: their entries are rows of the binding table; a letter or enter chooses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from lrdash.ui.bindings import VIEWS, bindings, first_keys
from lrdash.ui.context import Painted
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.format import fit
from lrdash.ui.widgets.lines import Line, Lines, line


@dataclass(frozen=True)
class MenuItem:
    """One thing that can be chosen."""

    name: str
    """Of its row in the binding table."""
    hint: str = ""
    unavailable: str = ""
    """Why it cannot be chosen just now."""


class MenuLines(Lines, inherit_bindings=False):
    """Letters are the menu's, not keys to move with."""

    BINDINGS = bindings("menu")


class MenuDialog(Dialog[str], Painted, inherit_bindings=False):
    """Base of the menus; dismisses with the name of the chosen item."""

    view: ClassVar[str]
    """Of the binding table."""

    def __init__(self, title: str, items: Sequence[MenuItem]) -> None:
        super().__init__(title)
        self.items = items

    def content(self) -> ComposeResult:
        yield MenuLines(list(self._lines()))

    def _lines(self) -> Iterator[Line]:
        letters = first_keys(self.view, self.dashboard.settings.keys)
        texts = {key.name: key.help for key in VIEWS[self.view]}
        width = max((len(texts[item.name]) for item in self.items), default=0)
        for item in self.items:
            letter, text = letters[item.name], fit(texts[item.name], width)
            if item.unavailable:
                yield line((f" {letter}  {text}  {item.unavailable} ", "faint"))
            else:
                hint = f"  {item.hint} "
                yield line((f" {letter}  ", "accent"), (text, "text"), (hint, "muted"), key=item.name)

    @on(Lines.Chosen)
    def _choose(self, event: Lines.Chosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def action_pick(self, name: str) -> None:
        if any(item.name == name and not item.unavailable for item in self.items):
            self.dismiss(name)


class ActionMenu(MenuDialog):
    """What can be done to runs."""

    view = "actions"
    BINDINGS = bindings(view)


class CopyMenu(MenuDialog):
    """What can be copied of a run."""

    view = "copy"
    BINDINGS = bindings(view)


class ExportMenu(MenuDialog):
    """What can be written to a file."""

    view = "export"
    BINDINGS = bindings(view)
