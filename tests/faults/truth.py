"""What really happened in a sweep, and what nobody may then show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lrdash.monitor.snapshot import RunStatus, Snapshot
from tests.faults import workload

FRESH = "fresh"
"""Noted by the campaign: the run starts over, what was before is not its result."""


@dataclass(frozen=True)
class Note:
    """A line that a run wrote about itself."""

    what: str
    number: int
    job: str
    restart: int


class ProgramTruth:
    """Of runs that execute `workload.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def notes(self, run: str) -> list[Note]:
        """Of the newest start from nothing, and what resumed it."""
        path = self.folder / f"{run}.jsonl"
        text = path.read_text() if path.exists() else ""
        notes = [Note(**json.loads(line)) for line in text.splitlines() if line.endswith("}")]
        fresh = [at for at, note in enumerate(notes) if note.what == FRESH]
        return notes[fresh[-1] + 1 :] if fresh else notes

    def note_fresh(self, run: str) -> None:
        with (self.folder / f"{run}.jsonl").open("a") as file:
            file.write(json.dumps({"what": FRESH, "number": 0, "job": "", "restart": 0}) + "\n")

    def last(self, run: str, what: str) -> int:
        return max((note.number for note in self.notes(run) if note.what == what), default=0)

    def last_step(self, run: str) -> int:
        return self.last(run, "step")

    def starts(self, run: str) -> int:
        return sum(note.what == "started" for note in self.notes(run))

    def is_finished(self, run: str) -> bool:
        return self.last(run, "finished") > 0

    def epochs(self, run: str) -> int:
        return self.last(run, "epoch")

    def epoch_row(self, run: str, epoch: int) -> Mapping[str, Any]:
        return workload.epoch_row(run, epoch)

    def predicted(self, run: str) -> Mapping[str, Any]:
        return workload.predict_row(run)

    def losses(self, run: str) -> Iterator[str]:
        """Progress that was thrown away, and starts beside each other."""
        saved = 0
        for note in self.notes(run):
            if note.what == "doubled":
                yield f"{run} was started while it ran (job {note.job}, restart {note.restart})"
            elif note.what == "started" and note.number < saved:
                yield f"{run} went on from step {note.number}, though step {saved} was saved"
            elif note.what in ("epoch", "stopped"):
                saved = note.number * (workload.STEPS_PER_EPOCH if note.what == "epoch" else 1)


class TrainerTruth:
    """Of real trainings: what a run that was left alone has in its all_results.json."""

    def __init__(self, reference: Mapping[str, Any], root: Path) -> None:
        self._reference = reference
        self._root = root

    def last_step(self, run: str) -> int:
        """From the training curve, which no fault of a training touches before this is asked."""
        path = next(self._root.glob(f"results/*/{run}/trainer_log.jsonl"), None)
        lines = path.read_text().splitlines() if path else []
        steps = [json.loads(line)["current_steps"] for line in lines if line.endswith("}")]
        return max(steps, default=0)

    def starts(self, run: str) -> int:
        return 0

    def is_finished(self, run: str) -> bool:
        return bool(list(self._root.glob(f"results/*/{run}/predict_results.json")))

    def epochs(self, run: str) -> int:
        return len(self._reference["epochs"])

    def epoch_row(self, run: str, epoch: int) -> Mapping[str, Any]:
        row: Mapping[str, Any] = self._reference["epochs"][epoch - 1]
        return row

    def predicted(self, run: str) -> Mapping[str, Any]:
        return {key: value for key, value in self._reference.items() if key.startswith("predict_")}

    def losses(self, run: str) -> Iterator[str]:
        return iter(())


Truth = ProgramTruth | TrainerTruth
_MOMENTARY = ("runtime", "per_second", "jit_compilation_time", "model_preparation_time")


def violations(snapshot: Snapshot, truth: Truth) -> Iterator[str]:
    """What a snapshot says that is not so. `truth` is read after it was made: never behind it."""
    for run in snapshot.runs:
        for problem in _false_words(run, truth):
            yield f"{run.key}: {problem}"
    for name in ("queue", "accounting", "logs", "results"):
        age = getattr(snapshot.sources, name).age_seconds
        if age is not None and age < 0:
            yield f"{name} is {age} s old"


def _false_words(run: RunStatus, truth: Truth) -> Iterator[str]:
    shown = run.metrics
    for row in shown.epochs:
        epoch = int(row["epoch"] or 0)
        if epoch > truth.epochs(run.run) or epoch < 1:
            yield f"shows epoch {row['epoch']}, {truth.epochs(run.run)} are over (from {shown.source})"
        else:
            yield from _different(row, truth.epoch_row(run.run, epoch), f"epoch {epoch} from {shown.source}")
    if shown.predict:
        yield from _different(shown.predict, truth.predicted(run.run), "the final metrics")
    step = run.progress.step
    if step is not None and step > truth.last_step(run.run) > 0:
        yield f"shows step {step}, it came to {truth.last_step(run.run)}"
    if run.state == "COMPLETED" and not truth.is_finished(run.run):
        yield "is shown as COMPLETED and is not"
    for name in ("elapsed_seconds",):
        if (getattr(run, name) or 0) < 0:
            yield f"{name} is {getattr(run, name)}"
    if (run.progress.eta_seconds or 0) < 0:
        yield f"eta_seconds is {run.progress.eta_seconds}"


def _different(shown: Mapping[str, Any], true: Mapping[str, Any], what: str) -> Iterator[str]:
    """Metrics of evaluations; a loss of the training is a mean over different rows in every source."""
    for key, value in shown.items():
        is_metric = key.startswith(("eval_", "predict_")) and not key.endswith(_MOMENTARY)
        if is_metric and value is not None and value != pytest.approx(true.get(key), rel=1e-6):
            yield f"{what}: {key} is shown as {value}, it is {true.get(key)}"


def unfinished(snapshot: Snapshot, truth: Truth, keys: list[str]) -> Iterator[str]:
    """What is missing at the end of runs that were to be completed."""
    for key in keys:
        run = snapshot.find(key)
        if run is None:
            yield f"{key} is lost"
            continue
        if run.state != "COMPLETED":
            yield f"{key} is {run.state} ({run.reason})"
        elif len(run.metrics.epochs) != truth.epochs(run.run) or not run.metrics.predict:
            shown = [row["epoch"] for row in run.metrics.epochs]
            yield f"{key}: of {truth.epochs(run.run)} epochs and the final metrics, {shown} are shown"
