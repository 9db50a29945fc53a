"""Runs that differ only in their seed are one configuration; configurations are compared over their seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import comb

from lrdash.results import inference
from lrdash.results.candidates import SEED_KEYS, Candidate
from lrdash.results.comparison import ALPHA, Configuration, RunSummary, SeedPair
from lrdash.results.wording import counted, fraction, listed, named, p_value, points


def configurations(
    candidates: Sequence[Candidate], summaries: Sequence[RunSummary]
) -> tuple[Configuration, ...]:
    """Every configuration, with the mean and the range of its accuracy; none where each has one seed."""
    groups: dict[str, list[Candidate]] = {}
    keys = configuration_of(candidates)
    for one in candidates:
        groups.setdefault(keys[one.run], []).append(one)
    if len(groups) == len(candidates):
        return ()
    accuracies = {run.run: run.accuracy.value for run in summaries if run.accuracy}
    return tuple(_configuration(same, accuracies) for same in groups.values())


def configuration_of(candidates: Sequence[Candidate]) -> dict[str, str]:
    """Run -> its configuration, equal for runs that differ in their seed only.

    Runs with one seed twice differ in something that their arguments do not say: each is its own.
    """
    found = {one.run: one.configuration for one in candidates}
    seeds = Counter((found[one.run], repr(one.seed)) for one in candidates)
    repeated = {configuration for (configuration, _), count in seeds.items() if count > 1}
    return {run: run if configuration in repeated else configuration for run, configuration in found.items()}


def seed_pairs(configurations: Sequence[Configuration]) -> tuple[SeedPair, ...]:
    """Every pair of configurations at the same epoch whose seeds are at least three in all."""
    found: list[tuple[Configuration, Configuration, float]] = []
    for second, first in combinations(configurations, 2):
        p = inference.permutation_test(first.accuracies, second.accuracies)
        if p is not None and first.epoch == second.epoch:
            found.append((first, second, p))
    adjusted = inference.holm([p for _, _, p in found])
    return tuple(
        _pair(first, second, p, p_holm) for (first, second, p), p_holm in zip(found, adjusted, strict=True)
    )


def in_words(configurations: Sequence[Configuration], pairs: Sequence[SeedPair]) -> tuple[str, ...]:
    """Mean and range of every configuration, then the pairs."""
    sentences = [_mean_in_words(one) for one in configurations if one.mean is not None]
    return (*sentences, *map(_pair_in_words, pairs))


def _configuration(same: Sequence[Candidate], accuracies: dict[str, float]) -> Configuration:
    """A seed that is behind the others, or has no accuracy, is not counted: it would pull the mean."""
    known = {one.run: _last_epoch(one) for one in same if one.run in accuracies}
    furthest = max((epoch for epoch in known.values() if epoch is not None), default=None)
    counted_runs = [run for run, epoch in known.items() if epoch == furthest]
    values = tuple(accuracies[run] for run in counted_runs)
    return Configuration(
        label=_without_seed(same[0].label),
        runs=tuple(one.run for one in same),
        seeds=tuple(str(one.seed) for one in same if one.run in counted_runs),
        epoch=furthest,
        accuracies=values,
        mean=sum(values) / len(values) if values else None,
        low=min(values, default=None),
        high=max(values, default=None),
    )


def _last_epoch(one: Candidate) -> float | None:
    return one.results.last.get("epoch") if one.results.last else None


def _without_seed(label: str) -> str:
    """`2e-5, seed=1` -> `2e-5`."""
    parts = [part for part in label.split(", ") if part.partition("=")[0] not in SEED_KEYS]
    return ", ".join(parts) or label


def _pair(first: Configuration, second: Configuration, p: float, p_holm: float) -> SeedPair:
    one, other = first.accuracies, second.accuracies
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
    count = len(one.accuracies)
    left = len(one.runs) - count
    rest = f"; {counted(left, 'seed')} not counted: behind, or without results" if left else ""
    if count == 1:
        return f"{named(one.label)} has one seed ({listed(one.seeds)}): accuracy {fraction(one.mean)}{rest}."
    spread = f"{fraction(one.mean)} ({fraction(one.low)} to {fraction(one.high)})"
    return f"{named(one.label)} over {counted(count, 'seed')}: mean accuracy {spread}{rest}."


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
