"""Files that are either whole or not there."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import uuid
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_UMASK = os.umask(0o077)
os.umask(_UMASK)
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{8}")


def without_nan(value: Any) -> Any:
    """NaN and infinities as null: Python would write them as bare words that are no JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    return [without_nan(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A failure that names no file, such as that of a full disk, gets the name of this one."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """Write beside the file, sync, then rename: readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with naming(path):
            with temporary.open("w", encoding="utf-8") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def half_written(folder: Path, names: Container[str]) -> list[Path]:
    """What a kill left of files of these names that were being replaced."""
    found = {path: _TEMPORARY.fullmatch(path.name) for path in folder.glob(".*")}
    return [path for path, match in found.items() if match and match[1] in names]


def end_at_a_whole_line(path: Path) -> None:
    """Cut off the line that a kill or a full disk left half written: the next one would be glued to it."""
    if path.is_file():
        with path.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def write_json(path: Path, value: Any) -> None:
    with replacing(path) as file:
        json.dump(without_nan(value), file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The mapping in a file; None when it is absent, half written or something else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def make_readable(folder: Path) -> None:
    """Give every file the mode that the umask asks for; safetensors lets only the owner read."""
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(0o666 & ~_UMASK)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_folder(folder: Path, rmtree: Callable[..., None] = shutil.rmtree) -> None:
    """Rename, then delete: a folder that is half deleted never bears its own name."""
    trash = folder.with_name(f".trash-{uuid.uuid4().hex[:8]}")
    folder.rename(trash)
    rmtree(trash, ignore_errors=True)
