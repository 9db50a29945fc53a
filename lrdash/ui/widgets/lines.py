"""A scrolling list of styled lines, some of which can be chosen: tables, texts and menus are all this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from lrdash.ui.bindings import bindings
from lrdash.ui.context import InkSpan, Painted


class Line(msgspec.Struct, frozen=True):
    """Spans of one line; with a key it can be chosen."""

    spans: tuple[InkSpan, ...] = ()
    key: str = ""

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.spans)


def line(*spans: InkSpan, key: str = "") -> Line:
    return Line(spans, key)


class Lines(ScrollView, Painted, can_focus=True):
    """Keeps the cursor on its key and the scroll position when the lines change."""

    BINDINGS = bindings("list")

    cursor: reactive[str] = reactive("")
    """Key of the line under the cursor; empty when no line has a key."""

    @dataclass
    class Moved(Message):
        """The cursor was moved to another line; not sent to who sets it, who would be answered for ever."""

        lines: Lines
        key: str

        @property
        def control(self) -> Lines:
            return self.lines

    @dataclass
    class Chosen(Message):
        """A line was chosen with enter or a click."""

        lines: Lines
        key: str

        @property
        def control(self) -> Lines:
            return self.lines

    def __init__(
        self,
        lines: Sequence[Line] = (),
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: tuple[Line, ...] = ()
        self.heads = 0
        """The first lines, so many, stay where they are while the others scroll."""
        self._is_behind = False
        """Whether the cursor was moved while there was no room yet to show it."""
        self.show(lines)

    def show(self, lines: Sequence[Line], *, heads: int = 0) -> None:
        """Replace the lines."""
        if tuple(lines) == self.lines:
            return
        self.lines, self.heads = tuple(lines), heads
        keys = self._keys()
        if self.cursor not in keys:
            if self.cursor:
                self.scroll_to(y=0, animate=False)
            self.set_reactive(Lines.cursor, keys[0] if keys else "")  # which may be far below the top
        width = max((cell_len(one.text) for one in self.lines), default=0)
        self.virtual_size = Size(width, len(self.lines))
        self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """With room for a scroll bar, which would otherwise take a column and so need another one."""
        return self.virtual_size.width + self.scrollbar_size_vertical

    def _keys(self) -> list[str]:
        return [one.key for one in self.lines if one.key]

    def render_line(self, y: int) -> Strip:
        position = y if y < self.heads else self.scroll_offset.y + y
        if position >= len(self.lines):
            return self.line([], self.size.width)
        one = self.lines[position]
        left, width = self.scroll_offset.x, self.size.width
        strip = self.line(one.spans, max(width + left, self.virtual_size.width)).crop(left, left + width)
        if one.key:
            strip = strip.apply_meta({"line": position})
        if one.key and one.key == self.cursor:
            highlight = self.paint.selected if self.has_focus else self.paint.selected_elsewhere
            return Strip(Segment.apply_style(strip, post_style=highlight), width)
        return strip

    def watch_cursor(self, cursor: str) -> None:
        if cursor and self.is_attached:
            self._scroll_to_cursor()
        self.refresh()

    def _position(self, key: str) -> int:
        return next((at for at, one in enumerate(self.lines) if one.key == key), 0)

    def on_resize(self) -> None:
        if self._is_behind:
            self._scroll_to_cursor()

    def _scroll_to_cursor(self) -> None:
        position, height = self._position(self.cursor), self.scrollable_size.height
        self._is_behind = height <= self.heads
        if self._is_behind:
            return
        first = self.scroll_offset.y + self.heads
        if position < first:
            self.scroll_to(y=position - self.heads, animate=False)
        elif position >= self.scroll_offset.y + height:
            self.scroll_to(y=position - height + 1, animate=False)

    # Keys and mouse

    def action_move(self, rows: int) -> None:
        """To another line that can be chosen; scrolls where none can, and to the next where it is far."""
        keys = self._keys()
        if not keys:
            self.scroll_to(y=self.scroll_offset.y + rows, animate=False)
            return
        position = keys.index(self.cursor) if self.cursor in keys else 0
        wanted = max(0, min(position + rows, len(keys) - 1))
        if abs(rows) == 1 and (wanted == position or self._is_far(keys[wanted], rows)):
            self.scroll_to(y=self.scroll_offset.y + rows, animate=False)
        else:
            self._move_to(keys[wanted])
        if abs(rows) >= len(self.lines) > 1:  # also to what stands before the first and behind the last
            self.scroll_to(y=0 if rows < 0 else self.max_scroll_y, animate=False)

    def _is_far(self, key: str, step: int) -> bool:
        """Whether there is more to read before this line comes into view."""
        position, top = self._position(key), self.scroll_offset.y
        return position > top + self.size.height if step > 0 else position < top - 1

    def _move_to(self, key: str) -> None:
        if key and key != self.cursor:
            self.cursor = key
            self.post_message(self.Moved(self, key))

    def action_page(self, pages: int) -> None:
        """By the lines of a page, however few of them can be chosen."""
        rows, at = pages * max(1, self.size.height - 1), self._position(self.cursor)
        passed = self.lines[at + 1 : at + rows + 1] if rows > 0 else self.lines[max(0, at + rows) : at][::-1]
        keys = [one.key for one in passed if one.key]
        if keys:
            self._move_to(keys[-1])
        else:
            self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def action_sideways(self, columns: int) -> None:
        self.scroll_to(x=self.scroll_offset.x + columns, animate=False)

    def action_choose(self) -> None:
        self.post_message(self.Chosen(self, self.cursor))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing can be chosen, enter is the screen's."""
        return bool(self.cursor) if action == "choose" else True

    def on_click(self, event: events.Click) -> None:
        position = event.style.meta.get("line")
        if isinstance(position, int) and position < len(self.lines):
            self._move_to(self.lines[position].key)
            self.post_message(self.Chosen(self, self.cursor))
