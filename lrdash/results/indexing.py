"""generated_predictions.jsonl -> a light index: where each row lies, what it is, what was said of it.

Rows are decoded one at a time and only in the fields that the comparison needs, so that memory does not
grow with the size of the texts. A row that cannot be understood is an error that names its line; only a
half-written last line is passed over, with a note.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from lrdash.errors import ResultsError
from lrdash.results.documents import NO_LABELS, Labels
from lrdash.results.metrics import Confusion, ProbabilityMetrics, confusion_matrix, probability_metrics
from lrdash.results.rows import (
    CONTENT,
    MODEL_KEYS,
    Label,
    Row,
    decode_leniently,
    identity_of,
    row_decoder,
)
from lrdash.results.values import UnreadableError, parse_json

SUM_TOLERANCE = 1e-3
"""Probabilities rounded to four digits still sum to 1 within this."""
MOST_CLASSES = 1000
ORDER = "order"
"""Identity of rows that hold nothing but the model's own output."""


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A predictions file without its texts. Arrays are raw bytes: cheap to store and to compare."""

    labels: tuple[str, ...]
    positive: int | None
    """Position in `labels` of the class that F1 is of; None beyond two classes, where it is a mean."""
    identity: str
    """The column that names a row, or `content`, or `order`."""
    keys: bytes
    """The rows' names, a msgpack list; equal bytes mean the same rows in the same order."""
    duplicate: str | None
    """A row that stands twice, where one does: such rows cannot be paired."""
    offsets: bytes
    truths: bytes
    predicted: bytes
    probabilities: bytes
    """`len(labels)` a row; empty when there are none that can be used."""
    confusion: Confusion
    quality: ProbabilityMetrics
    notes: tuple[str, ...]


def build_index(path: Path, given: Labels = NO_LABELS) -> Index:
    """Read a whole predictions file.

    Raises:
        ResultsError: the file cannot be read, or a row cannot be understood.
    """
    try:
        first = _first_row(path)
        identity = identity_of(first)
        rows, offsets, notes = _read(path, first, identity)
        duplicate = _duplicate(rows)
        if duplicate and identity != CONTENT:
            # A paper's id names no row of a data set that has a paper twice: then the whole row does.
            by_content, _, _ = _read(path, first, CONTENT)
            if not _duplicate(by_content):
                identity, rows, duplicate = CONTENT, by_content, None
        if first.keys() <= set(MODEL_KEYS):
            identity, duplicate = ORDER, None
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from None
    return _assemble(path, rows, given, identity=identity, duplicate=duplicate, offsets=offsets, notes=notes)


def _first_row(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        line = file.readline()
    try:
        row = parse_json(line) if line.strip() else {}
    except UnreadableError:
        row = {}
    return row if isinstance(row, dict) else {}


def _read(path: Path, first: dict[str, Any], identity: str) -> tuple[list[Row], array[int], list[str]]:
    decode = row_decoder(first, identity)
    rows: list[Row] = []
    offsets = array("Q")
    notes: list[str] = []
    start = 0
    with path.open("rb", buffering=2**20) as file:
        for line in file:
            try:
                rows.append(decode(line))
                offsets.append(start)
            except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
                where = f"{path}:{len(rows) + 1}"
                if (row := _difficult_row(line, identity, where, notes)) is not None:
                    rows.append(row)
                    offsets.append(start)
            start += len(line)
    return rows, offsets, notes


def _difficult_row(line: bytes, identity: str, where: str, notes: list[str]) -> Row | None:
    if not line.strip():
        return None
    try:
        return decode_leniently(line, identity)
    except UnreadableError as error:
        if not line.endswith(b"\n"):
            notes.append("the last line is half-written and was passed over")
            return None
        raise ResultsError(f"{where}: not a line of predictions: {error}; write the file again") from None
    except KeyError as error:
        raise ResultsError(
            f"{where}: has no {error.args[0]!r}; a row needs its truth, prediction and id"
        ) from None


def _duplicate(rows: Sequence[Row]) -> str | None:
    keys = [row.key for row in rows]
    if len(set(keys)) == len(keys):
        return None
    seen: set[Label] = set()
    for at, key in enumerate(keys):
        if key in seen:
            return f"row {key!r} stands twice (again at row {at + 1})"
        seen.add(key)
    return None


def _assemble(path: Path, rows: Sequence[Row], given: Labels, *, offsets: array[int], notes: list[str],
              identity: str, duplicate: str | None) -> Index:  # fmt: skip
    labels = _label_names(path, rows, given)
    codes = _Codes(path, labels)
    truths = codes.of(row.truth for row in rows)
    predicted = codes.of(row.guess for row in rows)
    probabilities = _probabilities(rows, labels, notes)
    positive = _positive(path, labels, given)
    quality = ProbabilityMetrics()
    if probabilities:
        quality = probability_metrics(truths, predicted, probabilities, len(labels), positive)
        _note_disagreement(predicted, probabilities, len(labels), notes)
    return Index(
        labels=labels,
        positive=positive,
        identity=identity,
        keys=b"" if identity == ORDER else msgspec.msgpack.encode([str(row.key) for row in rows]),
        duplicate=duplicate,
        offsets=offsets.tobytes(),
        truths=truths.tobytes(),
        predicted=predicted.tobytes(),
        probabilities=probabilities.tobytes(),
        confusion=confusion_matrix(truths, predicted, len(labels)),
        quality=quality,
        notes=tuple(notes),
    )


class _Codes:
    """Labels of the data set's own type -> positions in the label names."""

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        self.path = path
        self.labels = labels
        self.names = {name: at for at, name in enumerate(labels)}
        self.known: dict[tuple[type, Label], int] = {}

    def of(self, values: Iterable[Label]) -> array[int]:
        known = self.known
        codes = array("H")
        for at, value in enumerate(values, 1):
            code = known.get((type(value), value))
            if code is None:
                code = known[type(value), value] = self._look_up(value, at)
            codes.append(code)
        return codes

    def _look_up(self, value: Label, at: int) -> int:
        if (code := self.names.get(label_name(value))) is not None:
            return code
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.labels):
            return value
        names = ", ".join(self.labels[:10])
        raise ResultsError(f"{self.path}: row {at} has the label {value!r}; the label names are {names}")


