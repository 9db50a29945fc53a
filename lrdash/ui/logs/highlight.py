"""Colours by meaning, for logs that bring none of their own."""

from __future__ import annotations

import re

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

COMPONENTS = {
    "log--error", "log--warning", "log--proof", "log--heading", "log--muted", "log--value", "log--epoch",
}  # fmt: skip
"""Component classes of a view that uses `highlights`."""

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
_PAIR = re.compile(r"'([\w./-]+)': '?([-+.\w]+)'?")


def line_class(text: Text) -> str | None:
    """What a whole line is, if that should be seen at once."""
    return next((name for pattern, name in _LINES if pattern.search(text.plain)), None)


def part_classes(text: Text) -> list[tuple[int, int, str]]:
    """What stands out in a line, or should stand back."""
    plain = text.plain
    parts = [(*match.span(), name) for pattern, name in _PARTS for match in pattern.finditer(plain)]
    if "{'" in plain:
        for pair in _PAIR.finditer(plain):
            parts += [(*pair.span(1), "log--muted"), (*pair.span(2), "log--value")]
    return parts


def foreground(widget: Widget, name: str) -> Style:
    """A component's colour over the widget's own background, whatever is drawn behind it.

    Textual's partial styles would drop the opacity of the colour.
    """
    style = widget.get_component_rich_style(name)
    return Style(color=style.color, bold=style.bold, italic=style.italic)
