"""Slurm's ways to write times, durations, memory and nothing at all. Every function takes any text."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

NOTHING = frozenset({"", "N/A", "n/a", "(null)", "None", "Unknown", "NONE", "Invalid", "INVALID", "NOT_SET"})
_DURATION = re.compile(r"(?:(\d{1,9})-)?(?:(\d{1,9}):)?(\d{1,9}):(\d{1,9}(?:\.\d{1,9})?)")
_MEMORY = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([KMGTP]?)B?[nc]?")
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def parse_text(text: str) -> str | None:
    """None for every way in which Slurm says that there is nothing."""
    return None if text in NOTHING else text


def parse_time(text: str) -> float | None:
    """Unix seconds of `1795420795` (SLURM_TIME_FORMAT=%s) or of local `2026-11-23T07:59:55`."""
    if text.isascii() and text.isdigit() and len(text) < 12:
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp() if "T" in text else None
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=1024)  # a queue of thousands has few different limits
def parse_duration(text: str) -> float | None:
    """Seconds of `[[days-]hours:]minutes:seconds[.fraction]`; None for UNLIMITED and the like.

    >>> parse_duration("7-00:00:00"), parse_duration("30:00"), parse_duration("00:01.500")
    (604800.0, 1800.0, 1.5)
    """
    match = _DURATION.fullmatch(text)
    if not match:
        return None
    days, hours, minutes, seconds = match.groups(default="0")
    return int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def parse_memory(text: str, unit: str = "") -> int | None:
    """Bytes of `200G`, `1234K`, `100Mn` (`n` a node, `c` a CPU); a bare number counts in `unit`.

    >>> parse_memory("1.50M"), parse_memory("100", "M")
    (1572864, 104857600)
    """
    match = _MEMORY.fullmatch(text)
    if not match:
        return None
    number, given = match.groups()
    return round(float(number) * (1 << 10 * _UNITS[given or unit]))


def parse_count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def parse_exit_code(text: str) -> str | None:
    """`exit:signal` as Slurm writes it, or None when it is not that."""
    return text if re.fullmatch(r"\d{1,9}:\d{1,9}", text) else None
