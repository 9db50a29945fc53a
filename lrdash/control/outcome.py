"""How the last start of each run ended, as far as anybody knows."""

from __future__ import annotations

from dataclasses import dataclass

from lrdash.errors import SchedulerError
from lrdash.scheduler.base import Scheduler, Task
from lrdash.scheduler.ownership import latest_tasks, users_of
from lrdash.scheduler.records import read_records
from lrdash.sweep.paths import results_dir, saves_dir
from lrdash.sweep.spec import Run, Sweep


@dataclass(frozen=True)
class FailedRun:
    """A run that was started and ended without success."""

    run: Run
    task: Task | None
    """None when nobody but its files tells of it."""

    @property
    def advice(self) -> str | None:
        """What the next submission should ask for, when the last one asked for too little."""
        if self.task is None:
            return None
        if self.task.state == "TIMEOUT":
            return f"{self.run.key} reached its time limit and resumes: give it more with -- --time=TIME"
        if self.task.state == "OUT_OF_MEMORY":
            return f"{self.run.key} ran out of host memory and would again: give it more with -- --mem=SIZE"
        return None


def failed_runs(sweep: Sweep, scheduler: Scheduler) -> tuple[FailedRun, ...]:
    """Runs that wait or run are not among them."""
    tasks = last_tasks(sweep, scheduler)
    return tuple(
        FailedRun(run, tasks.get(run.key))
        for run in sweep.runs
        if _has_failed(sweep, run, tasks.get(run.key))
    )


def last_tasks(sweep: Sweep, scheduler: Scheduler) -> dict[str, Task]:
    """The newest task of each run by its key: from the queue, else what became of the recorded one."""
    records = read_records(sweep, scheduler.name)
    queued = latest_tasks(sweep, scheduler.read_queue(users_of(sweep)).tasks, records)
    tasks = {key: owned.task for key, owned in queued.items()}
    recorded = {
        run.key: f"{record.job}_{run.index}"
        for record in records
        for run in sweep.group(record.group).runs
        if record.job and run.name == record.run_of_index.get(run.index)
    }
    left = {key: task for key, task in recorded.items() if key not in tasks}
    if left:
        try:
            settled = scheduler.settle(left.values())
        except SchedulerError:
            settled = {}  # its files tell
        tasks.update({key: settled[task].task for key, task in left.items() if task in settled})
    return tasks


def has_results(sweep: Sweep, run: Run) -> bool:
    """Whether the run got as far as its predictions."""
    return (results_dir(sweep, run) / "predict_results.json").exists()


def _has_failed(sweep: Sweep, run: Run, task: Task | None) -> bool:
    if task is not None:
        return task.is_finished and task.state != "COMPLETED"
    return saves_dir(sweep, run).exists() and not has_results(sweep, run)
