"""Whether a run starts afresh, goes on from a checkpoint, or is already done; and the marker of a stop."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer import checkpoints, results
from trainer.arguments import Arguments, arguments_hash
from trainer.checkpoints import SavedCheckpoint
from trainer.data.sources import find_source, fingerprint
from trainer.errors import CheckpointError, listing
from trainer.files import half_written, read_json, write_json

_FLAGS = {"train": "dataset", "eval": "eval_dataset"}


def fingerprints(arguments: Arguments) -> dict[str, str]:
    """`train` and `eval` -> the fingerprint of its files, as far as they are read. Raises DataError."""
    named = {part: getattr(arguments, flag) for part, flag in _FLAGS.items()}
    if not arguments.do_train:
        del named["train"]
    folder = Path(arguments.dataset_dir)
    return {part: fingerprint(find_source(name, folder)) for part, name in named.items() if name}


def check_folders(arguments: Arguments) -> None:
    """Raises CheckpointError if output_dir or results_dir cannot be made or written to."""
    for flag, folder in (("output_dir", arguments.output), ("results_dir", arguments.results)):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not there.is_dir():
            raise CheckpointError(f"--{flag} {folder}: {there} is no folder; give another --{flag}")
        if not os.access(there, os.W_OK | os.X_OK):
            raise CheckpointError(f"--{flag} {folder}: {there} cannot be written to; give another --{flag}")


def choose_checkpoint(
    arguments: Arguments, processes: int, data: Mapping[str, str]
) -> SavedCheckpoint | None:
    """The checkpoint to go on from; None to start afresh. Raises CheckpointError when neither is safe."""
    chosen = find_checkpoint_to_resume(arguments, processes)
    if chosen is None:
        return None
    _check_same_data(chosen.folder, chosen.progress.data, arguments, data)
    if not chosen.can_resume:
        raise CheckpointError(
            f"{chosen.folder} lacks the optimizer's state, so it cannot be continued exactly;"
            " --overwrite_output_dir starts afresh"
        )
    return chosen


def find_checkpoint_to_resume(arguments: Arguments, processes: int) -> SavedCheckpoint | None:
    """The same as far as the arguments decide it: no data set is read."""
    if not arguments.do_train or arguments.overwrite_output_dir:
        return None
    if isinstance(arguments.resumes_from, Path):
        chosen = _named_checkpoint(arguments.resumes_from)
    else:
        saved = checkpoints.complete_checkpoints(arguments.output)
        if not saved or not arguments.resumes_from:
            _check_unused(arguments.output)
            return None
        chosen = saved[-1]
    checkpoints.check_same_run(chosen, arguments.that_matter(processes))
    return chosen


def _named_checkpoint(folder: Path) -> SavedCheckpoint:
    checkpoint = checkpoints.read_checkpoint(folder)
    if checkpoint is None:
        there = [saved.folder.name for saved in checkpoints.complete_checkpoints(folder.parent)]
        raise CheckpointError(
            f"{folder} is not a complete checkpoint; complete in {folder.parent}: {listing(there, 'none')}"
        )
    return checkpoint


def _check_unused(output: Path) -> None:
    """A run that starts afresh neither writes into a strange folder nor deletes a checkpoint unasked."""
    left = half_written(output, checkpoints.BESIDE)
    entries = [path.name for path in output.iterdir() if path not in left] if output.is_dir() else []
    if entries and checkpoints.ARGUMENTS not in entries:
        raise CheckpointError(
            f"{output} is not empty and holds no run of this trainer, but: {listing(entries)};"
            " give another --output_dir, or --overwrite_output_dir to train there all the same"
        )
    if held := checkpoints.folders(output):
        raise CheckpointError(
            f"{output} holds {listing(path.name for path in held)}, which starting afresh deletes;"
            " give another --output_dir, or --overwrite_output_dir to start afresh all the same"
        )


def _check_same_data(
    where: Path, saved: Mapping[str, Any], arguments: Arguments, data: Mapping[str, str]
) -> None:
    changed = [
        f"--{flag} {getattr(arguments, flag)}"
        for part, flag in _FLAGS.items()
        if saved.get(part) not in (None, data.get(part))
    ]
    if changed:
        raise CheckpointError(
            f"{where} is of other data: {' and '.join(changed)} changed since;"
            " restore the rows, or give another --output_dir, or --overwrite_output_dir to start afresh"
        )


def check_same_labels(checkpoint: SavedCheckpoint, names: Sequence[str]) -> None:
    """Raises CheckpointError if the classes, or their order, are not those of the checkpoint's head."""
    saved = checkpoint.progress.data.get("label_names")
    if saved is not None and list(saved) != list(names):
        raise CheckpointError(
            f"{checkpoint.folder} was trained on the labels {', '.join(saved)}, not {', '.join(names)};"
            " give another --output_dir, or --overwrite_output_dir to start afresh"
        )


def is_finished(arguments: Arguments, processes: int, data: Mapping[str, str]) -> bool:
    """Whether the results of exactly this run are there. Raises CheckpointError if the data have changed."""
    meta = read_json(arguments.results / results.RUN_META)
    if meta is None or arguments.overwrite_output_dir or not arguments.do_train:
        return False
    same = meta.get("arguments_hash") == arguments_hash(arguments.that_matter(processes))
    predicted = not arguments.do_predict or (arguments.results / results.PREDICTIONS).is_file()
    if not (same and meta.get("finished") and predicted):
        return False
    read = {part: (about or {}).get("fingerprint") for part, about in (meta.get("datasets") or {}).items()}
    _check_same_data(arguments.results, read, arguments, data)
    return True


def write_marker(output: Path, step: int, epoch: float, signal: str, checkpoint: Path | None) -> None:
    """stopped.json: the run was asked to stop at this step, and may go on from this checkpoint."""
    marker: dict[str, Any] = {"step": step, "epoch": round(epoch, 6), "signal": signal}
    write_json(
        output / checkpoints.STOPPED, {**marker, "checkpoint": str(checkpoint) if checkpoint else None}
    )


def training_was_stopped(output: Path) -> bool:
    """Whether there is a marker of a training that may go on, not of a mere evaluation."""
    return (read_json(output / checkpoints.STOPPED) or {}).get("checkpoint") is not None


def remove_marker(output: Path) -> None:
    (output / checkpoints.STOPPED).unlink(missing_ok=True)
