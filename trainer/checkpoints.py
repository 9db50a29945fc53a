"""Checkpoints of a run: named by epoch, complete or not there, the last few kept.

`checkpoint-epochN` at the end of an epoch; `checkpoint-<step>` (transformers' own name) where a signal
stopped the run, until the next epoch's. A checkpoint is written in a hidden folder, its marker `complete`
last, and then renamed. Only the newest keeps the optimizer's state, most of its size; the others are models
to load.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import CheckpointError
from trainer.files import half_written, make_readable, read_json, remove_folder, sync_folder, write_json
from trainer.model.parts import FROZEN

COMPLETE = "complete"
OPTIMIZER = "optimizer.safetensors"
STATE = "optimizer.json"
ARGUMENTS = "arguments.json"
STOPPED = "stopped.json"
BESIDE = (ARGUMENTS, STOPPED)
"""Written where the checkpoints are, by way of a file of another name."""
_HIDDEN = (".writing-", ".trash-")
_EPOCH = re.compile(r"checkpoint-epoch\d+")
_NAME = re.compile(r"checkpoint-(epoch)?\d+")


@dataclass(frozen=True)
class Progress:
    """How far a run was when the checkpoint was written; the content of the marker."""

    step: int
    epoch: float
    epoch_loss: float
    """Sum of the losses of the steps of the current epoch."""
    rates: Mapping[str, float]
    """The rate of each part in the last step."""
    arguments: Mapping[str, Any]
    """Those that decide the result."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fingerprints of the data, and label_names; empty in markers of before these were noted."""

    @property
    def at_epoch_end(self) -> bool:
        return self.epoch.is_integer()


@dataclass(frozen=True)
class SavedCheckpoint:
    folder: Path
    progress: Progress

    @property
    def can_resume(self) -> bool:
        return (self.folder / OPTIMIZER).is_file() and (self.folder / STATE).is_file()


def name_of(step: int, epoch: float) -> str:
    return f"checkpoint-epoch{round(epoch)}" if float(epoch).is_integer() else f"checkpoint-{step}"


def writing_folder(output: Path, name: str) -> Path:
    return output / f"{_HIDDEN[0]}{name}"


def publish(output: Path, name: str, progress: Progress) -> Path:
    """Mark the written checkpoint complete and give it its name; a checkpoint of that name goes first."""
    folder, target = writing_folder(output, name), output / name
    make_readable(folder)
    for path in folder.iterdir():
        _sync(path)
    write_json(folder / COMPLETE, vars(progress))
    sync_folder(folder)
    if target.exists():
        remove_folder(target)
    folder.rename(target)
    sync_folder(output)
    return target


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rotate(output: Path, keep: int | None) -> None:
    """Keep the last `keep` epochs, and no more than one optimizer state: the newest checkpoint's."""
    saved = complete_checkpoints(output)
    newest = saved[-1]
    epochs = [checkpoint for checkpoint in saved if _EPOCH.fullmatch(checkpoint.folder.name)]
    stops = [checkpoint for checkpoint in saved if checkpoint not in epochs and checkpoint is not newest]
    outdated = epochs[: -keep if keep else 0] + stops
    for checkpoint in saved:
        if checkpoint in outdated and checkpoint is not newest:
            remove_folder(checkpoint.folder)
        elif checkpoint is not newest:
            for name in (OPTIMIZER, STATE):
                (checkpoint.folder / name).unlink(missing_ok=True)


def disk_bytes(parameters: Mapping[str, int], keep: int) -> int:
    """The most that checkpoints take: `keep` models and the one being written, two optimizer states.

    A model is 4 bytes a parameter; AdamW's state 8 bytes a trained one.
    """
    trained = sum(count for part, count in parameters.items() if part not in FROZEN)
    return (keep + 1) * 4 * sum(parameters.values()) + 2 * 8 * trained


def read_checkpoint(folder: Path) -> SavedCheckpoint | None:
    """None unless the folder is a complete checkpoint."""
    marker = read_json(folder / COMPLETE)
    if marker is None:
        return None
    try:
        return SavedCheckpoint(folder, Progress(**marker))
    except TypeError:
        return None


def folders(output: Path) -> list[Path]:
    """Whatever bears the name of a checkpoint, complete or not, of this run or another."""
    entries = output.iterdir() if output.is_dir() else ()
    return [path for path in entries if path.is_dir() and _NAME.fullmatch(path.name)]


def complete_checkpoints(output: Path) -> list[SavedCheckpoint]:
    """By step, the newest last."""
    saved = [checkpoint for path in folders(output) if (checkpoint := read_checkpoint(path)) is not None]
    return sorted(saved, key=lambda checkpoint: checkpoint.progress.step)


def clear_leftovers(output: Path) -> None:
    """Remove what a kill left half written or half deleted."""
    for path in half_written(output, BESIDE):
        path.unlink()
    for path in output.iterdir() if output.is_dir() else ():
        if path.is_dir() and path.name.startswith(_HIDDEN):
            remove_folder(path)


def remove_all(output: Path) -> None:
    """Remove every checkpoint of an earlier run, and the model linked to it: they are not this run's."""
    for folder in folders(output):
        for path in folder.iterdir():
            linked = output / path.name
            if linked.is_file() and linked.samefile(path):
                linked.unlink()
        remove_folder(folder)


def check_same_run(checkpoint: SavedCheckpoint, matters: Mapping[str, Any]) -> None:
    """Raises CheckpointError naming the arguments that differ."""
    saved = checkpoint.progress.arguments
    differing = sorted(key for key in matters.keys() | saved.keys() if matters.get(key) != saved.get(key))
    if differing:
        changes = ", ".join(f"{key}={saved.get(key)} (now {matters.get(key)})" for key in differing[:5])
        raise CheckpointError(
            f"{checkpoint.folder} was trained with other arguments: {changes};"
            " write the same ones, another --output_dir, or --overwrite_output_dir to start afresh"
        )
