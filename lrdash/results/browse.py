"""Rows of the test set beside what every run said: errors, disagreements, by confidence, by column.

Texts stay in the file: a row is read when it is looked at. Everything here blocks for at most one pass over a
predictions file, and raises ResultsError where that is no longer what it was; call it in a worker.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import msgspec

from lrdash.errors import ResultsError
from lrdash.results.metrics import Bin, Confusion
from lrdash.results.pairing import row_order
from lrdash.results.predictions import Predictions
from lrdash.results.rows import MODEL_KEYS

Show = Literal["all", "errors", "all wrong", "all right", "disagreements"]

MOST_VALUES = 50
"""A column with more distinct values than this is no category."""


class Said(msgspec.Struct, frozen=True):
    """What one run said about a row."""

    run: str
    label: str
    right: bool
    confidence: float | None


class RowView(msgspec.Struct, frozen=True):
    """One row of the test set, whole."""

    at: int
    key: str
    truth: str
    said: tuple[Said, ...]
    columns: Mapping[str, Any]
    """All that the data set says, texts included."""


@dataclass(frozen=True)
class _Aligned:
    run: str
    predictions: Predictions
    guesses: Sequence[int]
    confidences: Sequence[float]
    """Of the predicted class; empty when the run gave none."""


class Browser:
    """The predictions of runs on the same rows, in the order of the first run's file."""

    def __init__(self, runs: Mapping[str, Predictions]) -> None:
        """`runs` maps a run's name to its predictions.

        Raises:
            ResultsError: there are none, or they are not of the same rows.
        """
        if not runs:
            raise ResultsError("no run has predictions yet")
        self._first = next(iter(runs.values()))
        self._runs = {run: _align(run, self._first, predictions) for run, predictions in runs.items()}
        self._columns: dict[str, Sequence[str]] = {}
        self._categories: tuple[str, ...] | None = None

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(self._runs)

    @property
    def labels(self) -> tuple[str, ...]:
        return self._first.labels

    @property
    def n(self) -> int:
        return self._first.n

    def confusion(self, run: str) -> Confusion:
        return self._runs[run].predictions.index.confusion

    def confusion_difference(self, run: str, other: str) -> Confusion:
        """Cell by cell, `run` minus `other`."""
        pairs = zip(self.confusion(run), self.confusion(other), strict=True)
        return tuple(tuple(one - two for one, two in zip(*rows, strict=True)) for rows in pairs)

    def reliability(self, run: str) -> tuple[Bin, ...]:
        """The bars of a reliability diagram; empty when the run gave no probabilities."""
        return self._runs[run].predictions.index.quality.bins

    def rows(self, show: Show = "all", run: str | None = None) -> list[int]:
        """Row numbers, in order. `errors` are those of `run`, or of any run."""
        truths = self._first.truths
        if show == "all":
            return list(range(self.n))
        chosen = [self._runs[run]] if run else list(self._runs.values())
        holds = _CONDITIONS[show]
        guesses = zip(*(one.guesses for one in chosen), strict=True)
        return [
            at for at, (truth, said) in enumerate(zip(truths, guesses, strict=True)) if holds(truth, said)
        ]

    def right_and_wrong(self, right: str, wrong: str) -> list[int]:
        """Rows that the first run has right and the second wrong."""
        one, other = self._runs[right].guesses, self._runs[wrong].guesses
        triples = zip(self._first.truths, one, other, strict=True)
        return [at for at, (truth, first, second) in enumerate(triples) if first == truth != second]

    def by_confidence(self, rows: Sequence[int], run: str, *, lowest_first: bool = False) -> list[int]:
        """The rows, the run's most confident first; as they are when it gave no probabilities."""
        confidences = self._runs[run].confidences
        if not confidences:
            return list(rows)
        return sorted(rows, key=confidences.__getitem__, reverse=not lowest_first)

    def categories(self) -> tuple[str, ...]:
        """Columns that sort the rows into a few kinds; found with one pass over the file."""
        if self._categories is None:
            columns = _categories(self._first)
            self._columns.update(columns)
            self._categories = tuple(columns)
        return self._categories

    def where(self, rows: Sequence[int], column: str, value: str) -> list[int]:
        """Those of the rows whose column has this value."""
        values = self.values(column)
        return [at for at in rows if values[at] == value]

    def accuracy_by(self, column: str, run: str) -> dict[str, tuple[int, int]]:
        """Value of a column -> (right, rows)."""
        values, guesses = self.values(column), self._runs[run].guesses
        rows: Counter[str] = Counter(values)
        right = Counter(
            value
            for value, truth, guess in zip(values, self._first.truths, guesses, strict=True)
            if truth == guess
        )
        return {value: (right[value], count) for value, count in rows.most_common()}

    def values(self, column: str) -> Sequence[str]:
        """A column's value in every row, as text; read once, with one pass over the file."""
        if column not in self._columns:
            self._columns[column] = tuple(_column(self._first, column))
        return self._columns[column]

    def column_names(self) -> tuple[str, ...]:
        """What the data set has beside its label, judged by the first row."""
        return tuple(key for key in self._first.row(0) if key not in MODEL_KEYS) if self.n else ()

    def row(self, at: int) -> RowView:
        """One whole row, read from the file now."""
        columns = {key: value for key, value in self._first.row(at).items() if key not in MODEL_KEYS}
        return RowView(at, self.key(at), self.truth(at), self.said(at), columns)

    def key(self, at: int) -> str:
        """The row's name; its number where it has none."""
        keys = self._first.keys
        return str(keys[at]) if keys else str(at + 1)

    def truth(self, at: int) -> str:
        return self.labels[self._first.truths[at]]

    def said(self, at: int) -> tuple[Said, ...]:
        """What every run said about a row; from memory, so that thousands can be listed."""
        truth = self._first.truths[at]
        return tuple(
            Said(
                run=run,
                label=self.labels[one.guesses[at]],
                right=one.guesses[at] == truth,
                confidence=one.confidences[at] if one.confidences else None,
            )
            for run, one in self._runs.items()
        )


