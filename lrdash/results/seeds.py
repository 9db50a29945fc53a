"""Runs that differ only in their seed are one configuration."""

from __future__ import annotations

from collections.abc import Sequence

from lrdash.results.candidates import Candidate
from lrdash.results.comparison import Configuration, RunSummary

SEED_KEYS = ("seed", "data_seed")


def configurations(
    candidates: Sequence[Candidate], summaries: Sequence[RunSummary]
) -> tuple[Configuration, ...]:
    """Configurations with more than one seed, with the mean and the range of their accuracy."""
    groups: dict[str, list[Candidate]] = {}
    for one in candidates:
        groups.setdefault(_key(one), []).append(one)
    accuracy = {run.run: run.accuracy.value for run in summaries if run.accuracy}
    return tuple(_configuration(same, accuracy) for same in groups.values() if len(same) > 1)


def _configuration(same: Sequence[Candidate], accuracy: dict[str, float]) -> Configuration:
    values = [accuracy[one.run] for one in same if one.run in accuracy]
    label = same[0].label.rpartition(", seed=")[0] or same[0].label
    return Configuration(
        label=label,
        runs=tuple(one.run for one in same),
        mean=sum(values) / len(values) if values else None,
        low=min(values, default=None),
        high=max(values, default=None),
    )


def _key(one: Candidate) -> str:
    return (
        repr(sorted((key, value) for key, value in one.args.items() if key not in SEED_KEYS))
        if one.args
        else one.run
    )
