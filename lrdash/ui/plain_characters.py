"""The last step before the terminal with `--ascii`: what still is not ASCII, by whomever it was drawn."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_STAND_INS = {
    "…": ".", "·": "|", "•": "*", "–": "-", "—": "-", "−": "-", "×": "x", "≈": "=", "±": "~", "Δ": "d",
    "↑": "^", "↓": "v", "←": "<", "→": ">",
    "─━┄╌▁▔▀▄": "-", "│┃┆▏▎▍▌▕▐▊": "|", "┌┐└┘├┤┬┴┼╭╮╰╯╸╺": "+", "▂▃▅▆▇█▉▋": "#",
}  # fmt: skip
_TABLE = str.maketrans({one: plain for signs, plain in _STAND_INS.items() for one in signs})


class AsciiOnly(LineFilter):
    """Borders and scroll bars, Textual's own too, in characters as wide; words of files are left."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text.translate(_TABLE), style, control) for text, style, control in segments]


ASCII_ONLY = AsciiOnly()
