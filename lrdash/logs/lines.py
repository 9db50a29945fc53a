"""One line of a log -> values. Bytes in: a log need not be UTF-8. Nothing here raises on bad input."""

from __future__ import annotations

import math

import msgspec

from lrdash.logs import patterns
from lrdash.logs.escapes import without_escapes
from lrdash.logs.facts import ProgressSample

MAX_TEXT = 500
"""Characters of a line that are kept as evidence."""

_decode_row = msgspec.json.Decoder(dict[str, float], strict=False).decode  # numbers in quotes are numbers


def text_of(line: bytes, start: int = 0) -> str:
    """A line as evidence: printable, from about `start` on, cut to MAX_TEXT characters."""
    start = max(0, start - MAX_TEXT // 2) if len(line) > MAX_TEXT else 0
    text = without_escapes(line[start : start + 4 * MAX_TEXT]).decode("utf-8", "replace")
    return printable(text).strip()[:MAX_TEXT]


def printable(text: str) -> str:
    """Every character that a terminal would act on made a blank."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def parse_row(line: bytes) -> dict[str, float] | None:
    """The numbers of a dict line, or None when the line holds no such dict.

    >>> parse_row(b"{'loss': '0.5', 'grad_norm': nan, 'epoch': 1.0}")
    {'loss': 0.5, 'grad_norm': nan, 'epoch': 1.0}
    """
    start, end = line.find(patterns.ROW_START), line.rfind(b"}")
    if start < 0 or end < start:
        return None
    body = line[start : end + 1]
    try:
        return _decode_row(body.replace(b"'", b'"'))
    except (msgspec.DecodeError, UnicodeDecodeError):  # NaN, infinity, texts among the numbers, two dicts
        fields = patterns.ROW_FIELD.findall(body)
    return {key.decode(): float(value) for key, value in fields} or None


def parse_bar(line: bytes) -> tuple[int, ProgressSample] | None:
    """(total, sample) of a progress bar without a description."""
    match = patterns.BAR.match(line)
    if not match:
        return None
    seconds = parse_clock(match["elapsed"].decode())
    total = parse_count(match["total"])
    step = parse_count(match["n"])
    if seconds is None or total is None or step is None:
        return None
    return total, ProgressSample(seconds, step)


def parse_clock(text: str) -> float | None:
    """tqdm's and timedelta's elapsed time in seconds.

    >>> parse_clock("01:05"), parse_clock("26:01:07"), parse_clock("1 day, 2:01:07")
    (65.0, 93667.0, 93667.0)
    """
    days, _, clock = text.rpartition(", ")
    parts = clock.split(":")
    if not all(part.isdecimal() and len(part) < 10 for part in parts) or len(parts) > 3:
        return None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + int(part)
    number = days.partition(" ")[0]
    return seconds + (86400 * int(number) if number.isdecimal() and len(number) < 10 else 0)


def parse_count(text: bytes) -> int | None:
    """An integer with or without thousands commas; None when it is absurdly long."""
    digits = text.replace(b",", b"")
    return int(digits) if digits.isdigit() and len(digits) < 19 else None


def finite(value: float | None) -> float | None:
    """The value, or None for NaN and infinity."""
    return value if value is not None and math.isfinite(value) else None
