"""What the scheduler says about each run of a sweep, kept across failures and restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from lrdash.errors import AccountingDisabledError, SchedulerError
from lrdash.monitor.snapshot import RunStatus, Snapshot, Source
from lrdash.scheduler.base import (
    UNKNOWN,
    QueueReading,
    Scheduler,
    SettledTask,
    StreamPaths,
    Task,
    TaskUsage,
)
from lrdash.scheduler.logged import NOT_SEEN, LoggedTasks, newest, recorded_tasks
from lrdash.scheduler.ownership import latest_tasks, users_of
from lrdash.scheduler.polling import PollInterval
from lrdash.scheduler.records import SubmissionRecord, read_records
from lrdash.sweep.spec import Sweep

LOCAL_SECONDS, LOCAL_LONGEST_SECONDS, LOCAL_QUIET_SHARE = 1.0, 5.0, 1 / 4
"""The local scheduler's queue is a file: it may be read often, and soon seldom on a machine that is idle."""
SETTLE_SECONDS = 120.0
"""How long accounting may lag: a task of which it still knows nothing then counts as vanished."""
GONE = "left the queue, and nobody accounts for it"
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
    left_at: Mapping[str, float] = field(default_factory=dict)
    """Since when the queue lacks a task whose end is not known yet, by task id; Unix seconds."""
    lost: Mapping[str, str] = field(default_factory=dict)
    """By run key, in words, where the last submission got no answer; a task that came of it tells more."""

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
    """Asks the scheduler and remembers. `poll` blocks; one thread at a time.

    `facts` may be read by any thread: one value, replaced whole.
    """

    facts: QueueFacts

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
        self._unsettled_since: dict[str, float] = {}
        self._given_up: set[str] = set()
        self._answered_at: float | None = None
        self._error: str | None = None
        self._accounting_at: float | None = None
        self._accounting_error: str | None = None
        self._ended_at: dict[str, float] = {}
        self._lost: Mapping[str, str] = {}
        self._publish()

    def remember(self, cached: Snapshot) -> None:
        """Take over what an earlier session knew: the end of a task that Slurm has forgotten since."""
        for run in cached.runs:
            if not run.task or not run.state:
                continue
            self._tasks[run.key] = _cached_task(run, run.task, run.state)
            if run.left_queue:
                self._unsettled_since[run.task] = datetime.fromisoformat(run.left_queue).timestamp()
            if usage := _cached_usage(run):
                self._usages[run.task] = usage
        self._publish()

    def _publish(self) -> None:
        self.facts = QueueFacts(
            tasks=dict(self._tasks),
            usages=dict(self._usages),
            paths=dict(self._paths),
            answered_at=self._answered_at,
            error=self._error,
            accounting_at=self._accounting_at,
            accounting_error=self._accounting_error,
            ended_at=dict(self._ended_at),
            is_watched=self._scheduler is not None,
            left_at=self._left_at(),
            lost=self._lost,
        )

    def poll(self) -> None:
        """Ask once. A scheduler that does not answer leaves everything as it was, with the reason."""
        self._ask()
        self._publish()

    def _ask(self) -> None:
        if self._scheduler is None:
            self._take_from_files("no scheduler to ask")
            return
        before, started = _states(self._tasks), time.monotonic()
        try:
            reading = self._scheduler.read_queue(users_of(self._sweep))
        except SchedulerError as error:
            self._error = str(error)
            self._interval.failed()
            self._take_from_files("the scheduler has not answered yet")
            return
        duration = time.monotonic() - started
        self._answered_at, self._error = self._clock(), None
        records = read_records(self._sweep, self._scheduler.name)
        left = self._merge(reading, records)
        self._publish()  # accounting may take a minute to answer
        self._settle(self._scheduler, left)
        self._locate(self._scheduler)
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

    def _left_at(self) -> dict[str, float]:
        active = {task.id for task in self._tasks.values() if task.is_active}
        return {task: since for task, since in self._unsettled_since.items() if task in active}

    def _tasks_in_files(self) -> dict[str, Task]:
        records = read_records(self._sweep, self._scheduler.name if self._scheduler else None)
        recorded, logged = recorded_tasks(self._sweep, records), self._logged.find(records)
        found = {key: newest(logged.get(key), recorded.get(key)) for key in {**recorded, **logged}}
        return {key: task for key, task in found.items() if task}

    def _take_from_files(self, reason: str) -> None:
        """What nobody could be asked about is known from records and logs, though not its state."""
        for key, task in self._tasks_in_files().items():
            if key not in self._tasks:
                self._tasks[key] = msgspec.structs.replace(task, state=UNKNOWN, reason=reason)

    def _merge(self, reading: QueueReading, records: tuple[SubmissionRecord, ...]) -> list[str]:
        """Take over what the queue shows; returns the keys of runs whose task is to be settled."""
        latest = {key: owned.task for key, owned in latest_tasks(self._sweep, reading.tasks, records).items()}
        expected = recorded_tasks(self._sweep, records)
        logged = self._logged.find(records)
        left = []
        for run in self._sweep.runs:
            shown = latest.get(run.key)
            # A log can say what it likes: it tells of a task only where the queue shows none that is active.
            is_active = shown is not None and not shown.is_finished
            sources = (expected, latest) if is_active else (self._tasks, expected, logged, latest)
            task = newest(*(each.get(run.key) for each in sources))
            if task is None:
                continue
            if shown is not None and shown.id == task.id:
                task = shown
                if not shown.is_finished:
                    self._unsettled_since.pop(shown.id, None)
                    self._given_up.discard(shown.id)
            known = self._tasks.get(run.key)
            if known is not None and known.id == task.id and known.exit_code and task.is_finished:
                task = msgspec.structs.replace(task, exit_code=task.exit_code or known.exit_code)
            self._put(run.key, task)
            if _needs_settling(task, is_shown=task is shown):
                left.append(run.key)
        self._lost = _lost_words(self._sweep, records)
        return left

    def _settle(self, scheduler: Scheduler, keys: list[str]) -> None:
        """Ask what became of tasks that left the queue, or ended without an exit code."""
        asked = {self._tasks[key].id: key for key in keys if self._tasks[key].id not in self._given_up}
        if not asked:
            return
        now, patience, is_answered = self._clock(), SETTLE_SECONDS, True
        settled: dict[str, SettledTask] = {}
        try:
            settled = scheduler.settle(asked)
            self._accounting_at, self._accounting_error = now, None
        except AccountingDisabledError:  # and the controller, who was asked too, knows nothing
            self._accounting_at = self._accounting_error = None
            patience = 0.0
        except SchedulerError as error:
            self._accounting_error = str(error)
            is_answered = False
        for task_id, key in asked.items():
            if answer := settled.get(task_id):
                self._take(key, answer)
                if answer.task.is_active:  # there, and only not shown to us
                    self._unsettled_since.pop(task_id, None)
                    continue
            if now - self._unsettled_since.setdefault(task_id, now) < patience:
                continue
            if is_answered:
                self._given_up.add(task_id)
            if answer is None:
                self._give_up(key)

    def _take(self, key: str, settled: SettledTask) -> None:
        known = self._tasks[key]
        self._put(key, _merged(known, settled.task))
        if settled.usage:
            self._usages[known.id] = settled.usage

    def _give_up(self, key: str) -> None:
        known = self._tasks[key]
        if not known.is_finished:
            waited = known.reason == WAITED or (known.state == "PENDING" and known.reason != NOT_SEEN)
            self._put(key, msgspec.structs.replace(known, state=UNKNOWN, reason=WAITED if waited else GONE))

    def _put(self, key: str, task: Task) -> None:
        """With its end at once: files are read while this poll goes on, and may lack the last words."""
        known = self._tasks.get(key)
        if task.is_finished and known is not None and known.id == task.id and not known.is_finished:
            self._ended_at[task.id] = self._clock()
        self._tasks[key] = task

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


