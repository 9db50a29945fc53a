"""Intervals and tests for classifiers that were scored on the same rows.

Standard library only; tests hold every function against scipy, statsmodels or the published numbers.
Formulas and their sources: docs/comparison.md.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 20201123
"""Of every bootstrap, so that a report can be made again."""
POWER = 0.8
MOST_DIVISIONS = 50_000
"""Of seeds into two groups; ten against ten are 184,756."""


class Interval(NamedTuple):
    low: float
    high: float


def z_score(confidence: float = CONFIDENCE) -> float:
    """The two-sided standard normal quantile; 1.96 for 95 %."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson_interval(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Interval of one proportion: E. B. Wilson, JASA 22 (1927) 209."""
    if n == 0:
        return Interval(0.0, 1.0)
    z = z_score(confidence)
    p = successes / n
    scale = 1 + z * z / n
    center = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    low = 0.0 if successes == 0 else center - half
    high = 1.0 if successes == n else center + half
    return Interval(low, high)


def paired_difference_interval(
    both: int, only_first: int, only_second: int, neither: int, confidence: float = CONFIDENCE
) -> Interval:
    """Interval of p1 - p2 on the same rows: method 10 of R. G. Newcombe, Stat. Med. 17 (1998) 2635."""
    n = both + only_first + only_second + neither
    if n == 0:
        return Interval(-1.0, 1.0)
    first, second = both + only_first, both + only_second
    p1, p2 = first / n, second / n
    (low1, high1), (low2, high2) = (
        wilson_interval(first, n, confidence),
        wilson_interval(second, n, confidence),
    )
    phi = _newcombe_phi(both, only_first, only_second, neither)
    down = _root_of_squares(p1 - low1, high2 - p2, phi)
    up = _root_of_squares(high1 - p1, p2 - low2, phi)
    difference = (only_first - only_second) / n
    return Interval(max(-1.0, difference - down), min(1.0, difference + up))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided p-value of as many rows that only one of two runs has right: a fair coin's.

    Q. McNemar, Psychometrika 12 (1947) 153, in its exact binomial form.
    """
    n, k = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    # The largest term exactly (integers divide correctly rounded), the rest relative to it.
    largest = math.comb(n, k) / (1 << n)
    term = total = 1.0
    for i in range(k, 0, -1):
        term *= i / (n - i + 1)
        total += term
        if term < total * 1e-18:
            break
    return min(1.0, 2 * largest * total)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: S. Holm, Scand. J. Statist. 6 (1979) 65."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = largest
    return adjusted


def smallest_detectable_gap(n: int, discordant: int, alpha: float, power: float = POWER) -> float | None:
    """The accuracy gap that McNemar's test finds with this power, at the discordance that was seen.

    Solves R. J. Connor, Biometrics 43 (1987) 207 for the difference. An exact test can call nothing
    significant below 1 - log2(alpha) discordant rows, all one way: the gap is never below that.
    None for no rows.
    """
    if n == 0:
        return None
    psi = discordant / n
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    gap = (z_alpha + z_power) * math.sqrt(psi / n)
    for _ in range(100):  # converges: each step shrinks the error by about gap
        gap = (z_alpha * math.sqrt(psi) + z_power * math.sqrt(max(0.0, psi - gap * gap))) / math.sqrt(n)
    fewest = math.ceil(1 - math.log2(alpha))
    return min(1.0, max(gap, fewest / n))


def permutation_test(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Two-sided p-value of the difference of two means, if the values had fallen into the two by chance.

    Exact over all divisions (R. A. Fisher, The Design of Experiments, 1935, 21); of more than
    MOST_DIVISIONS a seeded sample. None where there is only one division.
    """
    values, size = [*first, *second], len(first)
    if not size or not second or len(values) < 3:
        return None
    total = sum(values)

    def gap(chosen: Iterable[float]) -> float:
        part = sum(chosen)
        return abs(part / size - (total - part) / len(second))

    observed = gap(first) * (1 - 1e-12) - 1e-15  # equal ones count, whatever their rounding
    if math.comb(len(values), size) <= MOST_DIVISIONS:
        gaps = [gap(chosen) for chosen in combinations(values, size)]
        return sum(one >= observed for one in gaps) / len(gaps)
    rng = random.Random(SEED)
    extreme = sum(gap(rng.sample(values, size)) >= observed for _ in range(MOST_DIVISIONS))
    return (extreme + 1) / (MOST_DIVISIONS + 1)


