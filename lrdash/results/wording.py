"""Numbers as they are said: points, p-values, intervals. One place, so that all reports say the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MINUS = "−"


def fraction(value: float | None, digits: int = 3) -> str:
    """`0.754`, or a dash for what is not known."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """`+0.012`, `−0.330`, and `0.000` without a sign."""
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def points(value: float) -> str:
    """A difference of fractions in percentage points: `+1.2`."""
    return signed(100 * value, 1)


def interval(low: float, high: float, digits: int = 3) -> str:
    return f"{fraction(low, digits)} to {fraction(high, digits)}"


def p_value(p: float) -> str:
    """`p = 0.29`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    every: Sequence[str] = list(words)
    return " and ".join([", ".join(every[:-1]), every[-1]]) if len(every) > 1 else "".join(every)


def named(label: str) -> str:
    """A run's label inside a sentence, where its commas would be read as a list's.

    >>> named("2e-5, backbone 2e-6")
    '2e-5 (backbone 2e-6)'
    """
    first, comma, rest = label.partition(", ")
    return f"{first} ({rest})" if comma else first


def counted(count: int, noun: str) -> str:
    """`1 rise`, `2 rises`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