_CONDITIONS: Mapping[str, Callable[[int, tuple[int, ...]], bool]] = {
    "errors": lambda truth, said: any(guess != truth for guess in said),
    "all wrong": lambda truth, said: all(guess != truth for guess in said),
    "all right": lambda truth, said: all(guess == truth for guess in said),
    "disagreements": lambda _, said: len(set(said)) > 1,
}


def _align(run: str, first: Predictions, predictions: Predictions) -> _Aligned:
    order = None if predictions is first else row_order(first, predictions)
    guesses: Sequence[int] = predictions.predicted
    confidences: Sequence[float] = predictions.confidences
    if order is not None:
        guesses = array("H", map(guesses.__getitem__, order))
        confidences = array("d", map(confidences.__getitem__, order)) if confidences else confidences
    return _Aligned(run, predictions, guesses, confidences)


def _column(predictions: Predictions, column: str) -> Iterator[str]:
    for row in _whole_rows(predictions):
        yield _as_text(row.get(column))


def _whole_rows(predictions: Predictions) -> Iterator[dict[str, Any]]:
    """
    Raises:
        ResultsError: the file is gone, or another one by now.
    """
    rows = (row for block in range(predictions.blocks) for row in predictions.block(block))
    read = 0
    for row in islice(rows, predictions.n):
        read += 1
        yield row
    if read < predictions.n:
        raise ResultsError(f"{predictions.path}: has only {read:,} of its rows left; read the results again")


def _categories(predictions: Predictions) -> dict[str, Sequence[str]]:
    """The values of every column that has a few; one that turns out to have many is left off on the way."""
    found: dict[str, list[str]] = {}
    kinds: dict[str, dict[str, str]] = {}
    for at, row in enumerate(_whole_rows(predictions)):
        if not at:
            found = {key: [] for key in row if key not in MODEL_KEYS}
            kinds = {key: {} for key in found}
        for key in list(found):
            text = _as_text(row.get(key))
            found[key].append(kinds[key].setdefault(text, text))
            if len(kinds[key]) > MOST_VALUES:
                del found[key]
    return {key: values for key, values in found.items() if 1 < len(kinds[key]) < len(values)}


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