def bootstrap_counts(
    cells: Sequence[int],
    statistic: Callable[[Sequence[int]], float],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[float]:
    """The statistic of `resamples` resamplings of the rows, sorted.

    The statistic depends on the rows only through how many fall in each cell, so that resampling rows is
    drawing the cells' counts, a multinomial, however many rows there are (B. Efron, Ann. Statist. 7 (1979)
    1).
    """
    rng = random.Random(seed)
    n = sum(cells)
    return sorted(statistic(multinomial(rng, n, cells)) for _ in range(resamples))


def percentile_interval(ordered: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The middle part of sorted values, with linear interpolation as numpy's percentiles have."""
    tail = (1 - confidence) / 2
    return Interval(_quantile(ordered, tail), _quantile(ordered, 1 - tail))


def multinomial(rng: random.Random, n: int, weights: Sequence[int]) -> list[int]:
    """Counts of n draws with these weights, by one binomial draw a cell."""
    counts = []
    left, weight_left = n, sum(weights)
    for weight in weights:
        count = left if weight == weight_left else binomial(rng, left, weight / weight_left)
        counts.append(count)
        left -= count
        weight_left -= weight
    return counts


def binomial(rng: random.Random, n: int, p: float) -> int:
    """A binomial draw in a time that does not grow with n.

    Geometric steps (L. Devroye, Non-Uniform Random Variate Generation, 1986, X.4.3) for a small mean, else
    transformed rejection with squeeze (BTRS of W. Hörmann, J. Stat. Comput. Simul. 46 (1993) 101).
    """
    if n == 0 or p <= 0:
        return 0
    if p > 0.5:
        return n - binomial(rng, n, 1 - p)
    return _by_geometric_steps(rng, n, p) if n * p < 10 else _by_rejection(rng, n, p)


def _by_geometric_steps(rng: random.Random, n: int, p: float) -> int:
    count = position = 0
    log_q = math.log1p(-p)
    while True:
        position += math.floor(math.log(1 - rng.random()) / log_q) + 1
        if position > n:
            return count
        count += 1


def _by_rejection(rng: random.Random, n: int, p: float) -> int:
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    while True:
        u = rng.random() - 0.5
        v = rng.random()
        us = 0.5 - abs(u)
        if us == 0:
            continue
        k = math.floor((2 * a / us + b) * u + n * p + 0.5)
        if us >= 0.07 and v <= 0.92 - 4.2 / b:
            return k
        if (
            v > 0
            and 0 <= k <= n
            and _accepted(n, p, k, v * (2.83 + 5.1 / b) * deviation / (a / (us * us) + b))
        ):
            return k


def _accepted(n: int, p: float, k: int, v: float) -> bool:
    mode = math.floor((n + 1) * p)
    log_ratio = (
        math.lgamma(mode + 1) + math.lgamma(n - mode + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    )
    return math.log(v) <= log_ratio + (k - mode) * math.log(p / (1 - p))


def _newcombe_phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """The correlation of the two runs' being right, with Newcombe's continuity correction."""
    n = both + only_first + only_second + neither
    margins = (both + only_first, only_second + neither, both + only_second, only_first + neither)
    if not all(margins):
        return 0.0
    product = float(both * neither - only_first * only_second)
    if product > 0:
        product = max(product - n / 2, 0.0)
    return product / math.sqrt(math.prod(margins))


def _root_of_squares(x: float, y: float, phi: float) -> float:
    return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))


def _quantile(ordered: Sequence[float], q: float) -> float:
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
