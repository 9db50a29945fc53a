"""What the logs and results of each run say, read from where the last look ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lrdash.errors import ResultsError
from lrdash.logs.facts import AttemptFacts
from lrdash.logs.scanner import LogScanner
from lrdash.monitor.evidence import PredictionFacts
from lrdash.monitor.queue import QueueFacts
from lrdash.monitor.snapshot import LogPaths, Source
from lrdash.results.documents import RunResults
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from lrdash.results.steps import StepSeries
from lrdash.scheduler.base import StreamPaths, Task
from lrdash.sweep.paths import logs_dir, results_dir, saves_dir
from lrdash.sweep.spec import Run, Sweep

NO_RESULTS = RunResults()


@dataclass(frozen=True)
class RunFiles:
    """Files of one run at one moment, of the attempt that is shown and no other."""

    facts: AttemptFacts | None = None
    results: RunResults = NO_RESULTS
    steps: StepSeries = field(default_factory=StepSeries)
    predictions: PredictionFacts | None = None
    paths: StreamPaths | None = None

    @property
    def log_paths(self) -> LogPaths:
        return LogPaths(str(self.paths.out), str(self.paths.err)) if self.paths else LogPaths()


@dataclass(frozen=True)
class FileFacts:
    runs: Mapping[str, RunFiles]
    """By run key."""
    read_at: float | None
    """When reading began; Unix seconds."""
    logs_error: str | None
    results_error: str | None

    def logs_source(self, now: float) -> Source:
        return _source(self.read_at, self.logs_error, now)

    def results_source(self, now: float) -> Source:
        return _source(self.read_at, self.results_error, now)


NOTHING_READ = FileFacts({}, None, None, None)


class FileWatch:
    """Reads what is new. `poll` blocks; one thread at a time."""

    def __init__(self, sweep: Sweep, cache_dir: Path | None, clock: Callable[[], float]) -> None:
        self._sweep = sweep
        self._clock = clock
        self._scanner = LogScanner(cache_dir and cache_dir / "logs")
        self._results = ResultsReader()
        self._predictions = PredictionStore(cache_dir and cache_dir / "predictions")
        self._problems: dict[str, str] = {}

    def poll(self, queue: QueueFacts) -> FileFacts:
        read_at = self._clock()
        self._problems.clear()
        runs = {run.key: self._read(run, queue) for run in self._sweep.runs}
        problems = [
            problem
            for files in runs.values()
            if files.paths
            for problem in self._scanner.problems(files.paths.out, files.paths.err)
        ]
        errors = [files.results.error for files in runs.values() if files.results.error]
        errors += self._problems.values()
        return FileFacts(runs, read_at, "; ".join(problems) or None, "; ".join(errors) or None)

    def close(self) -> None:
        self._scanner.close()

    def log_paths(self, task: Task, queue: QueueFacts) -> LogPaths:
        """Where a task writes; no log is opened for this."""
        return RunFiles(paths=self._paths(task, queue)).log_paths

    def _read(self, run: Run, queue: QueueFacts) -> RunFiles:
        task = queue.tasks.get(run.key)
        folders = results_dir(self._sweep, run), saves_dir(self._sweep, run)
        results = self._results.read(*folders)
        facts, paths = None, None
        if task is not None:
            paths = self._paths(task, queue)
            facts = _current(self._scanner.scan(paths.out, paths.err), task)
            if not _is_of(results, task):
                return RunFiles(facts, paths=paths)
        steps = self._results.steps(*folders)
        return RunFiles(facts, results, steps, self._read_predictions(run, results), paths)

    def _read_predictions(self, run: Run, results: RunResults) -> PredictionFacts | None:
        """Only once the final metrics are there: until then the file may still be written."""
        if results.predictions is None or results.predict is None:
            return None
        try:
            return PredictionFacts.of(self._predictions.read(results.predictions, results.labels))
        except ResultsError as error:
            self._problems[run.key] = str(error)
            return None

    def _paths(self, task: Task, queue: QueueFacts) -> StreamPaths:
        return queue.paths.get(task.id) or self._usual_paths(task)

    def _usual_paths(self, task: Task) -> StreamPaths:
        """Where the experiment's scripts put the log of a task that Slurm has forgotten."""
        stem = logs_dir(self._sweep) / task.id
        return StreamPaths(stem.with_name(f"{task.id}.out"), stem.with_name(f"{task.id}.err"))


def _current(attempts: tuple[AttemptFacts, ...], task: Task) -> AttemptFacts | None:
    """The last attempt of this task; a log without identity lines has only one."""
    mine = [one for one in attempts if one.identity is None or one.identity.job == task.id]
    return mine[-1] if mine else None


def _is_of(results: RunResults, task: Task) -> bool:
    """Whether results are this task's: old ones are never shown as new.

    Results without an attempt in their metadata (another program's) count when they were written after
    the task started.
    """
    if results.meta is not None and results.meta.job is not None:
        return results.meta.job == task.id
    if results.modified is None or task.started is None:
        return results.modified is None or task.is_finished
    return task.state != "PENDING" and results.modified >= task.started


def _source(at: float | None, error: str | None, now: float) -> Source:
    if at is None:
        return Source("off")
    return Source("stale" if error else "fresh", max(0.0, now - at), error)
