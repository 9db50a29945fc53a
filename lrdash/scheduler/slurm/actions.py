"""Cancel, requeue, hold, release, time limit: carried out, then looked at.

Slurm's exit status says too little (scancel of a missing job is silent and succeeds), so the tasks are read
before and after, and what did not happen is an error that names each task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lrdash.errors import InvalidJobError, RefusedError
from lrdash.scheduler.base import Task
from lrdash.scheduler.slurm.client import SlurmClient
from lrdash.scheduler.slurm.errors import translate
from lrdash.scheduler.slurm.queue import new_mark, parse_queue, queue_format

Happened = Callable[[Task | None], bool]
"""Whether a task, None when it left the queue, is now as it was asked to be."""


@dataclass(frozen=True)
class Action:
    """One thing that can be done to tasks."""

    past: str
    command: tuple[str, ...]
    """Takes a comma-separated list of tasks."""
    happened: Happened
    only: str = "active"
    """The tasks for which it makes sense: active, pending, held or started ones."""


def _is_held(task: Task | None) -> bool:
    # JobHeldUser, JobHeldAdmin, and "launch failed requeued held", which Slurm itself decides.
    return task is not None and task.state == "PENDING" and "held" in (task.reason or "").lower()


CANCEL = Action(
    "cancelled",
    ("scancel",),
    lambda task: task is None or task.state == "COMPLETING" or task.is_finished,
)
REQUEUE = Action(
    "requeued",
    ("scontrol", "requeue"),
    lambda task: task is not None and task.state in ("PENDING", "COMPLETING"),
    only="started",
)
HOLD = Action("held", ("scontrol", "hold"), _is_held, only="pending")
RELEASE = Action("released", ("scontrol", "release"), lambda task: not _is_held(task), only="held")

_MAKES_SENSE: Mapping[str, Callable[[Task], bool]] = {
    "active": lambda task: not task.is_finished,
    "pending": lambda task: task.state == "PENDING",
    "held": _is_held,
    "started": lambda task: task.state != "PENDING",
}


def time_limit(seconds: int) -> Action:
    """Slurm counts whole minutes and rounds up."""
    minutes = max(1, -(-seconds // 60))
    return Action(
        "given the new time limit",
        ("scontrol", "update", f"TimeLimit={minutes}"),
        lambda task: task is not None and task.time_limit_seconds == minutes * 60,
    )


def act(client: SlurmClient, action: Action, tasks: Sequence[str]) -> None:
    """Do it where it makes sense; an error names every task for which it did not happen, and why.

    Raises:
        InvalidJobError: it makes sense for none of the tasks.
        RefusedError: Slurm refused, or tasks are not as asked afterwards.
    """
    if not tasks:
        return
    before = read_tasks(client, tasks)
    absent = {task: reason for task in tasks if (reason := _not_there(before.get(task), action))}
    present = [task for task in tasks if task not in absent]
    refusal = _carry_out(client, action, present) if present else None
    after = read_tasks(client, present) if present else {}
    failed = {task: _now(after.get(task)) for task in present if not action.happened(after.get(task))}
    if refusal is not None and len(failed) == len(tasks):
        raise refusal
    if failed or absent:
        raise _failure(action, tasks, {**absent, **failed}, refusal)


def read_tasks(client: SlurmClient, tasks: Sequence[str]) -> Mapping[str, Task]:
    """Those of `tasks` that squeue still knows, finished ones included."""
    mark = new_mark()
    jobs = sorted({task.partition("_")[0] for task in tasks})
    finished = client.run(
        "squeue", "-h", "-r", "-a", "-t", "all", "-j", ",".join(jobs), "-o", queue_format(mark)
    )
    error = translate(finished) if finished.exit_status else None
    if error is not None and not isinstance(error, InvalidJobError):
        raise error
    reading = parse_queue(finished.out, mark)
    return {task.id: task for task in reading.tasks if task.id in tasks}


def _carry_out(client: SlurmClient, action: Action, tasks: Sequence[str]) -> RefusedError | None:
    if action.command == ("scancel",):
        arguments = tuple(tasks)
    elif action.command[1] == "update":
        arguments = (f"JobId={','.join(tasks)}",)
    else:
        arguments = (",".join(tasks),)
    finished = client.run(*action.command, *arguments)
    error = translate(finished) if finished.exit_status else None
    if error is not None and not isinstance(error, RefusedError):
        raise error
    return error


def _not_there(task: Task | None, action: Action) -> str:
    if task is None:
        return "is not in the queue"
    return "" if _MAKES_SENSE[action.only](task) else f"{_now(task)}, not {action.only}"


def _now(task: Task | None) -> str:
    if task is None:
        return "left the queue"
    return f"is {task.state}" + (f" ({task.reason})" if task.reason else "")


def _failure(
    action: Action, tasks: Sequence[str], problems: Mapping[str, str], refusal: RefusedError | None
) -> RefusedError:
    done = [task for task in tasks if task not in problems]
    words = [f"{task} {why}" for task, why in problems.items()]
    words += [str(refusal)] if refusal is not None else []
    words.append(f"{action.past}: {', '.join(done)}" if done else f"nothing was {action.past}")
    return (RefusedError if done or refusal else InvalidJobError)("; ".join(words))
