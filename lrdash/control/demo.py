"""A workspace for the demo: the experiment's sweep, on tiny models and real data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from lrdash.errors import ConfigError, UsageError
from lrdash.sweep.experiment import FOLDER, experiment_dir

MARK = ".lrdash-demo.json"
EFFECTIVE_BATCH_SIZE = 16

_GROUP_ARGS: Mapping[str, Mapping[str, Any]] = {
    "text": {
        "model_name_or_path": "models/text",
        "dataset": "python_docstrings_train",
        "eval_dataset": "python_docstrings_test",
        "cutoff_len": 40,
    },
    "vision": {
        "model_name_or_path": "models/vision",
        "dataset": "python_pages_train",
        "eval_dataset": "python_pages_test",
        "image_max_pixels": 112 * 112,
    },
}
_HEADER = """\
# The experiment's six runs at the experiment's learning rates, on tiny models and real data, on this machine.
# Made by `lrdash demo` from the experiment's own sweep.yaml. What differs: models, data, no GPU, batch split.
"""


class DemoWorkspace(msgspec.Struct, frozen=True):
    """How a demo workspace is made; kept in it, so that a second call opens it, or goes on making it."""

    rows: int
    processes: int

    def __str__(self) -> str:
        return f"--rows {self.rows} --processes {self.processes}"


def sweep_file(folder: Path) -> Path:
    """Written last: a workspace that has it is whole."""
    return folder / "sbatch" / FOLDER / "sweep.yaml"


def start_workspace(folder: Path, workspace: DemoWorkspace) -> None:
    """Mark a new folder as ours, before anything else is in it.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_bytes(msgspec.json.encode(workspace))
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made: {error.strerror}; give another folder") from None


def open_workspace(folder: Path) -> DemoWorkspace | None:
    """How `folder` was made, or None where nothing is there yet.

    Raises:
        UsageError: the folder is somebody else's.
    """
    try:
        return msgspec.json.decode((folder / MARK).read_bytes(), type=DemoWorkspace)
    except FileNotFoundError:
        pass
    except (msgspec.DecodeError, OSError) as error:
        raise UsageError(f"{folder / MARK}: {error}; give another folder: lrdash demo DIR") from None
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder}: is not empty and not a demo workspace; give another folder: lrdash demo DIR"
        )
    return None


def write_sweep(folder: Path, workspace: DemoWorkspace) -> Path:
    """Write the sweep's files into a workspace whose models and data are there; returns sweep.yaml."""
    target = sweep_file(folder)
    left_out = shutil.ignore_patterns("__pycache__", target.name)
    shutil.copytree(experiment_dir(), target.parent, dirs_exist_ok=True, ignore=left_out)
    document = yaml.safe_load((experiment_dir() / target.name).read_text())
    (folder / "logs" / document["name"]).mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(".new")
    new.write_text(_HEADER + yaml.safe_dump(_tiny(document, workspace), sort_keys=False))
    new.rename(target)
    return target


def _tiny(document: dict[str, Any], workspace: DemoWorkspace) -> dict[str, Any]:
    document["require_gpu"] = False
    for name, group in document["groups"].items():
        group["processes"] = workspace.processes
        group["args"].update(
            _GROUP_ARGS[name],
            per_device_train_batch_size=EFFECTIVE_BATCH_SIZE // workspace.processes,
            gradient_accumulation_steps=1,
            per_device_eval_batch_size=50,
        )
    return document
