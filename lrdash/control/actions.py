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
    targets: list[Target] = []
    left_out: list[tuple[Run, str]] = []
    for run in runs:
        task = latest[run.key].task if run.key in latest else None
        # Slurm starts a finished task again as long as it remembers it.
        if task is None or (task.is_finished and name != "requeue"):
            left_out.append((run, "not in the queue" if task is None else task.state))
        else:
            targets.append(Target(run, task))
    words = tuple(f"{run.key} {run.name} is {state}: it cannot be {_PAST[name]}" for run, state in left_out)
    if not targets:
        raise UsageError(words[0] if len(words) == 1 else _none_of(name, left_out))
    return ActionPlan(name, tuple(targets), seconds, words)


def _none_of(name: ActionName, left_out: Sequence[tuple[Run, str]]) -> str:
    """Why it can be done to none of several runs, in one line that can be read."""
    by_state: dict[str, list[str]] = {}
    for run, state in left_out:
        by_state.setdefault(state, []).append(run.key)
    states = "; ".join(f"{state}: {', '.join(keys)}" for state, keys in by_state.items())
    return f"none of these runs can be {_PAST[name]}: they are {states}"


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
