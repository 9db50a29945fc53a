"""What the scheduler says about each run of a sweep, kept across failures and restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from lrdash.errors import AccountingDisabledError, SchedulerError
from lrdash.monitor.logged import LoggedTasks
from lrdash.monitor.snapshot import Snapshot, Source
from lrdash.scheduler.base import (
    FINISHED_STATES,
    QueueReading,
    Scheduler,
    SettledTask,
    StreamPaths,
    Task,
    TaskUsage,
)
from lrdash.scheduler.ownership import latest_tasks, users_of
from lrdash.scheduler.polling import PollInterval
from lrdash.scheduler.records import SubmissionRecord, read_records
from lrdash.sweep.spec import Sweep

LOCAL_SECONDS, LOCAL_LONGEST_SECONDS, LOCAL_QUIET_SHARE = 1.0, 5.0, 1 / 4
"""The local scheduler's queue is a file: it may be read often, and soon seldom on a machine that is idle."""
SETTLE_TRIES = 12
"""Polls after which a task that nobody accounts for counts as vanished: accounting may lag by minutes."""
VANISHED = "UNKNOWN"
"""State of a task that left the queue and that nobody accounts for; its log and results may tell more."""
WAITED = "left the queue while it waited, and nobody accounts for it"
"""Reason of a vanished task last seen pending: Slurm keeps no record of one that is cancelled then."""


@dataclass(frozen=True)
class QueueFacts:
    """What is known at one moment; `tasks` by run key."""

    tasks: Mapping[str, Task]
    usages: Mapping[str, TaskUsage]
    """By task id."""
    paths: Mapping[str, StreamPaths]
    """By task id."""
    answered_at: float | None
    """When the scheduler last answered; Unix seconds."""
    error: str | None
    accounting_at: float | None
    accounting_error: str | None
    ended_at: Mapping[str, float]
    """When a task was first seen to have ended, by task id: what its files say may be older."""
    is_watched: bool
    """False where the sweep has no scheduler yet."""
    lost: tuple[str, ...] = ()
    """Submissions whose answer was lost and whose job is not in the queue, in words."""

    def queue_source(self, now: float) -> Source:
        if not self.is_watched:
            return Source("off")
        return _source(self.answered_at, self.error, now)

    def accounting_source(self, now: float) -> Source:
        if self.accounting_at is None and self.accounting_error is None:
            return Source("off")
        return _source(self.accounting_at, self.accounting_error, now)


def make_interval(*, is_local: bool) -> PollInterval:
    if is_local:
        return PollInterval(LOCAL_SECONDS, LOCAL_LONGEST_SECONDS, LOCAL_QUIET_SHARE)
    return PollInterval()


