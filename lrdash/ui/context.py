"""What the widgets of the screen draw with: the glyphs and the paint of the running app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from textual.strip import Strip

from lrdash.ui.glyphs import Glyphs
from lrdash.ui.theme import Paint, Role

if TYPE_CHECKING:
    from textual.widget import Widget

    from lrdash.ui.app import LrdashApp


InkSpan = tuple[str, int | Role]
"""A text in the colour of a role, or of a series."""


class Painted:
    """Mixed into widgets, behind the Textual class (Textual takes its CSS from the first base)."""

    @property
    def dashboard(self) -> LrdashApp:
        return cast("LrdashApp", cast("Widget", self).app)

    @property
    def glyphs(self) -> Glyphs:
        return self.dashboard.glyphs

    @property
    def paint(self) -> Paint:
        return self.dashboard.paint

    def line(self, spans: Sequence[InkSpan | Segment], width: int) -> Strip:
        """A strip of exactly `width` cells on the widget's background; an int is the colour of a series."""
        strip = Strip([span if isinstance(span, Segment) else self._segment(*span) for span in spans])
        ground = cast("Widget", self).rich_style
        return strip.adjust_cell_length(width, ground).apply_style(ground)

    def _segment(self, text: str, ink: int | Role) -> Segment:
        paint = self.paint
        return Segment(text, paint.series(ink) if isinstance(ink, int) else paint[ink])
