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

Happened = Callable[[Task, Task | None], bool]
"""Whether a task, as it was and as it is (None when it left the queue), is as it was asked to be."""

PAUSES_SECONDS = (0.1, 0.3, 0.6, 1.0)
"""Between looks at tasks that are ending: most are gone after the second."""


@dataclass(frozen=True)
class Action:
    """One thing that can be done to tasks."""

    past: str
    command: tuple[str, ...]
    """Takes a comma-separated list of tasks."""
    happened: Happened
    only: str = "active"
    """The tasks for which it makes sense: active, pending, held or started ones."""


def _is_cancelled(before: Task, after: Task | None) -> bool:
    """A task that ends by itself is COMPLETING too, and COMPLETED, FAILED or TIMEOUT afterwards."""
    if after is None:  # a pending task vanishes without a record
        return before.state == "PENDING"
    if after.state == "COMPLETING":
        return before.state != "COMPLETING" and after.reason != "NonZeroExitCode"
    return after.state == "CANCELLED"


def _is_requeued(before: Task, after: Task | None) -> bool:
    """A task that ends by itself is COMPLETING too, on its way to another end than PENDING."""
    if after is None:
        return False
    ends = after.state == "COMPLETING" and before.state != "COMPLETING" and after.reason != "NonZeroExitCode"
    return after.state == "PENDING" or ends


def _is_held(task: Task | None) -> bool:
    # JobHeldUser, JobHeldAdmin, and "launch failed requeued held", which Slurm itself decides.
    return task is not None and task.state == "PENDING" and "held" in (task.reason or "").lower()


CANCEL = Action("cancelled", ("scancel",), _is_cancelled)
REQUEUE = Action("requeued", ("scontrol", "requeue"), _is_requeued, only="started")
HOLD = Action("held", ("scontrol", "hold"), lambda _, task: _is_held(task), only="pending")
RELEASE = Action("released", ("scontrol", "release"), lambda _, task: not _is_held(task), only="held")

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
        lambda _, task: task is not None and task.time_limit_seconds == minutes * 60,
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
    after = _read_afterwards(client, action, present) if present else {}
    failed = {
        task: _now(after.get(task)) for task in present if not action.happened(before[task], after.get(task))
    }
    if refusal is not None and len(failed) == len(tasks):
        raise refusal
    if failed or absent or refusal is not None:
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


def _read_afterwards(client: SlurmClient, action: Action, tasks: Sequence[str]) -> Mapping[str, Task]:
    """What was ended, and what came to its own end meanwhile, is known when it is COMPLETING no more."""
    after = read_tasks(client, tasks)
    for pause in PAUSES_SECONDS if action in (CANCEL, REQUEUE) else ():
        if all(task.state != "COMPLETING" for task in after.values()):
            break
        client.pause(pause)
        after = read_tasks(client, tasks)
    return after


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
