"""What needs attention; choosing an entry selects its run."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on

from lrdash.ui.attention import Concern
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.table_text import wrapped
from lrdash.ui.widgets.lines import Line, Lines, line

WIDTH = 84


class AttentionDialog(Dialog[str]):
    """Dismisses with the key of a run."""

    def __init__(self, concerns: Sequence[Concern], glyphs: Glyphs) -> None:
        lines: list[Line] = []
        for position, concern in enumerate(concerns):
            lines.append(
                line(
                    (f" {glyphs.warning} ", concern.role),
                    (concern.run, "bold"),
                    (f"   {concern.help}", "accent"),
                    key=f"{position} {concern.key}",
                )
            )
            lines += wrapped(concern.reason, WIDTH, "text", "   ")
        super().__init__("needs attention", lines or [line((f" {glyphs.done} nothing does", "success"))])

    @on(Lines.Chosen)
    def _choose(self, event: Lines.Chosen) -> None:
        event.stop()
        self.dismiss(event.key.partition(" ")[2])