class QueueWatch:
    """Asks the scheduler and remembers. `poll` blocks; one thread at a time."""

    def __init__(self, sweep: Sweep, scheduler: Scheduler | None, clock: Callable[[], float]) -> None:
        self._sweep = sweep
        self._scheduler = scheduler
        self._clock = clock
        self._interval = make_interval(is_local=scheduler is not None and scheduler.name == "local")
        self._logged = LoggedTasks(sweep)
        self._tasks: dict[str, Task] = {}
        self._usages: dict[str, TaskUsage] = {}
        self._paths: dict[str, StreamPaths] = {}
        self._located: set[tuple[str, str]] = set()
        self._tries: dict[str, int] = {}
        self._answered_at: float | None = None
        self._error: str | None = None
        self._accounting_at: float | None = None
        self._accounting_error: str | None = None
        self._ended_at: dict[str, float] = {}
        self._lost: tuple[str, ...] = ()

    def remember(self, cached: Snapshot) -> None:
        """Take over what an earlier session knew: the end of a task that Slurm has forgotten since."""
        for run in cached.runs:
            if run.task and run.state:
                self._tasks[run.key] = Task(
                    run.task,
                    run.state,
                    run.reason,
                    run.elapsed_seconds,
                    run.time_limit_seconds,
                    nodes=run.nodes,
                    exit_code=run.exit_code,
                    restarts=run.restarts,
                )

    @property
    def facts(self) -> QueueFacts:
        return QueueFacts(
            tasks=dict(self._tasks),
            usages=dict(self._usages),
            paths=dict(self._paths),
            answered_at=self._answered_at,
            error=self._error,
            accounting_at=self._accounting_at,
            accounting_error=self._accounting_error,
            ended_at=dict(self._ended_at),
            is_watched=self._scheduler is not None,
            lost=self._lost,
        )

    def poll(self) -> None:
        """Ask once. A scheduler that does not answer leaves everything as it was, with the reason."""
        if self._scheduler is None:
            self._take_from_files("no scheduler to ask")
            return
        before, started = _states(self._tasks), time.monotonic()
        running = {(task.id, task.is_finished) for task in self._tasks.values()}
        try:
            reading = self._scheduler.read_queue(users_of(self._sweep))
        except SchedulerError as error:
            self._error = str(error)
            self._interval.failed()
            self._take_from_files("the scheduler has not answered yet")
            return
        duration = time.monotonic() - started
        self._answered_at, self._error = self._clock(), None
        records = read_records(self._sweep)
        left = self._merge(reading, records)
        self._settle(self._scheduler, left)
        self._locate(self._scheduler)
        for task in self._tasks.values():
            if task.is_finished and (task.id, False) in running:
                self._ended_at[task.id] = self._clock()
        self._interval.succeeded(duration, changed=_states(self._tasks) != before)

    @property
    def interval(self) -> float:
        """Seconds to wait after a poll before the next one."""
        return self._interval.seconds

    def task_in_files(self, key: str) -> Task | None:
        """The newest task of a run that submission records and logs tell of, whatever the scheduler says."""
        return self._tasks_in_files().get(key)

    def wake(self) -> None:
        """Something was submitted or changed by the user: look again soon."""
        self._interval.wake()

    def _tasks_in_files(self) -> dict[str, Task]:
        records = read_records(self._sweep)
        tasks = dict(_recorded_tasks(self._sweep, records))
        for key, task in self._logged.find(records).items():
            tasks[key] = max(task, tasks.get(key, task), key=_job_number)
        return tasks

    def _take_from_files(self, reason: str) -> None:
        """What nobody could be asked about is known from records and logs, though not its state."""
        for key, task in self._tasks_in_files().items():
            if key not in self._tasks:
                self._tasks[key] = msgspec.structs.replace(task, state=VANISHED, reason=reason)

    def _merge(self, reading: QueueReading, records: tuple[SubmissionRecord, ...]) -> list[str]:
        """Take over what the queue shows; returns the keys of runs whose task is to be settled."""
        latest = {key: owned.task for key, owned in latest_tasks(self._sweep, reading.tasks, records).items()}
        expected = dict(_recorded_tasks(self._sweep, records))
        logged = self._logged.find(records)
        self._lost = tuple(_lost_words(records, reading.tasks))
        left = []
        for run in self._sweep.runs:
            shown = latest.get(run.key)
            # A log can say what it likes: it tells of a task only where the queue shows none that is active.
            is_active = shown is not None and not shown.is_finished
            sources = (expected, latest) if is_active else (self._tasks, expected, logged, latest)
            candidates = [each.get(run.key) for each in sources]
            newest = max((task for task in candidates if task), key=_job_number, default=None)
            if newest is None:
                continue
            if shown is not None and shown.id == newest.id:
                newest = shown
                if not shown.is_finished:
                    self._tries.pop(shown.id, None)
            known = self._tasks.get(run.key)
            if known is not None and known.id == newest.id and known.exit_code and newest.is_finished:
                newest = msgspec.structs.replace(newest, exit_code=newest.exit_code or known.exit_code)
            self._tasks[run.key] = newest
            if _needs_settling(newest, is_shown=newest is shown):
                left.append(run.key)
        return left

    def _settle(self, scheduler: Scheduler, keys: list[str]) -> None:
        """Ask what became of tasks that left the queue, or ended without an exit code."""
        asked = {self._tasks[key].id: key for key in keys if self._may_ask(self._tasks[key])}
        if not asked:
            return
        settled: dict[str, SettledTask] = {}
        try:
            settled = scheduler.settle(asked)
            self._accounting_at, self._accounting_error = self._clock(), None
        except AccountingDisabledError:
            self._accounting_at = self._accounting_error = None
        except SchedulerError as error:
            self._accounting_error = str(error)
            return
        for task_id, key in asked.items():
            self._tries[task_id] = self._tries.get(task_id, 0) + 1
            self._take(key, settled.get(task_id))

    def _take(self, key: str, settled: SettledTask | None) -> None:
        known = self._tasks[key]
        if settled is not None and settled.task.is_finished:
            self._tasks[key] = _merged(known, settled.task)
            if settled.usage:
                self._usages[known.id] = settled.usage
        elif not known.is_finished and self._tries[known.id] >= SETTLE_TRIES:
            waited = known.state == "PENDING" and known.submitted is not None
            reason = WAITED if waited else "left the queue, and nobody accounts for it"
            self._tasks[key] = msgspec.structs.replace(known, state=VANISHED, reason=reason)

    def _may_ask(self, task: Task) -> bool:
        return self._tries.get(task.id, 0) < SETTLE_TRIES or not (task.is_finished or task.state == VANISHED)

    def _locate(self, scheduler: Scheduler) -> None:
        """Ask for log paths once a job, and again when a task without one comes into another state.

        A name with `%j` or `%N` is not known before the task starts.
        """
        jobs: dict[str, set[int]] = {}
        for task in self._tasks.values():
            asked = (task.id, task.state) in self._located
            if task.id not in self._paths and not asked and task.index is not None:
                jobs.setdefault(task.job, set()).add(task.index)
                self._located.add((task.id, task.state))
        for job, indices in jobs.items():
            try:
                found = scheduler.log_paths(job, indices)
            except SchedulerError:
                self._located = {each for each in self._located if each[0].partition("_")[0] != job}
                continue
            self._paths.update({f"{job}_{index}": paths for index, paths in found.items()})


