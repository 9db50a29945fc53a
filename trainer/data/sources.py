"""A data set's name -> its rows: json, jsonl, parquet, saved-to-disk folders, dataset_info.json.

A name is, taken literally, a key of `dataset_dir/dataset_info.json`, else a folder or file of `dataset_dir`.
"""

from __future__ import annotations

import codecs
import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import DataError, listing

Row = dict[str, Any]

_SUFFIXES = (".json", ".jsonl", ".parquet", ".arrow")
_INFO = "dataset_info.json"
_SPLITS = "dataset_dict.json"  # written by datasets' save_to_disk beside a folder for each split


@dataclass(frozen=True)
class Source:
    """Where the rows of a data set lie, and what its columns are called."""

    name: str
    path: Path
    files: tuple[Path, ...]
    columns: dict[str, str] = field(default_factory=dict)
    """LLaMA-Factory's role of a column -> the column: prompt, query, response, messages, images, label."""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.path if self.path.is_dir() else self.path.parent


def find_source(name: str, dataset_dir: Path) -> Source:
    """Raises DataError with the names that are there."""
    info = _read_info(dataset_dir)
    if name in info:
        return _described_source(name, dataset_dir, info[name])
    path = dataset_dir / name
    if path.is_file() and path.suffix in _SUFFIXES:
        return Source(name, path, (path,))
    if not path.is_dir():
        there = {
            entry.name for entry in _entries(dataset_dir) if entry.is_dir() and entry.name[0] != "."
        } | set(info)
        raise DataError(f"dataset {name!r} not found in {dataset_dir}; there are: {listing(there)}")
    return Source(name, path, _files_of(name, path))


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _read_info(dataset_dir: Path) -> dict[str, Any]:
    path = dataset_dir / _INFO
    if not path.is_file():
        return {}
    info = _read_json(path)
    if not isinstance(info, dict):
        raise DataError(f"{path}: is not a mapping of data set names")
    return info


def _described_source(name: str, dataset_dir: Path, entry: Any) -> Source:
    where = f"{dataset_dir / _INFO}: {name}"
    file_name = entry.get("file_name") if isinstance(entry, dict) else None
    if not isinstance(file_name, str):
        raise DataError(f"{where} has no file_name; only local files are read")
    path = dataset_dir / file_name
    if not path.exists():
        raise DataError(
            f"{where}: {path} does not exist; there are: {listing(e.name for e in _entries(dataset_dir))}"
        )
    files = _files_of(name, path) if path.is_dir() else (path,)
    return Source(name, path, files, _names(where, entry, "columns"), _names(where, entry, "tags"))


def _names(where: str, entry: dict[str, Any], key: str) -> dict[str, str]:
    names = entry.get(key) or {}
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise DataError(f"{where}: {key} is not a mapping of names to names")
    return names


def _files_of(name: str, folder: Path) -> tuple[Path, ...]:
    if (folder / "state.json").is_file():  # written by datasets' save_to_disk, which lists its shards there
        return tuple(folder / name for name in _shards(folder / "state.json"))
    if (folder / _SPLITS).is_file():
        splits = listing(f"{name}/{path.parent.name}" for path in folder.glob("*/state.json"))
        raise DataError(f"dataset {name!r}: {folder} holds several splits; name one of them: {splits}")
    files = tuple(path for path in _entries(folder) if path.suffix in _SUFFIXES and path.name != _INFO)
    if not files:
        raise DataError(f"dataset {name!r}: {folder} holds no {', '.join(_SUFFIXES)} file")
    return files


def _shards(state: Path) -> list[str]:
    try:
        return [item["filename"] for item in _read_json(state)["_data_files"]]
    except (KeyError, TypeError):
        raise DataError(f"{state}: lists no files, as datasets' save_to_disk does; remove it") from None


def read_rows(source: Source, limit: int | None = None) -> list[Row]:
    """All rows of all files, in the order of the files' names."""
    rows: list[Row] = []
    for path in source.files:
        for row in _READERS.get(path.suffix, _read_jsonl)(path):
            if not isinstance(row, dict):
                raise DataError(f"{path}: row {len(rows)} is {type(row).__name__}, not a mapping of columns")
            rows.append(row)
            if limit is not None and len(rows) == limit:
                return rows
    if not rows:
        raise DataError(f"dataset {source.name!r} is empty: {listing(source.files)} holds no row")
    return rows


def fingerprint(source: Source) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the files' bytes. Raises DataError."""
    return _fingerprint(source.files)


@functools.cache  # asked for before anything heavy is imported, and again when the rows are read
def _fingerprint(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()[:16]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())  # with or without a byte order mark
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _read_array(path: Path) -> Iterator[Any]:
    """A JSON array of rows, or JSON lines under the name .json as datasets' to_json writes them."""
    with path.open("rb") as file:
        start = file.read(64).removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith(b"["):
        yield from _read_json(path)
    else:
        yield from _read_jsonl(path)


def _read_jsonl(path: Path) -> Iterator[Any]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: is not a JSON row: {error}") from None


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _read_arrow(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.ipc

    try:
        with pyarrow.memory_map(str(path)) as mapped, pyarrow.ipc.open_stream(mapped) as reader:
            for batch in reader:
                yield from batch.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


_READERS = {".json": _read_array, ".jsonl": _read_jsonl, ".parquet": _read_parquet, ".arrow": _read_arrow}
