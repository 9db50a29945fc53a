"""What a finished run no longer needs, and removing it: optimizer states, all checkpoints but the newest."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lrdash.control.outcome import has_results
from lrdash.errors import ConfigError, UsageError
from lrdash.launch.progress import checkpoint_step
from lrdash.sweep.paths import saves_dir
from lrdash.sweep.spec import Run, Sweep

# The bundled trainer's, transformers' own, accelerate's FSDP, DeepSpeed's.
_OPTIMIZER_STATES = (
    "optimizer.safetensors",
    "optimizer.json",
    "optimizer.pt",
    "optimizer.bin",
    "optimizer_0",
    "global_step*",
)
_CHECKPOINT = re.compile(r"checkpoint-(epoch)?\d+")
_LEFTOVER = re.compile(r"\.(writing|trash)-.+")


@dataclass(frozen=True)
class Removal:
    """A file or folder that would go."""

    run: Run
    path: Path
    size_bytes: int


def plan_cleaning(sweep: Sweep, runs: Iterable[Run]) -> tuple[Removal, ...]:
    """What would be removed; made without side effects.

    Raises:
        UsageError: a run has not finished.
    """
    runs = tuple(runs)
    for run in runs:
        if not has_results(sweep, run):
            raise UsageError(
                f"{run.key} {run.name} has no predict_results.json: only finished runs are cleaned"
            )
    return tuple(removal for run in runs for removal in _removals(sweep, run))


def remove(removals: Iterable[Removal]) -> int:
    """Remove them and return the bytes that became free.

    Raises:
        ConfigError: something cannot be removed.
    """
    freed = 0
    for removal in removals:
        try:
            if removal.path.is_dir() and not removal.path.is_symlink():
                shutil.rmtree(removal.path)
            else:
                removal.path.unlink()
        except OSError as error:
            raise ConfigError(f"{error.filename}: cannot be removed: {error.strerror}") from None
        freed += removal.size_bytes
    return freed


def _removals(sweep: Sweep, run: Run) -> Iterator[Removal]:
    folder = saves_dir(sweep, run)
    checkpoints = [path for path in folder.glob("checkpoint-*") if _CHECKPOINT.fullmatch(path.name)]
    newest = max(checkpoints, key=checkpoint_step, default=None)
    leftovers = [path for path in folder.glob(".*") if _LEFTOVER.fullmatch(path.name)]
    outdated = [path for path in checkpoints if path != newest]
    # What a link leads to is another folder's.
    inside = newest if newest and not newest.is_symlink() else None
    states = [path for name in _OPTIMIZER_STATES for path in inside.glob(name)] if inside else []
    for path in sorted(outdated) + leftovers + states:
        yield Removal(run, path, _size(path))


def _size(path: Path) -> int:
    """What its removal frees: of a link, the link alone."""
    if path.is_symlink():
        return path.lstat().st_size
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.lstat().st_size for file in files if file.is_file())
