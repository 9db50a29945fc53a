"""How the last start of each run ended, as far as anybody knows."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from lrdash.errors import SchedulerError
from lrdash.scheduler.base import UNKNOWN, Scheduler, Task
from lrdash.scheduler.logged import LoggedTasks, newest, recorded_tasks
from lrdash.scheduler.ownership import latest_tasks, users_of
from lrdash.scheduler.records import read_records
from lrdash.sweep.paths import results_dir, saves_dir
from lrdash.sweep.spec import Run, Sweep


def failed_runs(sweep: Sweep, scheduler: Scheduler) -> tuple[Run, ...]:
    """Runs that were submitted, ended without success and have no results; none that waits or runs."""
    tasks = _last_tasks(sweep, scheduler)
    return tuple(run for run in sweep.runs if _has_failed(sweep, run, tasks.get(run.key)))


def _last_tasks(sweep: Sweep, scheduler: Scheduler) -> dict[str, Task]:
    """The newest task of each run by its key: as the queue shows it, as it was settled, else UNKNOWN."""
    records = read_records(sweep, scheduler.name)
    tasks = {
        key: owned.task
        for key, owned in latest_tasks(sweep, scheduler.read_queue(users_of(sweep)).tasks, records).items()
    }
    recorded, logged = recorded_tasks(sweep, records), LoggedTasks(sweep).find(records)
    left: dict[str, str] = {}
    for key in {**recorded, **logged}:
        shown = tasks.get(key)
        task = newest(shown, recorded.get(key), logged.get(key))
        if task is not None and task is not shown and not (shown and shown.is_active):
            tasks[key], left[key] = msgspec.structs.replace(task, state=UNKNOWN, reason=None), task.id
    if left:
        with suppress(SchedulerError):  # then its files tell
            settled = scheduler.settle(left.values())
            tasks |= {key: settled[task].task for key, task in left.items() if task in settled}
    return tasks


def has_results(sweep: Sweep, run: Run) -> bool:
    """Whether the run got as far as its predictions."""
    return (results_dir(sweep, run) / "predict_results.json").exists()


def _has_failed(sweep: Sweep, run: Run, task: Task | None) -> bool:
    if task is not None and task.state != UNKNOWN:
        return task.is_finished and task.state != "COMPLETED"
    was_started = task is not None or saves_dir(sweep, run).exists()
    return was_started and not has_results(sweep, run)
