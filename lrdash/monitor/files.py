"""What the logs and results of each run say, read from where the last look ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
LOG_BYTES = 256 * 2**20
"""Of one log in one look."""
LONGEST_LOOK_SECONDS = 0.5
SETTLED_SECONDS = 5.0
"""After which a run that does not train is read again..."""
SETTLED_AT_ONCE = 40
"""...so many of them in one look."""


@dataclass(frozen=True)
class RunFiles:
    """Files of one run at one moment, of the attempt that is shown and no other."""

    facts: AttemptFacts | None = None
    results: RunResults = NO_RESULTS
    steps: StepSeries = field(default_factory=StepSeries)
    predictions: PredictionFacts | None = None
    paths: StreamPaths | None = None
    read_at: float = 0.0
    """When reading began; Unix seconds."""
    task: Task | None = None
    """Whose attempt was read."""
    problems: tuple[str, ...] = ()
    """Logs or predictions that could not be read."""

    @property
    def log_paths(self) -> LogPaths:
        return LogPaths(str(self.paths.out), str(self.paths.err)) if self.paths else LogPaths()


@dataclass(frozen=True)
class FileFacts:
    runs: Mapping[str, RunFiles]
    """By run key; a run that was not read yet is missing."""
    read_at: float | None
    """When the last look began; Unix seconds."""
    logs_error: str | None
    results_error: str | None

    def logs_source(self, now: float) -> Source:
        return _source(self.read_at, self.logs_error, now)

    def results_source(self, now: float) -> Source:
        return _source(self.read_at, self.results_error, now)


NOTHING_READ = FileFacts({}, None, None, None)


class FileWatch:
    """Reads what is new. `poll` blocks; one thread at a time.

    Runs that train are read at every look. The rest changes only by other hands and is read again in turn,
    and a large sweep is read for the first time over several looks.
    """

    def __init__(self, sweep: Sweep, cache_dir: Path | None, clock: Callable[[], float]) -> None:
        self._sweep = sweep
        self._clock = clock
        self._scanner = LogScanner(cache_dir and cache_dir / "logs")
        self._results = ResultsReader()
        self._predictions = PredictionStore(cache_dir and cache_dir / "predictions")
        self._runs: dict[str, RunFiles] = {}

    def poll(self, queue: QueueFacts, *, whole: bool = False) -> FileFacts:
        """Look once; with `whole` at every run and to the end of every log, however long it takes."""
        read_at, began = self._clock(), time.monotonic()
        for run in self._in_turn(queue):
            self._runs[run.key] = self._read(run, queue, None if whole else LOG_BYTES)
            if not whole and time.monotonic() - began > LONGEST_LOOK_SECONDS:
                break
        log_errors = [problem for files in self._runs.values() for problem in files.problems]
        errors = [files.results.error for files in self._runs.values() if files.results.error]
        logs_error, results_error = ("; ".join(some[:3]) or None for some in (log_errors, errors))
        return FileFacts(dict(self._runs), read_at, logs_error, results_error)

    @property
    def is_complete(self) -> bool:
        """Whether every run was read at least once."""
        return len(self._runs) == len(self._sweep.runs)

    def _in_turn(self, queue: QueueFacts) -> list[Run]:
        """The runs that are to be read now, longest unread first: those that have news, then some others."""
        now = self._clock()
        runs = sorted(self._sweep.runs, key=lambda run: self._read_at(run.key))
        due = [run for run in runs if self._has_news(run, queue)]
        waiting = {run.key for run in due}
        old = [
            run for run in runs if run.key not in waiting and now - self._read_at(run.key) >= SETTLED_SECONDS
        ]
        return due + old[:SETTLED_AT_ONCE]

    def _has_news(self, run: Run, queue: QueueFacts) -> bool:
        """Whether its files may have changed since they were read: it trains, or something became of it."""
        task, known = queue.tasks.get(run.key), self._runs.get(run.key)
        if known is None or known.task != task:
            return True
        if task is None:
            return False
        is_training = not task.is_finished and task.state != "PENDING"
        return is_training or known.read_at <= queue.ended_at.get(task.id, -1.0)

    def _read_at(self, key: str) -> float:
        known = self._runs.get(key)
        return known.read_at if known else 0.0

    def close(self) -> None:
        self._scanner.close()

    def log_paths(self, task: Task, queue: QueueFacts) -> LogPaths:
        """Where a task writes; no log is opened for this."""
        return RunFiles(paths=self._paths(task.id, queue)).log_paths

    def _read(self, run: Run, queue: QueueFacts, budget: int | None) -> RunFiles:
        read_at, task = self._clock(), queue.tasks.get(run.key)
        folders = results_dir(self._sweep, run), saves_dir(self._sweep, run)
        results = self._results.read(*folders)
        files = RunFiles(read_at=read_at, task=task)
        if task is not None:
            paths, job = self._paths(task.id, queue), task.id
            facts = self._facts(paths, job, budget)
            problems = self._scanner.problems(paths.out, paths.err)
            if facts is not None and facts.already_done and results.meta and results.meta.job:
                job = results.meta.job  # what this task found done; its log has nothing more to tell
                facts = self._facts(self._paths(job, queue), job, budget)
            files = replace(files, facts=facts, paths=paths, problems=problems)
            if not _is_of(results, task, job):
                return files
            results = _with_own_epochs(results, job)
        files = replace(files, results=results, steps=self._results.steps(*folders))
        try:
            return replace(files, predictions=self._read_predictions(results))
        except ResultsError as error:
            return replace(files, problems=(*files.problems, str(error)))

    def _facts(self, paths: StreamPaths, job: str, budget: int | None) -> AttemptFacts | None:
        """Of the last attempt of a job; a log without identity lines has only one."""
        attempts = self._scanner.scan(paths.out, paths.err, budget=budget)
        mine = [one for one in attempts if one.identity is None or one.identity.job == job]
        return mine[-1] if mine else None

    def _read_predictions(self, results: RunResults) -> PredictionFacts | None:
        """Only once the final metrics are there: until then the file may still be written."""
        if results.predictions is None or results.predict is None:
            return None
        return PredictionFacts.of(self._predictions.read(results.predictions, results.labels))

    def _paths(self, job: str, queue: QueueFacts) -> StreamPaths:
        return queue.paths.get(job) or self._usual_paths(job)

    def _usual_paths(self, job: str) -> StreamPaths:
        """Where the experiment's scripts put the log of a task that Slurm has forgotten."""
        stem = logs_dir(self._sweep) / job
        return StreamPaths(stem.with_name(f"{job}.out"), stem.with_name(f"{job}.err"))


def _is_of(results: RunResults, task: Task, job: str) -> bool:
    """Whether results are those of `job`: old ones are never shown as new.

    Results without an attempt in their metadata (another program's) count when they were written after
    the task started.
    """
    if results.meta is not None and results.meta.job is not None:
        return results.meta.job == job
    if results.modified is None or task.started is None:
        return results.modified is None or task.is_finished
    return task.state != "PENDING" and results.modified >= task.started


def _with_own_epochs(results: RunResults, job: str) -> RunResults:
    """Without epochs that say that another attempt wrote them; one that resumed inherits those before it."""
    is_resumed = results.meta is not None and results.meta.resumed_from is not None
    if results.attempt is None or results.attempt[0] == job or is_resumed:
        return results
    return replace(results, epochs=(), summary={}, source=None)


def _source(at: float | None, error: str | None, now: float) -> Source:
    if at is None:
        return Source("off")
    return Source("stale" if error else "fresh", max(0.0, now - at), error)
