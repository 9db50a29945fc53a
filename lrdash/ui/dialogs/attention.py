"""What needs attention; an entry leads to its run and to what helps there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult

from lrdash.ui.attention import Concern, concerns
from lrdash.ui.bindings import bindings
from lrdash.ui.context import Painted
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.table_text import wrapped
from lrdash.ui.widgets.lines import Line, Lines, line

WIDTH = 84
MARGIN = 12
"""Cells that the box and what is around it take."""


@dataclass(frozen=True)
class Attended:
    """What was chosen, and whether to act on it."""

    concern: Concern
    wants_actions: bool = False


class AttentionDialog(Dialog[Attended], Painted):
    """Answers with an entry; shows each new snapshot, with the cursor where it was."""

    BINDINGS = bindings("attention")

    def __init__(self) -> None:
        super().__init__("needs attention")
        self._concerns: dict[str, Concern] = {}

    def content(self) -> ComposeResult:
        yield Lines(self._lines())

    def on_mount(self) -> None:
        self.watch(self.dashboard.main, "snapshot", self.wrap, init=False)

    def wrap(self) -> None:
        self.page.show(self._lines())

    def _lines(self) -> list[Line]:
        self._concerns = keyed(concerns(self.dashboard.main.snapshot))
        return concern_lines(self._concerns, self.glyphs, min(WIDTH, self.app.size.width - MARGIN))

    @on(Lines.Chosen)
    def _choose(self, event: Lines.Chosen) -> None:
        event.stop()
        self.dismiss(Attended(self._concerns[event.key]))

    def action_act(self) -> None:
        if concern := self._concerns.get(self.page.cursor):
            self.dismiss(Attended(concern, wants_actions=True))


def keyed(found: Sequence[Concern]) -> dict[str, Concern]:
    """By the key of their line, which is the same in the next snapshot."""
    seen: Counter[str] = Counter()
    keys = {}
    for concern in found:
        seen[concern.key] += 1
        keys[f"{seen[concern.key]} {concern.key}"] = concern
    return keys


def concern_lines(found: Mapping[str, Concern], glyphs: Glyphs, width: int) -> list[Line]:
    """The run and the key that helps, then the reason."""
    lines: list[Line] = []
    for key, concern in found.items():
        lines.append(
            line(
                (f" {glyphs.warning} ", concern.role),
                (concern.run, "bold"),
                (f"   {concern.help}", "accent"),
                key=key,
            )
        )
        lines += wrapped(concern.reason, width, "text", "   ")
    return lines or [line((f" {glyphs.done} nothing does", "success"))]
