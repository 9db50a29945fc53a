"""Small plots as SVG text: lines by epoch, differences with intervals, reliability diagrams.

Colours are CSS variables of the page that holds the plot, so that light, dark and print look right.
Measured values are joined by straight segments; nothing is smoothed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

MARKERS = ("circle", "square", "triangle", "diamond")
COLOURS = 8
"""The page defines --run-0 to --run-7."""


@dataclass(frozen=True)
class Series:
    """One run's points; `number` chooses its colour and marker."""

    label: str
    number: int
    points: Sequence[tuple[float, float]]
    dashed: bool = False


@dataclass(frozen=True)
class Frame:
    """A plot's area in pixels and the ranges of its axes."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float = 440
    height: float = 250
    left: float = 46
    right: float = 12
    top: float = 12
    bottom: float = 38
    log_x: bool = False
    parts: list[str] = field(default_factory=list)

    def at_x(self, value: float) -> float:
        low, high = self.x
        if self.log_x:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def at_y(self, value: float) -> float:
        low, high = self.y
        return (
            self.height - self.bottom - (value - low) / (high - low) * (self.height - self.top - self.bottom)
        )

    def add(self, part: str) -> None:
        self.parts.append(part)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self.add(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def text(self, x: float, y: float, text: str, kind: str = "tick", anchor: str = "middle") -> None:
        self.add(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')

    def y_axis(self, ticks: Sequence[float], digits: int = 2) -> None:
        for tick in ticks:
            y = self.at_y(tick)
            self.line(self.left, y, self.width - self.right, y, "grid")
            self.text(self.left - 6, y + 3.5, f"{tick:.{digits}f}".replace("-", "−"), anchor="end")

    def x_axis(self, ticks: Sequence[float], labels: Sequence[str], title: str) -> None:
        bottom = self.height - self.bottom
        self.line(self.left, bottom, self.width - self.right, bottom, "axis")
        for tick, label in zip(ticks, labels, strict=True):
            self.text(self.at_x(tick), bottom + 15, label)
        self.text((self.left + self.width - self.right) / 2, self.height - 5, title, "title")

    def marker(self, x: float, y: float, number: int, title: str) -> None:
        shape = _MARKER_SHAPES[MARKERS[number % len(MARKERS)]].format(x=x, y=y)
        self.add(f'<g class="marker" style="fill:{colour(number)}">{shape}<title>{escape(title)}</title></g>')

    def series(self, one: Series) -> None:
        places = [(self.at_x(x), self.at_y(y)) for x, y in one.points]
        dash = ' stroke-dasharray="5 4"' if one.dashed else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self.add(f'<polyline class="series" style="stroke:{colour(one.number)}"{dash} points="{path}"/>')
        for (x, y), (at, value) in zip(places, one.points, strict=True):
            self.marker(x, y, one.number, f"{one.label}: {value:.4f} at {at:g}")

    def svg(self, description: str) -> str:
        size = f'viewBox="0 0 {self.width:g} {self.height:g}"'
        return f'<svg {size} role="img" aria-label="{escape(description)}">{"".join(self.parts)}</svg>'


_MARKER_SHAPES = {
    "circle": '<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>',
    "square": '<rect transform="translate({x:.1f} {y:.1f})" x="-3.2" y="-3.2" width="6.4" height="6.4"/>',
    "triangle": '<path transform="translate({x:.1f} {y:.1f})" d="M0 -4.4L4.2 3.2H-4.2Z"/>',
    "diamond": '<path transform="translate({x:.1f} {y:.1f})" d="M0 -4.6L4.2 0L0 4.6L-4.2 0Z"/>',
}


def colour(number: int) -> str:
    return f"var(--run-{number % COLOURS})"


def by_epoch(series: Sequence[Series], description: str, title: str = "epoch", digits: int = 2) -> str:
    """Values by epoch, each measured one a marker; empty text without points."""
    points = [point for one in series for point in one.points]
    if not points:
        return ""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    ticks = nice_ticks(min(ys), max(ys))
    low_x, high_x = min(xs), max(xs)
    pad = max(0.35, (high_x - low_x) * 0.05)
    frame = Frame((low_x - pad, high_x + pad), (ticks[0], ticks[-1]))
    frame.y_axis(ticks, digits)
    whole = sorted({x for x in xs if x == int(x)})
    shown = whole[:: math.ceil(len(whole) / 12)] if whole else nice_ticks(low_x, high_x)
    frame.x_axis(shown, [f"{x:g}" for x in shown], title)
    for one in series:
        frame.series(one)
    return frame.svg(description)


def differences(rows: Sequence[tuple[str, float, float, float, bool]], description: str) -> str:
    """Differences in points with their intervals: label, value, low, high, significant."""
    if not rows:
        return ""
    ticks = nice_ticks(min(0.0, *(row[2] for row in rows)), max(0.0, *(row[3] for row in rows)))
    height = 54 + 64 * min(3, len(rows)) if len(rows) <= 3 else 54 + 44 * len(rows)
    step = (height - 54) / len(rows)
    frame = Frame((ticks[0], ticks[-1]), (0, 1), height=height, left=22, right=22)
    bottom = height - frame.bottom
    for tick in ticks:
        frame.line(frame.at_x(tick), frame.top, frame.at_x(tick), bottom, "grid" if tick else "zero")
    frame.x_axis(
        ticks, [f"{tick:+g}".replace("-", "−") if tick else "0" for tick in ticks], "accuracy, points"
    )
    for at, (label, value, low, high, significant) in enumerate(rows):
        y = frame.top + step * (at + 0.62)
        kind = "found" if significant else "open"
        frame.text(frame.left, y - step * 0.27, label, "name", "start")
        frame.text(
            frame.width - frame.right, y - step * 0.27, f"{value:+.1f}".replace("-", "−"), "name", "end"
        )
        frame.line(frame.at_x(low), y, frame.at_x(high), y, f"interval {kind}")
        frame.add(f'<circle class="estimate {kind}" cx="{frame.at_x(value):.1f}" cy="{y:.1f}" r="4.5"/>')
    return frame.svg(description)


def by_rate(points: Sequence[tuple[str, int, float, float, float, float]], description: str) -> str:
    """Score against learning rate, log scale: label, number, rate, value, low, high."""
    rates = sorted({point[2] for point in points})
    if len(rates) < 2:
        return ""
    ticks = nice_ticks(min(point[4] for point in points), max(point[5] for point in points))
    frame = Frame((rates[0] / 2, rates[-1] * 2), (ticks[0], ticks[-1]), log_x=True)
    frame.y_axis(ticks)
    frame.x_axis(rates, [_rate(rate) for rate in rates], "learning rate of the backbone")
    beside = Counter(point[2] for point in points)
    drawn: Counter[float] = Counter()
    for label, number, rate, value, low, high in points:
        # Runs of one rate stand beside each other, around it.
        x = frame.at_x(rate) + (drawn[rate] - (beside[rate] - 1) / 2) * min(8.0, 32 / beside[rate])
        drawn[rate] += 1
        frame.add(
            f'<line class="whisker" style="stroke:{colour(number)}" x1="{x:.1f}" x2="{x:.1f}" '
            f'y1="{frame.at_y(low):.1f}" y2="{frame.at_y(high):.1f}"/>'
        )
        frame.marker(x, frame.at_y(value), number, f"{label}: {value:.4f}")
    return frame.svg(description)


def reliability(bars: Sequence[tuple[float, float, int]], number: int, description: str) -> str:
    """Accuracy against confidence, a marker a bin sized by its rows: confidence, accuracy, count."""
    frame = Frame((0, 1), (0, 1), width=220, height=220, left=34)
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    frame.y_axis(ticks)
    frame.x_axis(ticks[::2], ["0", "0.5", "1"], "confidence")
    frame.line(frame.at_x(0), frame.at_y(0), frame.at_x(1), frame.at_y(1), "zero")
    most = max((count for _, _, count in bars), default=1)
    for confidence, accuracy, count in bars:
        radius = 2 + 6 * math.sqrt(count / most)
        frame.add(
            f'<circle class="bin" style="fill:{colour(number)}" cx="{frame.at_x(confidence):.1f}" '
            f'cy="{frame.at_y(accuracy):.1f}" r="{radius:.1f}">'
            f"<title>{count:,} rows: confidence {confidence:.3f}, accuracy {accuracy:.3f}</title></circle>"
        )
    return frame.svg(description)


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that hold the range, in steps of 1, 2 or 5 times a power of ten.

    >>> nice_ticks(0.52, 0.951)
    [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    """
    span = high - low or abs(high) or 1.0
    rough = span / about
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if first == last:
        last += 1
    return [round(at * step, 12) for at in range(first, last + 1)]


def _rate(rate: float) -> str:
    mantissa, _, exponent = f"{rate:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
