"""Which sweep a command is about, and which runs its words name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lrdash.errors import UsageError
from lrdash.sweep.spec import Run, Sweep

PATTERN = "sbatch/*/sweep.yaml"


def find_sweep_files(start: Path) -> list[Path]:
    """The sweep files of the nearest directory, upwards from `start`, that has any."""
    start = start.resolve()
    for directory in (start, *start.parents):
        if files := sorted(directory.glob(PATTERN)):
            return files
    return []


def find_run(sweep: Sweep, words: str) -> Run:
    """The run meant by its name, a unique part of it, or `group:index`.

    Raises:
        UsageError: no run or more than one is meant.
    """
    exact = [run for run in sweep.runs if words in (run.name, run.key)]
    matches = exact or [run for run in sweep.runs if words in run.name]
    if len(matches) == 1:
        return matches[0]
    names = ", ".join(f"{run.key} {run.name}" for run in matches or sweep.runs)
    problem = "means several runs" if matches else "is no run of this sweep"
    raise UsageError(f"{words!r} {problem}; runs are: {names}")


def find_runs(sweep: Sweep, words: Sequence[str]) -> tuple[Run, ...]:
    """The runs meant by several words, each once, in the order of the sweep."""
    meant = {find_run(sweep, word).name for word in words}
    return tuple(run for run in sweep.runs if run.name in meant)
