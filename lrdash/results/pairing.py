"""Two runs on the same rows: which rows are the same, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lrdash.errors import ResultsError
from lrdash.results import inference
from lrdash.results.indexing import ORDER, Index
from lrdash.results.metrics import f1_of_cells, macro_f1_of_cells
from lrdash.results.predictions import Predictions

Triple = tuple[int, int, int]
"""Truth, first run's prediction, second run's."""


@dataclass(frozen=True)
class Pairing:
    """How often each combination of truth and the two predictions occurs."""

    counts: Counter[Triple]
    positive: int | None

    @property
    def n(self) -> int:
        return self.counts.total()

    @property
    def both(self) -> int:
        return self._sum(first=True, second=True)

    @property
    def only_first(self) -> int:
        return self._sum(first=True, second=False)

    @property
    def only_second(self) -> int:
        return self._sum(first=False, second=True)

    @property
    def neither(self) -> int:
        return self._sum(first=False, second=False)

    @property
    def f1_cells(self) -> list[int]:
        """Rows by (truth, first, second) being the positive class, as bits 4, 2 and 1."""
        cells = [0] * 8
        for (truth, first, second), count in self.counts.items():
            bits = (truth == self.positive) * 4 + (first == self.positive) * 2 + (second == self.positive)
            cells[bits] += count
        return cells

    def _sum(self, *, first: bool, second: bool) -> int:
        return sum(
            count
            for (truth, one, other), count in self.counts.items()
            if (one == truth) is first and (other == truth) is second
        )


def pair(first: Predictions, second: Predictions) -> Pairing:
    """Count the rows of two runs against each other.

    Raises:
        ResultsError: the rows are not the same rows, or cannot be told to be.
    """
    guesses = aligned(first, second)
    return Pairing(Counter(zip(first.truths, first.predicted, guesses, strict=True)), first.index.positive)


def aligned(first: Predictions, second: Predictions) -> Sequence[int]:
    """The second run's predictions in the order of the first run's rows."""
    order = row_order(first, second)
    return second.predicted if order is None else [second.predicted[at] for at in order]


def row_order(first: Predictions, second: Predictions) -> list[int] | None:
    """Where the second run has each row of the first; None when the order is the same.

    Raises:
        ResultsError: as `pair`.
    """
    _refuse_unlike(first, second)
    order = None if first.index.keys == second.index.keys else _permutation(first, second)
    truths = second.truths if order is None else [second.truths[at] for at in order]
    if any(one != other for one, other in zip(first.truths, truths, strict=True)):
        at = next(
            at for at, (one, other) in enumerate(zip(first.truths, truths, strict=True)) if one != other
        )
        name = first.keys[at] if first.keys else f"{at + 1}"
        raise ResultsError(f"row {name} has another true label in {second.path} than in {first.path}")
    return order


def f1_difference(pairing: Pairing) -> tuple[float, inference.Interval]:
    """F1 of the first run minus that of the second, with its paired bootstrap interval."""
    statistic: Callable[[Sequence[int]], float] = f1_difference_of_cells
    cells = pairing.f1_cells
    if pairing.positive is None:
        statistic, cells = partial(_macro_f1_difference, list(pairing.counts)), list(pairing.counts.values())
    drawn = inference.bootstrap_counts(cells, statistic)
    return statistic(cells), inference.percentile_interval(drawn)


def f1_difference_of_cells(cells: Sequence[int]) -> float:
    """F1 of the first run minus that of the second, from `Pairing.f1_cells`."""
    first = (cells[6] + cells[7], cells[2] + cells[3], cells[4] + cells[5])
    second = (cells[5] + cells[7], cells[1] + cells[3], cells[4] + cells[6])
    return f1_of_cells(first) - f1_of_cells(second)


def _macro_f1_difference(kinds: Sequence[Triple], counts: Sequence[int]) -> float:
    first = macro_f1_of_cells([(truth, guess) for truth, guess, _ in kinds], counts)
    return first - macro_f1_of_cells([(truth, guess) for truth, _, guess in kinds], counts)


def _refuse_unlike(first: Predictions, second: Predictions) -> None:
    one, other = first.index, second.index
    for predictions in (first, second):
        if predictions.index.duplicate:
            raise ResultsError(f"rows cannot be paired: {predictions.path}: {predictions.index.duplicate}")
    if one.labels != other.labels:
        raise ResultsError(f"different classes: {', '.join(one.labels)} against {', '.join(other.labels)}")
    if one.positive != other.positive:
        raise ResultsError(f"F1 is of another class: {_positive(one)} against {_positive(other)}")
    if first.n != second.n:
        raise ResultsError(f"different test sets: {first.n:,} rows against {second.n:,}")
    if one.identity != other.identity:
        raise ResultsError(
            f"rows are named by {one.identity!r} in one and by {other.identity!r} in the other"
        )
    if one.identity == ORDER and one.truths != other.truths:
        raise ResultsError(
            "rows have no id and their true labels differ: not the same rows in the same order"
        )


def _positive(index: Index) -> str:
    return "none" if index.positive is None else index.labels[index.positive]


def _permutation(first: Predictions, second: Predictions) -> list[int]:
    places = {key: at for at, key in enumerate(second.keys)}
    missing = [key for key in first.keys if key not in places]
    if missing:
        many = f"{len(missing):,} of {first.n:,} rows"
        raise ResultsError(f"different test sets: {many} are in one only, the first is {missing[0]!r}")
    return [places[key] for key in first.keys]
