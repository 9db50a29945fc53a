"""generated_predictions.jsonl -> a light index: where its rows lie, what each is and what was said of it.

The file is decoded a block at a time and only in the fields that the comparison needs, so that memory does
not grow with the texts. A row that cannot be understood is an error that names its line; only a
half-written last line is passed over, with a note.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, FileIO
from itertools import accumulate, chain, takewhile
from operator import add, attrgetter, lt
from pathlib import Path
from typing import Any

import msgspec

from lrdash.errors import ResultsError
from lrdash.results.documents import NO_LABELS, Labels
from lrdash.results.metrics import (
    Confusion,
    ProbabilityMetrics,
    confusion_matrix,
    probabilities_of,
    probability_metrics,
)
from lrdash.results.rows import (
    CONTENT,
    MODEL_KEYS,
    PROBABILITIES,
    Key,
    Label,
    MissingError,
    Row,
    block_decoder,
    classes_of,
    decode_line,
    identity_of,
)
from lrdash.results.values import UnreadableError, parse_json

BLOCK = 2**18
"""Bytes decoded at once; a row is found again by reading one block."""
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
    blocks: bytes
    """Pairs of (byte, row) at which blocks start."""
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
        rows = _Rows(path, first, identity_of(first))
        duplicate = rows.duplicate()
        if duplicate and rows.identity != CONTENT:
            # A paper's id names no row of a data set that has a paper twice: then the whole row does.
            by_content = _Rows(path, first, CONTENT)
            if not by_content.duplicate():
                rows, duplicate = by_content, None
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from None
    if first.keys() <= MODEL_KEYS:
        rows.identity, rows.keys, duplicate = ORDER, [], None
    return _assemble(rows, first, given, duplicate)


def _first_row(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        line = next(filter(bytes.strip, file), b"{}")
    try:
        row = parse_json(line)
    except UnreadableError:
        row = {}
    return row if isinstance(row, dict) else {}


class _Codes(dict[Label, int]):
    """Label -> its number in order of appearance."""

    def __missing__(self, label: Label) -> int:
        if len(self) == MOST_CLASSES:
            raise ResultsError(f"more than {MOST_CLASSES:,} different labels; this is no classification")
        self[label] = code = len(self)
        return code


class _Rows:
    """The columns of a predictions file."""

    def __init__(self, path: Path, first: dict[str, Any], identity: str) -> None:
        self.path = path
        self.identity = identity
        self.notes: list[str] = []
        self.codes = _Codes()
        self.truths = array("H")
        self.predicted = array("H")
        self.probabilities = array("d")
        self.width: int | None = None
        """Probabilities a row; None once they cannot be used."""
        self.classes = classes_of(first)
        """The order of probabilities that the file gives as mappings."""
        self.keys: list[Key] = []
        self.blocks = array("Q")
        self._read(first)

    @property
    def n(self) -> int:
        return len(self.truths)

    def duplicate(self) -> str | None:
        if len(set(self.keys)) == len(self.keys):
            return None
        seen: set[Key] = set()
        for at, key in enumerate(self.keys, 1):
            if key in seen:
                return f"row {key!r} stands twice (again at row {at:,})"
            seen.add(key)
        return None

    def _read(self, first: dict[str, Any]) -> None:
        decode = block_decoder(first, self.identity)
        given = first.get(PROBABILITIES)
        self.width = len(given) if isinstance(given, list | dict) else 0
        with self.path.open("rb", buffering=0) as file:
            for start, block in _blocks(file):
                self.blocks.extend((start, self.n))
                try:
                    rows = decode(block)
                except (msgspec.DecodeError, MissingError, UnicodeDecodeError):
                    rows = [row for row in self._one_by_one(start, bytes(block)) if row]
                self._take(rows)

    def _take(self, rows: Sequence[Row]) -> None:
        self.truths.extend(map(self.codes.__getitem__, map(_TRUTH, rows)))
        self.predicted.extend(map(self.codes.__getitem__, map(_GUESS, rows)))
        self.keys.extend(map(_KEY, rows))
        if self.width is None:
            return
        lists = [one or () for one in map(_PROBABILITIES, rows)]
        if set(map(len, lists)) <= {self.width}:
            self.probabilities.extend(chain.from_iterable(lists))
            return
        at = next(at for at, one in enumerate(lists, 1) if len(one) != self.width)
        row = self.n - len(rows) + at
        wanted = f"the classes {', '.join(self.classes)}" if self.classes else f"{self.width} probabilities"
        self.notes.append(f"no probability metrics: row {row:,} has not {wanted}")
        self.width, self.probabilities = None, array("d")

    def _one_by_one(self, start: int, block: bytes) -> Iterator[Row | None]:
        for line in BytesIO(block):
            yield self._difficult(line, start) if line.strip() else None
            start += len(line)

    def _difficult(self, line: bytes, start: int) -> Row | None:
        """A line that starts at this byte; None for the half-written end of the file."""
        try:
            return decode_line(line, self.identity, self.classes)
        except UnreadableError as error:
            if not line.endswith(b"\n"):
                self.notes.append("the last line is half-written and was passed over")
                return None
            problem = f"not a line of predictions: {error}; write the file again"
        except MissingError as error:
            problem = f"{error}; a row needs its truth, its prediction and its id"
        raise ResultsError(f"{self.path}:{_line_number(self.path, start)}: {problem}")


_TRUTH, _GUESS, _KEY, _PROBABILITIES = map(attrgetter, ("truth", "guess", "key", "probabilities"))


def _line_number(path: Path, start: int) -> int:
    """The number, from 1, of the line that starts at this byte."""
    with path.open("rb") as file:
        sizes = accumulate(map(len, file))
        return 1 + sum(1 for _ in takewhile(start.__ge__, sizes))


def _blocks(file: FileIO) -> Iterator[tuple[int, memoryview]]:
    """Whole lines, about BLOCK bytes at a time, with the offset at which each block starts.

    A block is good until the next one is asked for: all are read into one buffer.
    """
    buffer = bytearray(BLOCK)
    start = kept = 0
    while count := file.readinto(memoryview(buffer)[kept:]):
        filled = kept + count
        end = buffer.rfind(b"\n", 0, filled) + 1
        if end:
            with memoryview(buffer) as view:
                yield start, view[:end]
            start += end
            buffer[: filled - end] = buffer[end:filled]
        elif filled == len(buffer):
            buffer.extend(bytes(len(buffer)))  # one line longer than the buffer
        kept = filled - end
    if kept:
        yield start, memoryview(bytes(buffer[:kept]))


def _assemble(rows: _Rows, first: dict[str, Any], given: Labels, duplicate: str | None) -> Index:
    labels = _label_names(rows, given)
    positive = _positive(rows.path, labels, given)
    truths, predicted = _renumbered(rows, labels)
    probabilities = _checked(rows, labels)
    quality = ProbabilityMetrics()
    if probabilities:
        quality = probability_metrics(truths, predicted, probabilities, len(labels), positive)
        _note_disagreement(rows, predicted, probabilities, len(labels))
    return Index(
        labels=labels,
        positive=positive,
        identity=rows.identity,
        keys=_encoded(rows.keys),
        duplicate=duplicate,
        blocks=rows.blocks.tobytes(),
        truths=truths.tobytes(),
        predicted=predicted.tobytes(),
        probabilities=probabilities.tobytes(),
        confusion=confusion_matrix(truths, predicted, len(labels)),
        quality=quality,
        notes=tuple(rows.notes),
    )


def _encoded(keys: Sequence[Key]) -> bytes:
    try:
        return msgspec.msgpack.encode(keys)
    except OverflowError:  # ids of more than 64 bits
        return msgspec.msgpack.encode([str(key) for key in keys])


def label_name(value: Label) -> str:
    """How a label is shown; 1.0 is the class 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _label_names(rows: _Rows, given: Labels) -> tuple[str, ...]:
    if given.names or rows.classes:
        return given.names or rows.classes
    seen = {label_name(label) for label in rows.codes}
    are_integers = bool(seen) and all(name.isdecimal() for name in seen)
    if are_integers and max(map(int, seen)) < (rows.width or 0):
        return tuple(map(str, range(rows.width or 0)))
    return tuple(sorted(seen, key=lambda name: (int(name), name) if are_integers else (0, name)))


