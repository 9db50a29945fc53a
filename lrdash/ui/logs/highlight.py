"""Colours by meaning, for logs that bring none of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from lrdash.ui.glyphs import UNICODE, Glyphs

_LINES = (
    # ignoring case would make "0 errors" and "error_rate" of every metrics line an error
    (
        re.compile(r"\b(?:ERROR|CRITICAL|FATAL|Traceback|[A-Za-z]*(?:Error|Exception)\b)|\berror:"),
        "log--error",
    ),
    (re.compile(r"\b(?:WARNING|WARN|[A-Za-z]*Warning)\b|\bwarning:"), "log--warning"),
    (re.compile(r"Using custom classification optimizer"), "log--proof"),
    (re.compile(r"^\s*\*{3,}"), "log--heading"),
    (re.compile(r"^\s*\{'eval_loss'|'eval_accuracy':"), "log--epoch"),
    (re.compile(r"^lrdash: sweep="), "log--muted"),
)
_PARTS = (
    (re.compile(r"^\[?(?:INFO|DEBUG)\b[^\]]*\]?"), "log--muted"),
    (re.compile(r"^\[\w+\|[^\]]+\][^>]*>>"), "log--muted"),
    (re.compile(r"[█▉▊▋▌▍▎▏]+"), "log--proof"),
)
_KEY = re.compile(r"'([\w./-]+)':")


class LogText(Widget):
    """A widget that draws lines of logs."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--error", "log--warning", "log--proof", "log--heading", "log--muted", "log--epoch",
        "log--note",
    }  # fmt: skip
    DEFAULT_CSS = """
    LogText {
        background: $background;
        & .log--error { color: $error; }
        & .log--warning { color: $warning; }
        & .log--proof { color: $success; }
        & .log--heading { color: $primary; text-style: bold; }
        & .log--epoch { color: $accent; }
        & .log--muted { color: $foreground 55%; }
        & .log--note { color: $foreground 60%; text-style: italic; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._inks: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.clear()

    def ink(self, name: str) -> Style:
        """`foreground`, kept until the theme changes: asking Textual for it is most of drawing a line."""
        if name not in self._inks:
            self._inks[name] = foreground(self, name)
        return self._inks[name]

    @property
    def ground(self) -> Style:
        """The style of a text that means nothing in particular."""
        if "" not in self._inks:
            self._inks[""] = self.rich_style
        return self._inks[""]

    @property
    def glyphs(self) -> Glyphs:
        return glyphs_of(self)

    def highlighted(self, line: Text) -> Text:
        """A copy with what it means in colours, unless it brings colours of its own."""
        text = line.copy()
        if not text.spans:
            for start, end, name in _parts(text.plain):
                text.stylize(self.ink(name), start, end)
            if whole := next((name for pattern, name in _LINES if pattern.search(text.plain)), None):
                text.stylize(self.ink(whole))
        return text


def _parts(plain: str) -> Iterator[tuple[int, int, str]]:
    """What stands out in a line, or should stand back."""
    for pattern, name in _PARTS:
        for match in pattern.finditer(plain):
            yield (*match.span(), name)
    if "{'" in plain:
        for key in _KEY.finditer(plain):
            yield (*key.span(1), "log--muted")


def glyphs_of(widget: Widget) -> Glyphs:
    """Of the app if it has any; log widgets stand in any app."""
    return getattr(widget.app, "glyphs", UNICODE)


def keymap_of(widget: Widget) -> Mapping[str, str]:
    """What the settings made of the keys, if the app has any."""
    settings = getattr(widget.app, "settings", None)
    return settings.keys if settings else {}


def foreground(widget: Widget, name: str) -> Style:
    """A component's colour over the widget's own background, whatever is drawn behind it.

    Textual's partial styles would drop the opacity of the colour.
    """
    style = widget.get_component_rich_style(name)
    return Style(color=style.color, bold=style.bold, italic=style.italic)
