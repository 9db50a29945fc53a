"""The only place that knows where a sweep's files lie under its root."""

from __future__ import annotations

import os
from pathlib import Path

from lrdash.sweep.spec import Run, Sweep

HIDDEN_PREVIOUS = ".previous"


def logs_dir(sweep: Sweep) -> Path:
    return sweep.root / "logs" / sweep.name


def submissions_dir(sweep: Sweep) -> Path:
    return logs_dir(sweep) / "submissions"


def saves_dir(sweep: Sweep, run: Run) -> Path:
    return sweep.root / "saves" / sweep.name / run.name


def results_dir(sweep: Sweep, run: Run) -> Path:
    return sweep.root / "results" / sweep.name / run.name


def previous_results_dir(sweep: Sweep) -> Path:
    """Where a fresh start moves the results that it replaces."""
    return sweep.root / "results" / sweep.name / HIDDEN_PREVIOUS


def resolve(sweep: Sweep, path: str) -> Path:
    """A path of sweep.yaml: relative ones are relative to the root."""
    return sweep.root / os.path.expanduser(path)


def dataset_dir(sweep: Sweep, run: Run) -> Path:
    return resolve(sweep, str(run.args.get("dataset_dir") or "data"))


def is_local_model(sweep: Sweep, model_name_or_path: str) -> bool:
    """Whether a model name is a folder rather than a hub id."""
    return model_name_or_path.startswith(("/", ".", "~")) or resolve(sweep, model_name_or_path).exists()
