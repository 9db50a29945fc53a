"""Runs without a sweep file, watched: stock transformers Trainer folders, LLaMA-Factory's, our trainer's."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import structs

from lrdash.errors import ResultsError
from lrdash.logs.scanner import LogScanner
from lrdash.monitor.evidence import NO_FACTS, RunEvidence
from lrdash.monitor.forecast import forecast
from lrdash.monitor.join import run_metrics
from lrdash.monitor.snapshot import Attempt, LogPaths, RunStatus, Snapshot, Source, Sources
from lrdash.results.documents import RunResults
from lrdash.results.foreign import ForeignRun, find_runs
from lrdash.results.history import TRAINER_LOG, ResultsReader
from lrdash.results.values import number

FILES_SECONDS = 2.0
NEVER_SECONDS = 3600.0
SEARCH_SECONDS = 30.0
"""Runs that have appeared are looked for as often."""
SILENT_SECONDS = 600.0
"""A run that has written nothing for so long is not said to end: there is no queue that knows it to run."""
LOG_PATTERNS = ("running_log.txt", "*.out", "*.log", "*log*.txt")
"""Not every .txt: a tokenizer's vocab.txt and merges.txt lie beside the model."""
ERROR_PATTERNS = ("*.err",)


def foreign_snapshot(folders: Sequence[Path]) -> Snapshot:
    """One look at the runs in these folders.

    Raises:
        ResultsError: a folder is missing or holds no run.
    """
    return ForeignMonitor(folders).poll_files()


class ForeignMonitor:
    """The runs in and below some folders; there is no queue to ask."""

    queue_interval = NEVER_SECONDS
    files_interval = FILES_SECONDS
    command_log: Sequence[Any] = ()

    def __init__(self, folders: Sequence[Path], clock: Callable[[], float] = time.time) -> None:
        self.runs = find_runs(folders)
        self._folders = folders
        self._searched_at = clock()
        self.name = ", ".join(folder.resolve().name for folder in folders)
        self._clock = clock
        self._reader = ResultsReader()
        self._scanner = LogScanner()
        self.snapshot = self._take((), Source("off"), Source("off"))

    def poll_queue(self) -> Snapshot:
        return self.snapshot

    def poll_files(self) -> Snapshot:
        """Read what is new in every folder; blocks. Now and then with a search for new runs."""
        missing = self._search() if self._clock() - self._searched_at >= SEARCH_SECONDS else ()
        looks = [self._look(run) for run in self.runs]
        results = [look.results.error for look in looks if look.results.error]
        logs = [problem for look in looks for problem in look.problems]
        runs = [look.status for look in looks]
        self.snapshot = self._take(runs, _source(logs), _source([*missing, *results]))
        return self.snapshot

    def _search(self) -> Sequence[str]:
        """Take up new runs; what is wrong where the folders are gone, and the known runs stay."""
        self._searched_at = self._clock()
        try:
            self.runs = find_runs(self._folders)
        except ResultsError as error:
            return (str(error),)
        return ()

    def wake(self) -> None:
        """Nobody can be asked to change anything."""

    def close(self) -> None:
        """Nothing runs and nothing is kept: foreign folders are only read."""

    def _take(self, runs: Sequence[RunStatus], logs: Source, results: Source) -> Snapshot:
        at = datetime.fromtimestamp(self._clock()).astimezone().isoformat(timespec="milliseconds")
        sources = Sources(logs=logs, results=results)
        return Snapshot(sweep=self.name, taken_at=at, sources=sources, runs=tuple(runs))

    def _look(self, run: ForeignRun) -> _Look:
        results = self._reader.read(run.folder, run.folder)
        steps = self._reader.steps(run.folder, run.folder)
        logs = find_logs(run.folder)
        facts = NO_FACTS
        problems: tuple[str, ...] = ()
        if logs.out or logs.err:
            absent = run.folder / ".no-such-log"
            streams = Path(logs.out or absent), Path(logs.err or absent)
            facts = self._scanner.scan(*streams)[-1]
            problems = self._scanner.problems(*streams)
        evidence = RunEvidence(now=self._clock(), facts=facts, results=results, steps=steps)
        meta, progress = results.meta, forecast(evidence)
        if not _goes_on(run.folder, evidence):
            progress = structs.replace(progress, eta_seconds=None, eta_range_seconds=None)
        status = RunStatus(
            run=run.name,
            label=run.label,
            learning_rate=evidence.learning_rate or number(run.args.get("learning_rate")),
            cls_backbone_learning_rate=evidence.backbone_learning_rate
            or number(run.args.get("cls_backbone_learning_rate")),
            attempt=Attempt(meta.job, meta.restart, evidence.is_resumed) if meta and meta.job else None,
            progress=progress,
            metrics=run_metrics(results, facts),
            logs=logs,
        )
        return _Look(status, results, problems)


def _goes_on(folder: Path, evidence: RunEvidence) -> bool:
    """Whether steps are left, and something was written lately."""
    step, steps = evidence.last_step, evidence.total_steps
    if step is not None and steps is not None and step >= steps:
        return False
    written = [evidence.results.modified, evidence.facts.last_output]
    with suppress(OSError):  # not every run has one
        written.append((folder / TRAINER_LOG).stat().st_mtime)
    newest = max((at for at in written if at is not None), default=0.0)
    return evidence.now - newest < SILENT_SECONDS


@dataclass(frozen=True)
class _Look:
    """What one look at a run's folder found, and what could not be read just now."""

    status: RunStatus
    results: RunResults
    problems: tuple[str, ...]


def _source(problems: Sequence[str]) -> Source:
    """Of files that were read now; where one could not be, its last good content is shown."""
    return Source("stale" if problems else "fresh", 0.0, "; ".join(problems[:3]) or None)


def find_logs(folder: Path) -> LogPaths:
    """The newest file of a log's name in a run's folder, for each stream."""
    out, err = _newest(folder, LOG_PATTERNS), _newest(folder, ERROR_PATTERNS)
    return LogPaths(str(out) if out else None, str(err) if err else None)


def _newest(folder: Path, patterns: Sequence[str]) -> Path | None:
    for pattern in patterns:
        written = {path: seconds for path in folder.glob(pattern) if (seconds := _written(path)) is not None}
        if written:
            return max(written, key=written.__getitem__).absolute()
    return None


def _written(path: Path) -> float | None:
    """When a file was written last; None for what is no file, or no longer there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None
