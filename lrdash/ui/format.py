"""Numbers, times and outside text as the screen writes them (pure)."""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime, timedelta

from rich.cells import cell_len, set_cell_size

from lrdash.ui.glyphs import UNICODE, Glyphs

NOTHING = "–"
MINUTE, HOUR, DAY = 60, 3600, 86400


def plain(text: str) -> str:
    """Outside text without anything that a terminal would obey: control characters become `�`.

    >>> plain("a\\x1b[31mb\\tc")
    'a�[31mb c'
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char in "\t\n\r" else "�"
        for char in text
        if unicodedata.category(char) not in ("Cf", "Mn")
    )


def fit(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """Exactly `width` cells of a text, the cut marked.

    >>> fit("backbone", 6), fit("ab", 4, right=True)
    ('backb…', '  ab')
    """
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + ellipsis
    return " " * (width - length) + text if right else text + " " * (width - length)


def fraction(value: float | None, digits: int = 3) -> str:
    """A metric between 0 and 1 without the leading zero: `.950`.

    >>> fraction(0.9504), fraction(1.0), fraction(None)
    ('.950', '1.000', '–')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text


def loss(value: float | None) -> str:
    """A loss: three digits after the point, fewer when it is large, powers when it is extreme.

    >>> loss(0.24849), loss(123.4), loss(1e9)
    ('0.248', '123.4', '1e+09')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if value != 0 and not 1e-3 <= abs(value) < 1e4:
        return f"{value:.0e}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def signed(value: float, glyphs: Glyphs = UNICODE) -> str:
    """A difference of fractions: `−.330`, `+.004`.

    >>> signed(-0.33), signed(0.004)
    ('−.330', '+.004')
    """
    text = fraction(abs(value))
    if text.strip("0.") == "":
        return text
    return (glyphs.minus if value < 0 else "+") + text


def age(seconds: float) -> str:
    """How long ago, in one unit: `4 s`, `12 min`, `3 h`, `2 d`.

    >>> age(4.2), age(750), age(11000)
    ('4 s', '12 min', '3 h')
    """
    if seconds < 100:
        return f"{max(0, int(seconds))} s"
    if seconds < 100 * MINUTE:
        return f"{int(seconds // MINUTE)} min"
    return f"{int(seconds // HOUR)} h" if seconds < 2 * DAY else f"{int(seconds // DAY)} d"


def duration(seconds: float) -> str:
    """A length of time as Slurm writes it: `34:05`, `3:12:09`, `1-02:00:00`.

    >>> duration(2045), duration(11529), duration(93600)
    ('34:05', '3:12:09', '1-02:00:00')
    """
    total = max(0, round(seconds))
    days, rest = divmod(total, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, seconds = divmod(rest, MINUTE)
    if days:
        return f"{days}-{hours:02}:{minutes:02}:{seconds:02}"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def clock(moment: datetime, now: datetime) -> str:
    """A time of day, with the weekday when it is not today, or the date when it is not this week.

    >>> now = datetime(2026, 11, 23, 20, 0)
    >>> clock(datetime(2026, 11, 24, 2, 10), now), clock(datetime(2026, 12, 1, 2, 10), now)
    ('Tue 02:10', '1 Dec 02:10')
    """
    days = abs((moment.date() - now.date()).days)
    day = "" if not days else f"{moment:%a} " if days < 7 else f"{moment.day} {moment:%b} "
    return f"{day}{moment:%H:%M}"


def clock_range(now: datetime, low: float, high: float) -> str:
    """When something that takes `low` to `high` more seconds is over: `14:20–14:45`."""
    first, last = clock(now + timedelta(seconds=low), now), clock(now + timedelta(seconds=high), now)
    if first == last:
        return first
    day, _, time = last.rpartition(" ")
    return f"{first}–{time if day and first.startswith(day) else last}"


def epoch(value: float | None) -> str:
    """An epoch: `3.6`, `6`.

    >>> epoch(3.6), epoch(6.0)
    ('3.6', '6')
    """
    if value is None:
        return NOTHING
    return f"{value:.1f}".removesuffix(".0")


def bar(share: float, width: int, glyphs: Glyphs = UNICODE) -> str:
    """The filled part of a bar of `width` cells, in halves of a cell.

    >>> bar(0.6, 6), bar(0.5, 5)
    ('━━━╸', '━━╸')
    """
    whole, half = divmod(round(min(max(share, 0.0), 1.0) * width * 2), 2)
    return glyphs.bar * whole + glyphs.half_bar * half
