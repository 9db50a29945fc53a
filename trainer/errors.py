"""Everything that the trainer raises on purpose; the text is one line: what failed, on what, what to do.

TrainerError             exit 2: nothing was trained
├── ArgumentsError       flags that are unknown, missing or contradict each other
├── DataError            a data set, a row, an image or a label
├── ModelError           a starting checkpoint that is absent or does not fit
├── CheckpointError      a checkpoint or an output folder that cannot be used
└── TrainingError        exit 1: training had begun
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class TrainerError(Exception):
    """An expected failure; `str(error)` is shown to the user as it is."""

    exit_code = 2


class ArgumentsError(TrainerError):
    """Flags that are unknown, missing or contradict each other."""


class DataError(TrainerError):
    """A data set, a row, an image or a label that cannot be used."""


class ModelError(TrainerError):
    """A starting checkpoint that is absent or does not fit."""


class CheckpointError(TrainerError):
    """A checkpoint or an output folder that cannot be used."""


class TrainingError(TrainerError):
    """Training had begun and cannot go on."""

    exit_code = 1


def listing(names: Iterable[str | Path], none: str = "nothing", most: int = 8) -> str:
    """`a, b, c and 4 more`, for the end of an error line."""
    shown = sorted(str(name) for name in names)
    if not shown:
        return none
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