def _positive(path: Path, labels: Sequence[str], given: Labels) -> int | None:
    if given.positive is None:
        return len(labels) - 1 if 1 <= len(labels) <= 2 else None
    if given.positive in labels:
        return labels.index(given.positive)
    raise ResultsError(f"{path}: the positive label {given.positive!r} is none of {', '.join(labels)}")


def _renumbered(rows: _Rows, labels: Sequence[str]) -> tuple[array[int], array[int]]:
    """Truths and predictions as positions in the label names."""
    places = {name: at for at, name in enumerate(labels)}
    order = []
    for label, code in rows.codes.items():
        place = places.get(label_name(label))
        if place is None and isinstance(label, int) and 0 <= label < len(labels):
            place = label
        if place is None:
            at = next(
                at for at, pair in enumerate(zip(rows.truths, rows.predicted, strict=True), 1) if code in pair
            )
            names = ", ".join(labels[:10])
            raise ResultsError(
                f"{rows.path}: row {at:,} has the label {label!r}; the label names are {names}"
            )
        order.append(place)
    if order == list(range(len(order))):
        return rows.truths, rows.predicted
    return _mapped(order, rows.truths), _mapped(order, rows.predicted)


def _mapped(order: Sequence[int], codes: Iterable[int]) -> array[int]:
    return array("H", map(order.__getitem__, codes))


