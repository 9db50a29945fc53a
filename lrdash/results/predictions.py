"""Predictions of a run: the index, kept on disk, and full rows on demand."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from lrdash.errors import ResultsError
from lrdash.kept import keep
from lrdash.results.documents import NO_LABELS, Labels
from lrdash.results.indexing import Index, build_index
from lrdash.results.rows import Key, decode_dicts

FORMAT = 4
"""Of the cache; another number is read as nothing."""
SMALL = 8 * 2**20
"""A larger file is indexed in a process of its own, which leaves the screen its GIL; bytes."""


class _Cached(msgspec.Struct, frozen=True):
    format: int
    path: str
    size: int
    mtime_ns: int
    labels: tuple[str, ...]
    positive: str | None
    index: Index


@dataclass(frozen=True)
class Predictions:
    """What one run said about every row of its test set."""

    path: Path
    index: Index
    _kept: dict[int, list[dict[str, Any]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """The block that was read last: rows are mostly looked at in order."""

    @cached_property
    def truths(self) -> array[int]:
        return _array("H", self.index.truths)

    @cached_property
    def predicted(self) -> array[int]:
        return _array("H", self.index.predicted)

    @cached_property
    def probabilities(self) -> array[float]:
        """`len(labels)` a row; empty when the file has none that can be used."""
        return _array("d", self.index.probabilities)

    @cached_property
    def confidences(self) -> array[float]:
        """The probability of the predicted class; empty when there are none."""
        width = len(self.labels)
        places = (at * width + guess for at, guess in enumerate(self.predicted))
        return array("d", [self.probabilities[place] for place in places] if self.probabilities else [])

    @cached_property
    def keys(self) -> Sequence[Key]:
        """The rows' names; empty when rows are told apart by their order only."""
        return msgspec.msgpack.decode(self.index.keys, type=list[Key])

    @property
    def labels(self) -> tuple[str, ...]:
        return self.index.labels

    @property
    def n(self) -> int:
        return len(self.index.truths) // 2

    def row(self, at: int) -> dict[str, Any]:
        """The whole line of a row, read from the file now.

        Raises:
            ResultsError: the file is gone or no longer the one that was indexed.
        """
        block = bisect_right(self._firsts, at) - 1
        first = self._firsts[block]
        end = self._firsts[block + 1] if block + 1 < self.blocks else self.n
        rows = self._kept.get(block) or self.block(block)[: end - first]
        if len(rows) < end - first or not rows[at - first]:
            raise ResultsError(f"{self.path}: row {at + 1} is not where it was; read the results again")
        if block not in self._kept:
            self._kept.clear()
            self._kept[block] = rows
        return rows[at - first]

    def block(self, block: int) -> list[dict[str, Any]]:
        """The whole rows of one block of the file; none where the file is gone."""
        start, end = self._starts[block], self._starts[block + 1] if block + 1 < self.blocks else None
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return decode_dicts(file.read(-1 if end is None else end - start))
        except OSError:
            return []

    @property
    def blocks(self) -> int:
        return len(self._starts)

    @cached_property
    def _starts(self) -> array[int]:
        return _array("Q", self.index.blocks)[::2]

    @cached_property
    def _firsts(self) -> array[int]:
        return _array("Q", self.index.blocks)[1::2]


class PredictionStore:
    """Indexes of predictions files; each is built once and then read from `cache_dir`."""

    def __init__(self, cache_dir: Path | None = None) -> None:
        self.cache_dir = cache_dir
        self._open: dict[Path, tuple[tuple[object, ...], Predictions]] = {}

    def read(self, path: Path, labels: Labels = NO_LABELS) -> Predictions:
        """The predictions of one file; blocks while they are indexed, so call it in a worker.

        Raises:
            ResultsError: the file cannot be read, or a row cannot be understood.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise ResultsError(f"{path}: cannot be read: {error.strerror}") from None
        key = (status.st_size, status.st_mtime_ns, labels.names, labels.positive)
        known = self._open.get(path)
        if known is None or known[0] != key:
            known = self._open[path] = (key, Predictions(path, self._index(path, status, labels)))
        return known[1]

    def read_all(self, paths: Mapping[Path, Labels]) -> dict[Path, Predictions | ResultsError]:
        """Several files at once, as many processes as there are cores."""
        with ThreadPoolExecutor(max(1, min(len(paths), os.cpu_count() or 1))) as pool:
            return dict(zip(paths, pool.map(self._read_or_error, paths, paths.values()), strict=True))

    def _read_or_error(self, path: Path, labels: Labels) -> Predictions | ResultsError:
        try:
            return self.read(path, labels)
        except ResultsError as error:
            return error

    def _index(self, path: Path, status: os.stat_result, labels: Labels) -> Index:
        cache = self._cache_file(path, labels)
        if cache and (index := _from_cache(cache, path, status, labels)):
            return index
        if cache and status.st_size >= SMALL:
            _index_elsewhere(path, labels, cache)
            if index := _from_cache(cache, path, status, labels):
                return index
        index = build_index(path, labels)
        if cache:
            write_cache(cache, path, status, labels, index)
        return index

    def _cache_file(self, path: Path, labels: Labels) -> Path | None:
        if self.cache_dir is None:
            return None
        name = blake2b(os.fsencode(path.resolve()), digest_size=16).hexdigest()
        return self.cache_dir / f"{name}.msgpack"


def write_cache(cache: Path, path: Path, status: os.stat_result, labels: Labels, index: Index) -> None:
    entry = _Cached(
        FORMAT, str(path), status.st_size, status.st_mtime_ns, labels.names, labels.positive, index
    )
    keep(cache, msgspec.msgpack.encode(entry))


def _from_cache(cache: Path, path: Path, status: os.stat_result, labels: Labels) -> Index | None:
    try:
        entry = msgspec.msgpack.decode(cache.read_bytes(), type=_Cached)
    except (OSError, msgspec.DecodeError):
        return None
    found = (entry.format, entry.path, entry.size, entry.mtime_ns, entry.labels, entry.positive)
    wanted = (FORMAT, str(path), status.st_size, status.st_mtime_ns, labels.names, labels.positive)
    return entry.index if found == wanted else None


def _index_elsewhere(path: Path, labels: Labels, cache: Path) -> None:
    """Build an index in a process of its own. Its failure is no matter: it is then built here."""
    request = msgspec.json.encode((str(path), str(cache), labels.names, labels.positive))
    subprocess.run(
        [sys.executable, "-P", "-m", "lrdash.results.predictions"],
        input=request,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def _main() -> None:
    path, cache, names, positive = msgspec.json.decode(
        sys.stdin.buffer.read(), type=tuple[str, str, tuple[str, ...], str | None]
    )
    labels = Labels(names=names, positive=positive)
    status = os.stat(path)
    write_cache(Path(cache), Path(path), status, labels, build_index(Path(path), labels))


def _array(typecode: str, data: bytes) -> array[Any]:
    values = array(typecode)
    values.frombytes(data)
    return values


if __name__ == "__main__":
    _main()
