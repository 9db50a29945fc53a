"""Runs that differ only in their seed are one configuration; configurations are compared over their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

from lrdash.results import inference
from lrdash.results.candidates import Candidate
from lrdash.results.comparison import ALPHA, Configuration, RunSummary, SeedPair
from lrdash.results.wording import counted, fraction, named, p_value, points

SEED_KEYS = ("seed", "data_seed")


def configurations(
    candidates: Sequence[Candidate], summaries: Sequence[RunSummary]
) -> tuple[Configuration, ...]:
    """Configurations with more than one seed, with the mean and the range of their accuracy."""
    groups: dict[str, list[Candidate]] = {}
    for one in candidates:
        groups.setdefault(_key(one), []).append(one)
    values = accuracies(summaries)
    return tuple(_configuration(same, values) for same in groups.values() if len(same) > 1)


def seed_pairs(
    configurations: Sequence[Configuration], summaries: Sequence[RunSummary]
) -> tuple[SeedPair, ...]:
    """Every pair of configurations whose seeds are at least three in all."""
    values = accuracies(summaries)
    found: list[tuple[Configuration, Configuration, float]] = []
    for second, first in combinations(configurations, 2):
        p = inference.permutation_test(_of(first, values), _of(second, values))
        if p is not None:
            found.append((first, second, p))
    adjusted = inference.holm([p for _, _, p in found])
    return tuple(
        _pair(first, second, p, p_holm, values)
        for (first, second, p), p_holm in zip(found, adjusted, strict=True)
    )


def in_words(configurations: Sequence[Configuration], pairs: Sequence[SeedPair]) -> tuple[str, ...]:
    """Mean and range of every configuration, then the pairs."""
    sentences = [_mean_in_words(one) for one in configurations if one.mean is not None]
    return (*sentences, *map(_pair_in_words, pairs))


def accuracies(summaries: Sequence[RunSummary]) -> dict[str, float]:
    return {run.run: run.accuracy.value for run in summaries if run.accuracy}


def _configuration(same: Sequence[Candidate], accuracy: Mapping[str, float]) -> Configuration:
    values = [accuracy[one.run] for one in same if one.run in accuracy]
    return Configuration(
        label=_without_seed(same[0].label),
        runs=tuple(one.run for one in same),
        mean=sum(values) / len(values) if values else None,
        low=min(values, default=None),
        high=max(values, default=None),
    )


def _without_seed(label: str) -> str:
    """`2e-5, seed=1` -> `2e-5`."""
    parts = [part for part in label.split(", ") if part.partition("=")[0] not in SEED_KEYS]
    return ", ".join(parts) or label


def _of(one: Configuration, values: Mapping[str, float]) -> list[float]:
    return [values[run] for run in one.runs if run in values]


def _pair(
    first: Configuration, second: Configuration, p: float, p_holm: float, values: Mapping[str, float]
) -> SeedPair:
    one, other = _of(first, values), _of(second, values)
    divisions = comb(len(one) + len(other), len(one))
    return SeedPair(
        first=first.label,
        second=second.label,
        difference=sum(one) / len(one) - sum(other) / len(other),
        p=p,
        p_holm=p_holm,
        smallest_p=(2 if len(one) == len(other) else 1) / divisions,
    )


def _mean_in_words(one: Configuration) -> str:
    spread = f"{fraction(one.mean)} ({fraction(one.low)} to {fraction(one.high)})"
    return f"{named(one.label)} over {counted(len(one.runs), 'seed')}: mean accuracy {spread}."


def _pair_in_words(pair: SeedPair) -> str:
    first, second = named(pair.first), named(pair.second)
    numbers = f"{points(pair.difference)} points of mean accuracy; permutation test over the seeds, "
    numbers += f"Holm {p_value(pair.p_holm)}"
    if pair.p_holm < ALPHA:
        return f"Over seeds, {first} is {'above' if pair.difference > 0 else 'below'} {second} ({numbers})."
    few = (
        f" So few seeds cannot give less than p = {pair.smallest_p:.2g}." if pair.smallest_p >= ALPHA else ""
    )
    return f"Over seeds, {first} against {second}: no evidence of a difference ({numbers}).{few}"


def _key(one: Candidate) -> str:
    """Equal for runs that differ in their seed only."""
    if not one.args:
        return one.run
    return repr(sorted((key, value) for key, value in one.args.items() if key not in SEED_KEYS))
