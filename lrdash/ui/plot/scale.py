"""From values to positions on an axis, and the round numbers beside it (pure)."""

from __future__ import annotations

import math

import msgspec


class Scale(msgspec.Struct, frozen=True):
    """Maps [low, high] to [0, 1], linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    def position(self, value: float) -> float:
        if self.log:
            return _share(math.log10(max(value, self.low)), math.log10(self.low), math.log10(self.high))
        return _share(value, self.low, self.high)

    def value(self, position: float) -> float:
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return float(10 ** (low + position * (high - low)))
        return self.low + position * (self.high - self.low)


def value_scale(low: float, high: float, *, log: bool = False) -> Scale:
    """A scale with a little air above and below; logarithmic only if every value is positive."""
    if log and low > 0:
        factor = max((high / low) ** 0.05, 1.05)
        return Scale(low / factor, high * factor, True)
    air = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return Scale(low - air, high + air)


def ticks(scale: Scale, count: int) -> list[float]:
    """About `count` round numbers inside the scale.

    >>> ticks(Scale(0.43, 0.91), 4)
    [0.5, 0.6, 0.7, 0.8, 0.9]
    """
    if scale.log:
        return _log_ticks(scale, count)
    step = _round_step((scale.high - scale.low) / max(1, count))
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(number * step, digits) for number in range(first, last + 1)]


def whole_ticks(low: float, high: float, count: int) -> list[float]:
    """Whole numbers from low to high, at most `count`: epochs and steps are never fractions."""
    span = high - low
    step = max(1, round(_round_step(span / max(1, count - 1)))) if span > 0 else 1
    first = math.ceil(low / step) * step
    return [float(number) for number in range(first, math.floor(high) + 1, step)]


def tick_label(value: float) -> str:
    """As short as it is exact: `.5`, `0`, `2e-5`, `1k`.

    >>> [tick_label(value) for value in (0.5, 0.0, 2e-5, 1.25, 12000.0)]
    ['.5', '0', '2e-5', '1.25', '12k']
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3 or size >= 1e7:
        mantissa, _, exponent = f"{value:.2g}".partition("e")
        return f"{mantissa}e{int(exponent)}" if exponent else mantissa
    if size >= 1000 and value % 100 == 0:
        return f"{value / 1000:g}k"
    text = f"{value:.6g}"
    return text[1:] if text.startswith("0.") else text


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _round_step(raw: float) -> float:
    """1, 2 or 5 times a power of ten, near `raw`."""
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next((step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= raw * 0.8), 10 * power)


def _log_ticks(scale: Scale, count: int) -> list[float]:
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    for factors in ((1,), (1, 3), (1, 2, 5)) if last - first < count else ((1,),):
        values = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        inside = [value for value in values if scale.low <= value <= scale.high]
        if len(inside) >= min(3, count):
            break
    else:
        if len(inside) < 2:
            return ticks(Scale(scale.low, scale.high), count)
    return inside[:: max(1, -(-len(inside) // max(1, count)))]
