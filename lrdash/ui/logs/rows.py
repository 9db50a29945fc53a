"""A page of a log, drawn: colours, matches, the line that was jumped to, a scroll bar."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.cache import LRUCache
from textual.reactive import reactive, var
from textual.selection import Selection
from textual.strip import Strip

from lrdash.logs.page import Page, Place, Row
from lrdash.logs.search import Matcher
from lrdash.ui.logs.highlight import LogText

STRIPS = 256
"""Drawn rows that are kept: of a slow log most stand one row higher at the next look."""


class LogRows(LogText):
    """Never touches a file: what it draws is in `page`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--scrollbar", "log--match", "log--current"}
    DEFAULT_CSS = """
    LogRows {
        & .log--scrollbar { color: $scrollbar; background: $scrollbar-background; }
        & .log--match { color: $background; background: $accent; }
        & .log--current { background: $primary 25%; }
    }
    """

    wrap: var[bool] = var(False)
    current: reactive[int | None] = reactive(None)
    """Offset of the line that was jumped to."""
    scroll_column: reactive[int] = reactive(0)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(STRIPS)
        super().__init__(id=id)
        self.page = Page()
        self.note = ""
        """What stands below the last row."""
        self.matcher: Matcher | None = None
        """What is marked."""

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def watch_mouse_hover(self) -> None:
        self.refresh()

    @property
    def marked(self) -> int | None:
        """Where the line starts that was jumped to, if it is seen, else the first one that is."""
        if self.current is not None and self.is_seen(self.current):
            return self.current
        return self.page.top.start if self.page.top else None

    def is_seen(self, start: int) -> bool:
        return any(row.line.start == start for row in self.page.rows)

    def mark(self, matcher: Matcher | None) -> None:
        self.matcher = matcher
        self._strips.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = max(0, self.size.width - 1)
        if y < len(self.page.rows):
            strip = self._row_strip(self.page.rows[y], y, width)
        else:
            note = self.note if y == len(self.page.rows) else ""
            style = self.ground + self.ink("log--note")
            strip = Strip([Segment(f" {note}", style)]).crop_extend(0, width, self.ground)
        return Strip.join([strip, self._scrollbar(y)])

    def _row_strip(self, row: Row, y: int, width: int) -> Strip:
        key = (row.line, row.number, self.wrap, row.line.start == self.current, self.scroll_column, width)
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        strip = self._strips.get(key) if span is None else None
        if strip is None:
            strip = self._draw(row, width, span)
            if span is None:
                self._strips[key] = strip
        # Where the mouse may select from; costs as much as the rest of drawing a line.
        return strip.apply_offsets(self.scroll_column, y) if self.mouse_hover else strip

    def _draw(self, row: Row, width: int, selected: tuple[int, int] | None) -> Strip:
        text, base = self._styled(row), self._base_style(row)
        text.stylize_before(base)  # a text without spans would be drawn without its own style
        if selected is not None:
            start, end = selected
            style = self.screen.get_component_rich_style("screen--selection")
            text.stylize(style, start, end if end >= 0 else None)
        left = self.scroll_column
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.crop_extend(left, left + width, base)

    def _styled(self, row: Row) -> Text:
        text = self.highlighted(row.text)
        if self.matcher:
            for start, end in self.matcher.spans(text.plain):
                text.stylize(self.get_component_rich_style("log--match"), start, end)
        return text

    def _base_style(self, row: Row) -> Style:
        if row.line.start == self.current:
            return self.get_component_rich_style("log--current")
        return self.ground

    def _scrollbar(self, y: int) -> Strip:
        style = self.get_component_rich_style("log--scrollbar")
        page, height = self.page, max(1, self.size.height)
        if not page.rows or (page.at_end and page.rows[0].place == Place(0)):
            return Strip([Segment(" ", style)], 1)
        first = page.rows[0].line.start * height / page.size
        thumb = max(page.end * height / page.size - first, 1.0)
        first = height - thumb if page.at_end else min(first, height - thumb)
        is_thumb = first - 0.5 <= y < first + thumb - 0.5
        return Strip([Segment(" ", Style(bgcolor=style.color) if is_thumb else style)], 1)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(row.text.plain for row in self.page.rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()
