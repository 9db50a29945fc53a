"""Which run is better, and is the difference real: one value that every report and screen shows.

Runs are compared inside a group only, on the same test rows. The statistics, their sources and what they
do not say: docs/comparison.md.
"""

from __future__ import annotations

import msgspec

from lrdash.results import inference
from lrdash.results.metrics import Bin, Confusion
from lrdash.results.values import Row

ALPHA = 0.05
Which = str | int
"""`last`, `best` or an epoch's number."""


class Estimate(msgspec.Struct, frozen=True):
    """A value with its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One run's worth; None where it is not known or not defined."""

    run: str
    label: str
    group: str | None = None
    index: int | None = None
    learning_rate: float | None = None
    cls_backbone_learning_rate: float | None = None
    seed: int | None = None
    epoch: float | None = None
    n: int | None = None
    accuracy: Estimate | None = None
    f1: Estimate | None = None
    precision: float | None = None
    recall: float | None = None
    macro_f1: float | None = None
    balanced_accuracy: float | None = None
    mcc: float | None = None
    auroc: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    ece: float | None = None
    majority: float | None = None
    """Accuracy of always saying the most frequent class."""
    collapsed: bool | None = None
    """One class is predicted for every row."""
    confusion: Confusion | None = None
    labels: tuple[str, ...] = ()
    """The classes of `confusion`, one a row of it; their numbers where nobody names them."""
    reliability: tuple[Bin, ...] = ()
    epochs: tuple[Row, ...] = ()
    source: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def has_not_learned(self) -> bool:
        """Whether the accuracy's interval reaches down to the majority class's share."""
        low = self.accuracy.low if self.accuracy else None
        return low is not None and self.majority is not None and low <= self.majority


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs on the same rows; differences are `run` minus `other`."""

    run: str
    other: str
    n: int
    only_run: int
    """Rows that only `run` has right: McNemar's b."""
    only_other: int
    """McNemar's c."""
    accuracy: Estimate
    f1: Estimate
    p: float
    p_holm: float
    detectable_gap: float | None
    """Accuracy gap that would have been found in four of five such test sets."""

    @property
    def significant(self) -> bool:
        return self.p_holm < ALPHA


class Answer(msgspec.Struct, frozen=True):
    """One of the experiment's questions, answered by a stated rule with its numbers."""

    question: str
    verdict: str
    text: str
    rule: str


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that differ only in their seed."""

    label: str
    runs: tuple[str, ...]
    seeds: tuple[str, ...] = ()
    """Those that are counted: the ones furthest in training that have an accuracy."""
    epoch: float | None = None
    """The last one of the seeds that are counted."""
    accuracies: tuple[float, ...] = ()
    mean: float | None = None
    low: float | None = None
    high: float | None = None


class SeedPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two configurations over their seeds; the difference of mean accuracies is `first` minus `second`."""

    first: str
    second: str
    difference: float
    p: float
    """Of an exact permutation test over the seeds."""
    p_holm: float
    smallest_p: float
    """The smallest p-value that so few seeds can give."""


class GroupComparison(msgspec.Struct, frozen=True, kw_only=True):
    group: str | None
    labels: tuple[str, ...] = ()
    positive: str | None = None
    """The class that F1, precision and recall are of; None beyond two classes, where they are means."""
    baseline: str | None = None
    runs: tuple[RunSummary, ...] = ()
    pairs: tuple[Pair, ...] = ()
    refused: tuple[str, ...] = ()
    """Pairs that could not be compared, with the reason."""
    conclusion: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    """Where any was trained with several seeds."""
    seed_pairs: tuple[SeedPair, ...] = ()
    caveats: tuple[str, ...] = ()

    def find(self, run: str) -> RunSummary:
        return next(one for one in self.runs if one.run == run)

    def between(self, run: str, other: str) -> Pair | None:
        """The pair of two runs, with differences as `run` minus `other`."""
        for one in self.pairs:
            if (one.run, one.other) == (run, other):
                return one
            if (one.run, one.other) == (other, run):
                return turned(one)
        return None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    sweep: str
    epoch: Which
    alpha: float = ALPHA
    bootstrap_resamples: int = inference.RESAMPLES
    bootstrap_seed: int = inference.SEED
    groups: tuple[GroupComparison, ...] = ()

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        return tuple(run for group in self.groups for run in group.runs)


def turned(one: Pair) -> Pair:
    """The same pair seen from the other run."""
    return msgspec.structs.replace(
        one,
        run=one.other,
        other=one.run,
        only_run=one.only_other,
        only_other=one.only_run,
        accuracy=_negated(one.accuracy),
        f1=_negated(one.f1),
    )


def _negated(one: Estimate) -> Estimate:
    low = None if one.high is None else -one.high
    high = None if one.low is None else -one.low
    return Estimate(-one.value, low, high)
