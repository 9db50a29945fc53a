"""Whether a run starts afresh, goes on from a checkpoint, or is already done; and the marker of a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainer import checkpoints, results
from trainer.arguments import Arguments, arguments_hash
from trainer.checkpoints import SavedCheckpoint
from trainer.errors import CheckpointError, listing
from trainer.files import read_json, write_json

STOPPED = "stopped.json"


def choose_checkpoint(arguments: Arguments, processes: int) -> SavedCheckpoint | None:
    """The checkpoint to go on from; None to start afresh. Raises CheckpointError when neither is safe."""
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
    if not chosen.can_resume:
        raise CheckpointError(
            f"{chosen.folder} lacks the optimizer's state, so it cannot be continued exactly;"
            " --overwrite_output_dir starts afresh"
        )
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
    entries = [path.name for path in output.iterdir()] if output.is_dir() else []
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


def is_finished(arguments: Arguments, processes: int) -> bool:
    """Whether the results of exactly this run are already there."""
    meta = read_json(arguments.results / results.RUN_META)
    if meta is None or arguments.overwrite_output_dir or not arguments.do_train:
        return False
    same = meta.get("arguments_hash") == arguments_hash(arguments.that_matter(processes))
    predicted = not arguments.do_predict or (arguments.results / results.PREDICTIONS).is_file()
    return bool(same and meta.get("finished") and predicted)


def write_marker(output: Path, step: int, epoch: float, signal: str, checkpoint: Path | None) -> None:
    """stopped.json: the run was asked to stop at this step, and may go on from this checkpoint."""
    marker: dict[str, Any] = {"step": step, "epoch": round(epoch, 6), "signal": signal}
    write_json(output / STOPPED, {**marker, "checkpoint": str(checkpoint) if checkpoint else None})


def remove_marker(output: Path) -> None:
    (output / STOPPED).unlink(missing_ok=True)