def _states(tasks: Mapping[str, Task]) -> dict[str, tuple[str, str, str | None]]:
    return {key: (task.id, task.state, task.reason) for key, task in tasks.items()}


def _recorded_tasks(sweep: Sweep, records: Iterable[SubmissionRecord]) -> Iterator[tuple[str, Task]]:
    """The newest task that a record tells of, by run key; its state is not known yet."""
    runs = {run.name: run for run in sweep.runs}
    for record in records:
        for index, name in record.run_of_index.items():
            if record.job and name in runs:
                yield (
                    runs[name].key,
                    Task(f"{record.job}_{index}", "PENDING", "submitted; not seen in the queue yet"),
                )


def _lost_words(records: Iterable[SubmissionRecord], tasks: tuple[Task, ...]) -> Iterator[str]:
    for record in records:
        if record.state == "intended" and not any(record.token in task.comment for task in tasks):
            yield f"{record.group}: the answer to the submission of {record.time} was lost"


def _needs_settling(task: Task, *, is_shown: bool) -> bool:
    if task.state in FINISHED_STATES:
        return task.exit_code is None
    return not is_shown


def _merged(known: Task, settled: Task) -> Task:
    """The settled task, with what only the queue had told."""
    fields = {
        name: getattr(known, name)
        for name in Task.__struct_fields__
        if getattr(settled, name) in (None, "") and getattr(known, name) not in (None, "")
    }
    if known.state == "PENDING":
        fields.pop("reason", None)
    return msgspec.structs.replace(settled, **fields)


def _job_number(task: Task) -> int:
    return int(task.job) if task.job.isdigit() else 0


def _source(at: float | None, error: str | None, now: float) -> Source:
    age = None if at is None else max(0.0, now - at)
    if error is None and at is not None:
        return Source("fresh", age)
    return Source("unavailable" if at is None else "stale", age, error)
