"""Text from outside, made harmless: colours are kept as styles, nothing else acts on a terminal.

A log can set the terminal's title and clipboard, move the cursor, ask for mouse reports or reverse the
reading order. Control sequences are ECMA-48's; what remains of control characters is shown as Unicode's
pictures of them, so that nothing that was in the file is invisible.
"""

from __future__ import annotations

import re
import unicodedata

from rich.ansi import AnsiDecoder
from rich.color import ColorSystem
from rich.style import Style
from rich.text import Text

TAB_SIZE = 8

_SEQUENCE = re.compile(
    r"""
    \x1b\[ [0-?]* [\ -/]* [@-~]                        # CSI: cursor, erase, modes, and colours
    | \x1b\] [^\x07\x1b]* (?: \x07 | \x1b\\ )          # OSC: title, clipboard, hyperlinks
    | \x1b[PX^_] [^\x1b]* \x1b\\                       # DCS, SOS, PM, APC
    | \x1b [\ -/]* [0-OQ-WYZ\\`-~]                     # the rest
    | \x1b                                            # an unfinished one stays visible
    """,
    re.VERBOSE,
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_VISIBLE = Style(blink=False, blink2=False, conceal=False)


def plain_text(data: bytes | str) -> str:
    """One line as it may be shown anywhere.

    >>> plain_text(b"\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07a\\x00b")
    'red a␀b'
    """
    text = _decode(data)
    if text.isprintable():
        return text
    return _expand_tabs(Text(_SEQUENCE.sub(_visible, text).translate(_PICTURES))).plain


def styled_text(data: bytes | str) -> Text:
    """The same, with the colours that the line asks for; markup in it is text like any other."""
    text = _decode(data)
    if "\x1b" not in text:
        return Text(plain_text(text), end="")
    # In one pass: what is left when a sequence is taken out may be a sequence again.
    kept = _SEQUENCE.sub(lambda match: match[0] if _COLOURS.fullmatch(match[0]) else _visible(match), text)
    styled = AnsiDecoder().decode_line(kept.translate(_PICTURES_BUT_COLOURS))
    styled.end = ""
    # Hidden and blinking text is shown like any other.
    styled.spans = [
        span._replace(style=span.style + _VISIBLE) if isinstance(span.style, Style) else span
        for span in styled.spans
    ]
    return _expand_tabs(styled)


def ansi_text(data: bytes | str) -> str:
    """The same again, to be written to a terminal."""
    text = styled_text(data)
    parts, position = [], 0
    for span in text.spans:  # one after the other: each is what was written in one colour
        parts.append(text.plain[position : span.start])
        style = span.style if isinstance(span.style, Style) else Style.null()
        parts.append(style.render(text.plain[span.start : span.end], color_system=ColorSystem.TRUECOLOR))
        position = span.end
    return "".join(parts) + text.plain[position:]


class _Pictures(dict[int, str]):
    """`str.translate` table that is filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = picture = _picture(chr(code))
        return picture


def _picture(character: str) -> str:
    code = ord(character)
    match unicodedata.category(character):
        case "Cc" if code < 0x20:
            return chr(0x2400 + code)
        case "Cc" if code == 0x7F:
            return "␡"
        case "Cc" | "Cs" | "Zl" | "Zp":
            return "\N{REPLACEMENT CHARACTER}"
        case "Cf":
            return "\N{REPLACEMENT CHARACTER}" if character in _BIDI else ""
    return character


_PICTURES = _Pictures({0x09: "\t"})
_PICTURES_BUT_COLOURS = _Pictures({0x09: "\t", 0x1B: "\x1b"})


def _visible(sequence: re.Match[str]) -> str:
    return "␛" if sequence[0] == "\x1b" else ""


def _expand_tabs(text: Text) -> Text:
    if "\t" in text.plain:
        text.expand_tabs(TAB_SIZE)
    return text


def _decode(data: bytes | str) -> str:
    return data if isinstance(data, str) else data.decode("utf-8", "replace")
