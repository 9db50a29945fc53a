"""How far a run's checkpoints are: what decides whether another start would get anywhere."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

_SOURCES = (("complete", "step"), ("trainer_state.json", "global_step"))
"""The bundled trainer's marker, written when a checkpoint is whole; what transformers' Trainer saves."""


def saved_step(saves: Path) -> int:
    """The step of the newest checkpoint in a run's folder; 0 without any."""
    return max(map(checkpoint_step, saves.glob("checkpoint-*")), default=0)


def written_files(*folders: Path) -> dict[Path, int]:
    """The files of a run and when each was last written to, in nanoseconds."""
    found = {}
    for path in (path for folder in folders for path in folder.rglob("*")):
        with suppress(OSError):  # removed at this moment
            found[path] = path.stat().st_mtime_ns
    return found


def checkpoint_step(checkpoint: Path) -> int:
    """The optimizer step at which a checkpoint was saved; 0 when it does not tell."""
    return max(_number(checkpoint / name, key) for name, key in _SOURCES)


def _number(file: Path, key: str) -> int:
    try:
        number = json.loads(file.read_bytes())[key]
    except (OSError, ValueError, KeyError, TypeError):
        return 0  # removed or replaced at this moment, or not ours
    return number if isinstance(number, int) else 0
