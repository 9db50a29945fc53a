"""Nothing that a log holds reaches the terminal as a command, and nothing that it holds is hidden."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from rich.text import Text

from lrdash.logs.terminal_text import ansi_text, plain_text, styled_text

HOSTILE = {
    "title": (b"a\x1b]0;owned\x07b", "ab"),
    "title, ended by ST": (b"a\x1b]2;owned\x1b\\b", "ab"),
    "clipboard": (b"a\x1b]52;c;cm0gLXJmIC8=\x07b", "ab"),
    "hyperlink": (b"a\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\b", "atextb"),
    "cursor": (b"a\x1b[2J\x1b[1;1H\x1b[Ab", "ab"),
    "mouse mode": (b"a\x1b[?1000h\x1b[?1006hb", "ab"),
    "alternate screen": (b"a\x1b[?1049hb", "ab"),
    "bracketed paste": (b"a\x1b[?2004h\x1b[200~b", "ab"),
    "device status": (b"a\x1b[6n\x1b[c\x1b[>cb", "ab"),
    "reset": (b"a\x1bcb", "ab"),
    "DCS": (b"a\x1bP$q\"p\x1b\\b", "ab"),
    "APC": (b"a\x1b_Gi=1\x1b\\b", "ab"),
    "character set": (b"a\x1b(0b", "ab"),
    "unfinished CSI": (b"a\x1b[", "a␛["),
    "unfinished OSC": (b"a\x1b]0;title", "a␛]0;title"),
    "8-bit CSI": ("a\x9b31mb".encode(), "a\N{REPLACEMENT CHARACTER}31mb"),
    "bare 8-bit CSI": (b"a\x9b31mb", "a\N{REPLACEMENT CHARACTER}31mb"),
    "modifyOtherKeys": (b"a\x1b[>4;2mb", "ab"),
    "NUL": (b"a\x00b", "a␀b"),
    "bell, backspace, delete": (b"\x07\x08\x7f", "␇␈␡"),
    "split UTF-8": ("é".encode()[:1], "\N{REPLACEMENT CHARACTER}"),
    "surrogate": (b"\xed\xa0\x80", "\N{REPLACEMENT CHARACTER}" * 3),
    "right to left": ("a\u202eb\u2066c".encode(), "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"),
    "zero width": ("a\u200bb\ufeff".encode(), "ab"),
    "line separator": ("a\u2028b".encode(), "a\N{REPLACEMENT CHARACTER}b"),
    "rich markup": (b"[bold red]x[/] [link=file:///etc/passwd]y[/link]", "[bold red]x[/] [link=file:///etc/passwd]y[/link]"),
    "textual markup": (b"[@click=app.quit]x[/] [$error]y[/]", "[@click=app.quit]x[/] [$error]y[/]"),
    "tab": (b"a\tb", "a       b"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_harmless_and_visible(data: bytes, shown: str) -> None:
    assert plain_text(data) == shown
    assert styled_text(data).plain == shown
    assert styled_text(b"\x1b[31m" + data).plain == shown
    assert ansi_text(data) == shown
    assert styled_text(data).spans == []


def colours(text: Text) -> list[tuple[str, Style]]:
    return [
        (text.plain[span.start : span.end], span.style)
        for span in text.spans
        if isinstance(span.style, Style)
    ]


def test_colours_are_kept() -> None:
    text = styled_text(b"\x1b[1;31mred\x1b[0m and \x1b[38;5;208morange\x1b[m, \x1b[48;2;1;2;3mon blue")
    assert text.plain == "red and orange, on blue"
    (red, bold_red), (orange, its), (blue, on_blue) = colours(text)
    assert (red, orange, blue) == ("red", "orange", "on blue")
    assert bold_red.bold
    assert bold_red.color is not None
    assert its.color is not None
    assert (bold_red.color.number, its.color.number) == (1, 208)
    assert on_blue.bgcolor is not None
    assert on_blue.bgcolor.triplet == (1, 2, 3)


def test_hidden_and_blinking_text_is_shown() -> None:
    for style in (style for _, style in colours(styled_text(b"\x1b[8;5mhidden\x1b[0m"))):
        assert not style.conceal
        assert not style.blink


def test_a_line_written_to_a_terminal_ends_in_its_own_colours() -> None:
    assert ansi_text(b"\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert ansi_text(b"no colour") == "no colour"


def test_a_style_that_makes_no_sense_is_left_out() -> None:
    assert styled_text(b"\x1b[38;5mx\x1b[38;2;1my\x1b[999mz\x1b[;;;;mw").plain == "xyzw"


PARTS = (
    b"\x1b", b"[", b"]", b"0", b";", b"38", b"m", b"P", b"\\", b"\x07", b"\x9b", b"\xc2", b"\t", b"[/]", b"x",
    "漢".encode(), "\u200b".encode(), "\u0301".encode(), "\u202e".encode(),
)  # fmt: skip
HOSTILE_TEXT = st.binary(max_size=80) | st.lists(st.sampled_from(PARTS), max_size=25).map(b"".join)


def check_harmless(data: bytes) -> None:
    shown = plain_text(data)
    assert styled_text(data).plain == shown
    for character in shown:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    # what is written to a terminal holds colours and nothing else
    rest = ansi_text(data)
    while "\x1b" in rest:
        before, _, after = rest.partition("\x1b[")
        parameters, end, rest = after.partition("m")
        assert "\x1b" not in before
        assert end
        assert set(parameters) <= set("0123456789;")


@given(HOSTILE_TEXT)
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_harmless(data: bytes) -> None:
    check_harmless(data)


@pytest.mark.fuzz
def test_a_million_lines_are_harmless() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    for _ in range(1_000_000):
        check_harmless(b"".join(generator.choices(PARTS, k=generator.randrange(1, 25))))
