"""What needs attention; choosing an entry selects its run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult

from lrdash.ui.attention import Concern, concerns
from lrdash.ui.context import Painted
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.table_text import wrapped
from lrdash.ui.widgets.lines import Line, Lines, line

WIDTH = 84


class AttentionDialog(Dialog[str], Painted):
    """Dismisses with the key of a run; shows each new snapshot, with the cursor where it was."""

    def __init__(self) -> None:
        super().__init__("needs attention")

    def content(self) -> ComposeResult:
        yield Lines(self._lines())

    def on_mount(self) -> None:
        self.watch(self.dashboard.main, "snapshot", lambda: self.page.show(self._lines()), init=False)

    def _lines(self) -> list[Line]:
        return concern_lines(concerns(self.dashboard.main.snapshot), self.glyphs)

    @on(Lines.Chosen)
    def _choose(self, event: Lines.Chosen) -> None:
        event.stop()
        self.dismiss(event.key.partition(" ")[2])


def concern_lines(found: Sequence[Concern], glyphs: Glyphs) -> list[Line]:
    """The run and the key that helps, then the reason; a line's key is the same in the next snapshot."""
    lines: list[Line] = []
    seen: Counter[str] = Counter()
    for concern in found:
        seen[concern.key] += 1
        lines.append(
            line(
                (f" {glyphs.warning} ", concern.role),
                (concern.run, "bold"),
                (f"   {concern.help}", "accent"),
                key=f"{seen[concern.key]} {concern.key}",
            )
        )
        lines += wrapped(concern.reason, WIDTH, "text", "   ")
    return lines or [line((f" {glyphs.done} nothing does", "success"))]
