"""One line above a log: what is looked at, how, and where in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from lrdash.logs.terminal_text import plain_text
from lrdash.ui.logs.highlight import foreground, glyphs_of
from lrdash.ui.logs.view import LogView


class LogHeader(Widget):
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--title", "header--focused", "header--live", "header--paused", "header--muted",
        "header--found",
    }  # fmt: skip
    DEFAULT_CSS = """
    LogHeader {
        height: 1;
        background: $panel;
        & .header--title { color: $foreground; text-style: bold; }
        & .header--focused { color: $primary; text-style: bold; }
        & .header--live { color: $success; }
        & .header--paused { color: $warning; }
        & .header--muted { color: $foreground 60%; }
        & .header--found { color: $accent; }
    }
    """

    def __init__(self, view: LogView, stream: str) -> None:
        super().__init__()
        self.view, self.stream, self.title = view, stream, ""

    def render(self) -> Text:
        left, width = self._left(), self.size.width
        right = Text()
        for part in self._where():
            longer = (right + self._separator + part) if right else part
            if left.cell_len + longer.cell_len + 2 > width:
                break
            right = longer
        left.truncate(width, overflow="ellipsis")
        return left + Text(" " * (width - left.cell_len - right.cell_len - 1)) + right

    def _left(self) -> Text:
        text = Text(" ", no_wrap=True)
        title = self._style("header--focused" if self.view.has_focus else "header--title")
        if self.title:
            text.append(plain_text(self.title), title).append_text(self._separator)
        text.append(self.stream, title)
        return text.append_text(self._separator).append_text(self._mode())

    def _mode(self) -> Text:
        view, glyphs = self.view, glyphs_of(self)
        if view.path is None or view.page.problem:
            return Text("waiting", self._style("header--paused"))
        if view.stuck_seconds:
            words = f"no answer from the file system for {view.stuck_seconds:.0f} s"
            return Text(words, self._style("header--paused"))
        if view.following:
            return Text(f"{glyphs.running} following", self._style("header--live"))
        unseen = view.viewer.unseen.lines if view.viewer and view.viewer.unseen else 0
        words = f"paused {glyphs.separator} +{unseen:,} lines" if unseen else "paused"
        return Text(words, self._style("header--paused"))

    def _where(self) -> Iterator[Text]:
        """From what must be seen to what is left out first where there is no room."""
        page, muted = self.view.page, self._style("header--muted")
        if found := found_words(self.view):
            yield Text(f"{self._looked_for}{found}", self._style("header--found"))
        if page.lines is not None:
            here = "" if self.view.following or page.top_number is None else f"{page.top_number:,} of "
            yield Text(f"{here}{page.lines:,} {'line' if page.lines == 1 else 'lines'}", muted)
        if page.size:
            yield Text(human_size(page.size), muted)

    @property
    def _looked_for(self) -> str:
        matcher = self.view.matcher
        if matcher is None:
            return ""
        sign = "&" if self.view.is_filtered else "/"
        return f"{sign}{plain_text(matcher.query.text)}  "

    @property
    def _separator(self) -> Text:
        return Text(f" {glyphs_of(self).separator} ", self._style("header--muted"))

    def _style(self, name: str) -> Style:
        return foreground(self, name)


def found_words(view: LogView) -> str:
    """`3 of 17`, `17 lines`, or how far a search has come."""
    viewer, current = view.viewer, view.current
    if viewer is None:
        return ""
    if viewer.jump is not None and viewer.jump.scanned:
        return f"{human_size(viewer.jump.scanned)} of {human_size(viewer.log.size)} searched"
    matches = viewer.matches
    if matches is None:
        return ""
    is_known = matches.is_complete(viewer.log) and not matches.is_full
    count = f"{len(matches):,}{'' if is_known else '+'}"
    if current is not None and not viewer.is_filtered and (position := matches.position(current)) is not None:
        return f"{position + 1:,} of {count}"
    return f"{count} line" if count == "1" else f"{count} lines"


def human_size(size: int) -> str:
    """Powers of 1000, as `ls -lh --si` has them."""
    amount, units = float(size), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while amount >= 999.5 and unit != "TB":
        amount, unit = amount / 1000, next(units)
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"
