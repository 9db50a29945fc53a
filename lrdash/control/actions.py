"""What can be done to tasks that are in the queue; each is looked at afterwards by the scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lrdash.errors import UsageError
from lrdash.scheduler.base import Scheduler, Task
from lrdash.scheduler.ownership import latest_tasks, users_of
from lrdash.scheduler.records import read_records
from lrdash.sweep.spec import Run, Sweep

ActionName = Literal["cancel", "requeue", "hold", "release", "time-limit"]

_PAST = {
    "cancel": "cancelled", "requeue": "requeued", "hold": "held", "release": "released",
    "time-limit": "given the new time limit",
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A run and its task in the queue."""

    run: Run
    task: Task

    def __str__(self) -> str:
        reason = f" ({self.task.reason})" if self.task.reason else ""
        return f"{self.run.key} {self.run.name}: {self.task.id} {self.task.state}{reason}"


@dataclass(frozen=True)
class ActionPlan:
    """What `carry_out_action` will do to what; made without side effects."""

    name: ActionName
    targets: tuple[Target, ...]
    seconds: int | None = None
    """The new time limit."""
    left_out: tuple[str, ...] = ()
    """Runs to which it cannot be done, and why."""

    @property
    def done(self) -> str:
        return f"{_PAST[self.name]}: {', '.join(target.task.id for target in self.targets)}"


def plan_action(
    sweep: Sweep, scheduler: Scheduler, name: ActionName, runs: Iterable[Run], seconds: int | None = None
) -> ActionPlan:
    """Find the task of each run; those to which this cannot be done are left out.

    Raises:
        UsageError: it can be done to none.
    """
    tasks = scheduler.read_queue(users_of(sweep)).tasks
    latest = latest_tasks(sweep, tasks, read_records(sweep, scheduler.name))
    targets, left_out = [], []
    for run in runs:
        task = latest[run.key].task if run.key in latest else None
        # Slurm starts a finished task again as long as it remembers it.
        if task is None or (task.is_finished and name != "requeue"):
            state = "is not in the queue" if task is None else f"is {task.state}"
            left_out.append(f"{run.key} {run.name} {state}: it cannot be {_PAST[name]}")
        else:
            targets.append(Target(run, task))
    if not targets:
        raise UsageError("; ".join(left_out))
    return ActionPlan(name, tuple(targets), seconds, tuple(left_out))


def carry_out_action(plan: ActionPlan, scheduler: Scheduler) -> None:
    """
    Raises:
        SchedulerError: it did not happen, or not to all; the error names them.
    """
    tasks = [target.task.id for target in plan.targets]
    if plan.name == "time-limit":
        assert plan.seconds is not None
        scheduler.set_time_limit(tasks, plan.seconds)
        return
    actions: dict[str, Callable[[Sequence[str]], None]] = {
        "cancel": scheduler.cancel,
        "requeue": scheduler.requeue,
        "hold": scheduler.hold,
        "release": scheduler.release,
    }
    actions[plan.name](tasks)