def label_name(value: Label) -> str:
    """How a label is shown; 1.0 is the class 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _label_names(path: Path, rows: Sequence[Row], given: Labels) -> tuple[str, ...]:
    if given.names:
        return given.names
    named = next((row.probabilities for row in rows if isinstance(row.probabilities, dict)), None)
    if named:
        return tuple(named)
    seen = {label_name(value) for row in rows for value in (row.truth, row.guess)}
    if len(seen) > MOST_CLASSES:
        raise ResultsError(f"{path}: {len(seen):,} different labels; this is no classification")
    width = max((len(row.probabilities) for row in rows if row.probabilities), default=0)
    integers = all(name.isdigit() for name in seen)
    if integers and seen and max(map(int, seen)) < width:
        return tuple(map(str, range(width)))
    return tuple(sorted(seen, key=lambda name: (int(name), name) if integers else (0, name)))


def _positive(path: Path, labels: Sequence[str], given: Labels) -> int | None:
    if given.positive is None:
        return len(labels) - 1 if len(labels) <= 2 and labels else None
    if given.positive in labels:
        return labels.index(given.positive)
    raise ResultsError(f"{path}: the positive label {given.positive!r} is none of {', '.join(labels)}")


def _probabilities(rows: Sequence[Row], labels: Sequence[str], notes: list[str]) -> array[float]:
    """All rows' probabilities, or none at all with a note of why."""
    if not any(row.probabilities for row in rows):
        return array("d")
    try:
        flat = array("d", chain.from_iterable(map(_in_order(labels), (row.probabilities for row in rows))))
    except (TypeError, KeyError, ValueError) as error:
        notes.append(f"no probability metrics: a row has no usable probabilities ({error})")
        return array("d")
    width = len(labels)
    columns = [flat[at::width] for at in range(width)]
    for at, parts in enumerate(zip(*columns, strict=True), 1):
        if not abs(sum(parts) - 1) <= SUM_TOLERANCE or min(parts) < 0:
            notes.append(
                f"no probability metrics: row {at}'s probabilities sum to {sum(parts):.4g}, not to 1"
            )
            return array("d")
    return flat


def _in_order(labels: Sequence[str]) -> Any:
    def ordered(probabilities: list[float] | dict[str, float] | None) -> Sequence[float]:
        values = (
            [probabilities[name] for name in labels] if isinstance(probabilities, dict) else probabilities
        )
        if values is None or len(values) != len(labels):
            raise ValueError(f"{len(values or ())} for {len(labels)} classes")
        return values

    return ordered


def _note_disagreement(
    predicted: Sequence[int], probabilities: array[float], width: int, notes: list[str]
) -> None:
    columns = [probabilities[at::width] for at in range(width)]
    others = sum(
        1
        for guess, parts in zip(predicted, zip(*columns, strict=True), strict=True)
        if parts[guess] < max(parts)
    )
    if others:
        notes.append(f"{others:,} predicted labels are not the most probable class")
