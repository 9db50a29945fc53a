"""What a run has written about itself so far: metrics by epoch, final metrics, how it was run.

A run's epochs are taken from the first of these that has any (docs/results-formats.md): `epochs` of
all_results.json, the trainer_state.json with the largest global step, trainer_log.jsonl, flat
*_results.json. Dict lines of a log are the monitor's to add.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lrdash.results.documents import (
    RunMeta,
    RunResults,
    attempt_of,
    epoch_rows,
    parse_labels,
    parse_meta,
)
from lrdash.results.steps import StepReader, StepSeries
from lrdash.results.values import Row, UnreadableError, number, numbers, read_json

TRAINER_LOG = "trainer_log.jsonl"
PREDICTIONS = "generated_predictions.jsonl"


class ResultsReader:
    """Reads run folders again and again; unchanged files are read once.

    Not thread-safe: one worker a reader.
    """

    def __init__(self) -> None:
        self._files: dict[Path, tuple[tuple[int, int, int], Any]] = {}
        self._logs: dict[Path, StepReader] = {}

    def read(self, results_dir: Path, saves_dir: Path) -> RunResults:
        """Everything known now; of a half-written file, what it said when it was last whole."""
        return _Pass(self, results_dir, saves_dir).results()

    def steps(self, results_dir: Path, saves_dir: Path) -> StepSeries:
        """The training curve: trainer_log.jsonl, else the log_history of the newest trainer_state.json."""
        return _Pass(self, results_dir, saves_dir).steps()

    def load(self, path: Path, errors: list[str]) -> Any:
        """A JSON file's content, from memory when it has not changed; None when there is none.

        A file that cannot be read goes to `errors` and answers with its last good content.
        """
        try:
            status = path.stat()
        except OSError:
            self._files.pop(path, None)
            return None
        key = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._files.get(path)
        if known is None or known[0] != key:
            try:
                known = (key, read_json(path))
            except FileNotFoundError:
                return None
            except UnreadableError as error:
                errors.append(str(error))
                return known[1] if known else None
            self._files[path] = known
        return known[1]

    def log(self, path: Path) -> StepSeries:
        return self._logs.setdefault(path, StepReader(path)).read()


class _Pass:
    """One look at a run's folders."""

    def __init__(self, reader: ResultsReader, results_dir: Path, saves_dir: Path) -> None:
        self.reader = reader
        self.folders = list(dict.fromkeys((results_dir, saves_dir)))
        self.errors: list[str] = []
        self.modified: list[float] = []

    def results(self) -> RunResults:
        meta, predict = self._meta(), self._find("predict_results.json")
        document = self._all_results()
        found = RunResults(
            predict=numbers(predict) if isinstance(predict, dict) else None,
            summary=self._summary(document),
            meta=meta,
            labels=parse_labels(document.get("lrdash")),
            predictions=self._existing(PREDICTIONS),
        )
        found = self._with_epochs(found, document)
        return replace(found, modified=max(self.modified, default=None), error="; ".join(self.errors) or None)

    def steps(self) -> StepSeries:
        if path := self._existing(TRAINER_LOG):
            return self.reader.log(path)
        state = self._trainer_state(_not_before(self._meta()))
        total = number(state.get("max_steps")) if state else None
        return replace(
            StepSeries.of_rows(_rows(state)), total_steps=int(total) if total and total > 0 else None
        )

    def _meta(self) -> RunMeta | None:
        raw = self._find("run_meta.json")
        return parse_meta(raw) if isinstance(raw, dict) else None

    def _with_epochs(self, found: RunResults, document: dict[str, Any]) -> RunResults:
        rows = document.get("epochs", document.get("log_history"))
        if epochs := epoch_rows(rows.values() if isinstance(rows, dict) else rows):
            attempt = attempt_of(document.get("lrdash"))
            return replace(found, epochs=epochs, source="all_results.json", attempt=attempt)
        state = self._trainer_state(_not_before(found.meta))
        if state is not None:
            found = replace(found, planned_epochs=number(state.get("num_train_epochs")))
        if epochs := epoch_rows(_rows(state)):
            return replace(found, epochs=epochs, source="trainer_state.json")
        log = self._existing(TRAINER_LOG)
        if log and (epochs := epoch_rows(self.reader.log(log).evaluations())):
            return replace(found, epochs=epochs, source=TRAINER_LOG)
        if epochs := epoch_rows([found.summary]):
            return replace(found, epochs=epochs, source="all_results.json" if document else "*_results.json")
        return found

    def _all_results(self) -> dict[str, Any]:
        content = self._find("all_results.json")
        if isinstance(content, list):  # a fork's "all epoch results"
            return {"epochs": content}
        return content if isinstance(content, dict) else {}

    def _summary(self, document: dict[str, Any]) -> Row:
        parts = [
            numbers(self._find(f"{split}_results.json")) for split in ("train", "eval", "test", "predict")
        ]
        return {key: value for part in (*parts, numbers(document)) for key, value in part.items()}

    def _trainer_state(self, not_before: float) -> dict[str, Any] | None:
        """The one with the largest global step, of the run's folders and its checkpoints."""
        paths = [
            path
            for folder in self.folders
            for pattern in ("trainer_state.json", "checkpoint-*/trainer_state.json")
            for path in sorted(folder.glob(pattern))
        ]
        states = [state for path in paths if _mtime(path) >= not_before and (state := self._load(path))]
        usable = [state for state in states if isinstance(state, dict)]
        return max(usable, key=lambda state: number(state.get("global_step")) or 0.0, default=None)

    def _find(self, name: str) -> Any:
        """The content of a file of this name, in the results folder first."""
        contents = (self._load(folder / name) for folder in self.folders)
        return next((content for content in contents if content is not None), None)

    def _load(self, path: Path) -> Any:
        content = self.reader.load(path, self.errors)
        if content is not None:
            self.modified.append(_mtime(path))
        return content

    def _existing(self, name: str) -> Path | None:
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)


def _not_before(meta: RunMeta | None) -> float:
    """A fresh start leaves the checkpoints of the attempt before it behind: their epochs are not its own."""
    return 0.0 if meta is None or meta.resumed_from else meta.started_at or 0.0


def _rows(state: dict[str, Any] | None) -> list[dict[str, Any]]:
    rows = state.get("log_history") if state else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
