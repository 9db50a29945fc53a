"""What every scheduler offers, in Slurm's words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

ACTIVE_STATES = frozenset(
    {
        "PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED", "REQUEUE_FED",
        "REQUEUE_HOLD", "RESIZING", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED", "RESV_DEL_HOLD",
        "POWER_UP_NODE", "UPDATE_DB",
    }
)  # fmt: skip
"""States in which Slurm may still run the task."""
FINISHED_STATES = frozenset(
    {
        "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE",
        "OUT_OF_MEMORY", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL",
    }
)  # fmt: skip
# A state in neither set is shown as it is and treated as still active: Slurm has invented states before.
TOKEN_PREFIX = "lrdash:"
"""Of the comment of a job that lrdash has submitted."""
UNKNOWN = "UNKNOWN"
"""No state of Slurm's: a task that nobody accounts for; its log and results may tell more."""


def is_active(state: str | None) -> bool:
    """Whether a task in this state may still change without anybody's doing; None: it was never submitted."""
    return state is not None and state not in FINISHED_STATES and state != UNKNOWN


class Task(msgspec.Struct, frozen=True):
    """One array task (or plain job) as the scheduler describes it. Times are Unix seconds."""

    id: str
    """`123_2`, or `123` for a job without an array."""
    state: str
    reason: str | None = None
    elapsed_seconds: float | None = None
    time_limit_seconds: float | None = None
    submitted: float | None = None
    started: float | None = None
    """Expected, while the task is pending."""
    ended: float | None = None
    partition: str | None = None
    nodes: str | None = None
    user: str | None = None
    work_dir: str | None = None
    name: str = ""
    comment: str = ""
    exit_code: str | None = None
    """`exit:signal`."""
    restarts: int | None = None

    @property
    def job(self) -> str:
        """The array's id (never the raw id of one task)."""
        return self.id.partition("_")[0]

    @property
    def index(self) -> int | None:
        index = self.id.partition("_")[2]
        return int(index) if index.isdecimal() else None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED_STATES

    @property
    def is_active(self) -> bool:
        return is_active(self.state)


class QueueReading(msgspec.Struct, frozen=True):
    """One look at the queue."""

    tasks: tuple[Task, ...] = ()
    unparsed_lines: int = 0


class TaskUsage(msgspec.Struct, frozen=True):
    """What a finished task used, from accounting."""

    max_rss_bytes: int | None = None
    requested_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    allocated_cpus: int | None = None


class SettledTask(msgspec.Struct, frozen=True):
    """What became of a task that is not in the queue; active where it is only not shown there."""

    task: Task
    usage: TaskUsage | None = None


class StreamPaths(msgspec.Struct, frozen=True):
    """Where a task's stdout and stderr go; absolute paths."""

    out: Path
    err: Path


class Submission(msgspec.Struct, frozen=True):
    """One array job to be submitted."""

    group: str
    script: Path
    job_name: str
    indices: tuple[int, ...]
    work_dir: Path
    token: str
    """Unique; goes into --comment, so that a submit whose answer was lost can be found."""
    options: tuple[str, ...] = ()
    """Further sbatch options, as the user gave them."""
    environment: Mapping[str, str] = {}
    """Added to the environment of the job."""
    processes: int = 1
    """Ranks of one task; only the local scheduler needs to be told."""
    at_once: int | None = None
    """Most tasks of the job that may run at once."""

    @property
    def comment(self) -> str:
        """What marks a job as ours, also when the answer of its submission was lost."""
        return f"{TOKEN_PREFIX}{self.token}"


class Scheduler(Protocol):
    """Blocks; call from a worker thread. Every error is a SchedulerError."""

    name: str

    def submit_command(self, submission: Submission) -> tuple[str, ...]:
        """The exact command that `submit` runs."""
        ...

    def submit(self, submission: Submission) -> str:
        """Submit and return the array's job id."""
        ...

    def check(self, submission: Submission) -> str:
        """Ask whether it would be accepted, without submitting; returns the scheduler's own words.

        Raises:
            RefusedError: it would not.
        """
        ...

    def read_queue(self, users: Collection[str]) -> QueueReading:
        """One question for everything these users have in the queue."""
        ...

    def settle(self, tasks: Collection[str]) -> dict[str, SettledTask]:
        """What became of tasks that are not in the queue; a task that is nowhere known is left out.

        Raises:
            AccountingDisabledError: nobody keeps what becomes of tasks.
        """
        ...

    def log_paths(self, job: str, indices: Collection[int]) -> dict[int, StreamPaths]:
        """The log files of a job's tasks, in one call; unknown tasks are left out."""
        ...

    def cancel(self, tasks: Sequence[str]) -> None: ...
    def requeue(self, tasks: Sequence[str]) -> None: ...
    def hold(self, tasks: Sequence[str]) -> None: ...
    def release(self, tasks: Sequence[str]) -> None: ...
    def set_time_limit(self, tasks: Sequence[str], seconds: int) -> None: ...

    def close(self) -> None:
        """Kill whatever still runs, so that worker threads return at once."""
        ...