def _cached_task(run: RunStatus, task_id: str, state: str) -> Task:
    return Task(
        task_id,
        state,
        None if run.left_queue else run.reason,
        run.elapsed_seconds,
        run.time_limit_seconds,
        nodes=run.nodes,
        exit_code=run.exit_code,
        restarts=run.restarts,
    )


def _cached_usage(run: RunStatus) -> TaskUsage | None:
    if run.usage is None:
        return None
    values = {name: getattr(run.usage, name) for name in TaskUsage.__struct_fields__}
    return TaskUsage(**values) if any(value is not None for value in values.values()) else None


def _lost_words(sweep: Sweep, records: Iterable[SubmissionRecord]) -> dict[str, str]:
    """By run key, where its last submission got no answer; whether a job came of it, the queue tells."""
    lost: dict[str, str] = {}
    for record in records:
        keys = [sweep.by_name[name].key for name in record.runs if name in sweep.by_name]
        if record.state == "intended":
            words = f"its submission at {record.time} got no answer; no job of it is in the queue"
            lost.update(dict.fromkeys(keys, words))
        else:
            lost = {key: words for key, words in lost.items() if key not in keys}
    return lost


def _needs_settling(task: Task, *, is_shown: bool) -> bool:
    return task.exit_code is None if task.is_finished else not is_shown


def _merged(known: Task, settled: Task) -> Task:
    """The settled task, with what only the queue had told."""
    fields = {
        name: getattr(known, name)
        for name in Task.__struct_fields__
        if getattr(settled, name) in (None, "") and getattr(known, name) not in (None, "")
    }
    if known.state != settled.state:
        fields.pop("reason", None)
    return msgspec.structs.replace(settled, **fields)


def _source(at: float | None, error: str | None, now: float) -> Source:
    age = None if at is None else max(0.0, now - at)
    if error is None and at is not None:
        return Source("fresh", age)
    return Source("unavailable" if at is None else "stale", age, error)