def _checked(rows: _Rows, labels: Sequence[str]) -> array[float]:
    """The probabilities, or none with a note of what is wrong with them."""
    nothing = array("d")
    if not rows.width or not rows.n:
        return nothing
    if rows.width != len(labels):
        rows.notes.append(f"no probability metrics: {rows.width} probabilities for {len(labels)} classes")
        return nothing
    if rows.classes and set(rows.classes) != set(labels):
        said, wanted = (", ".join(names[:10]) for names in (rows.classes, labels))
        rows.notes.append(f"no probability metrics: they are of {said}, the label names are {wanted}")
        return nothing
    columns = [rows.probabilities[at :: rows.width] for at in range(rows.width)]
    sums: Sequence[float] = columns[0]
    for column in columns[1:]:
        sums = list(map(add, sums, column))
    low, high = min(sums), max(sums)
    if low < 1 - SUM_TOLERANCE or high > 1 + SUM_TOLERANCE or min(map(min, columns)) < 0:
        worst = max(range(rows.n), key=lambda at: abs(sums[at] - 1))
        rows.notes.append(
            f"no probability metrics: those of row {worst + 1:,} sum to {sums[worst]:.4g}, not to 1"
        )
        return nothing
    return _in_order_of(labels, rows.classes, columns) if rows.classes else rows.probabilities


def _in_order_of(
    labels: Sequence[str], classes: Sequence[str], columns: Sequence[array[float]]
) -> array[float]:
    ordered = [columns[classes.index(name)] for name in labels]
    return array("d", chain.from_iterable(zip(*ordered, strict=True)))


def _note_disagreement(
    rows: _Rows, predicted: Sequence[int], probabilities: array[float], width: int
) -> None:
    """Note predictions that are not the most probable class: another threshold, or a mistake."""
    said = probabilities_of(predicted, probabilities, width)
    if min(said) > 0.5:
        return
    highest = map(max, zip(*(probabilities[at::width] for at in range(width)), strict=True))
    if others := sum(map(lt, said, highest)):
        rows.notes.append(f"{others:,} predicted labels are not the most probable class")
