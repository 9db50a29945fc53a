"""The local scheduler's state: one JSON file a job, so that it outlives whoever asked for it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from lrdash.scheduler.base import FINISHED_STATES, StreamPaths, Task

_LOG_NAME = re.compile(r"(\d{1,18})_\d+\.(?:out|err)")
_MARK_BYTES = 512
DEAD_STATE = "NODE_FAIL"


class LocalTask(msgspec.Struct, kw_only=True):
    """One array task. Times are Unix seconds."""

    index: int
    out: str
    err: str
    state: str = "PENDING"
    reason: str | None = "Resources"
    started: float | None = None
    ended: float | None = None
    exit_code: str | None = None
    pid: int | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED_STATES


class LocalJob(msgspec.Struct, kw_only=True):
    """One array job."""

    id: int
    name: str
    comment: str
    script: str
    """A copy made at submission: what is edited later does not change a job."""
    work_dir: str
    user: str
    submitted: float
    processes: int
    at_once: int | None = None
    time_limit_seconds: float | None
    append: bool
    """Whether logs are appended to."""
    tasks: list[LocalTask]
    supervisor: int | None = None
    """Pid of the supervisor that took the job."""

    @property
    def is_finished(self) -> bool:
        return all(task.is_finished for task in self.tasks)


class SupervisorMark(msgspec.Struct, frozen=True):
    """Who holds the supervisor's lock."""

    pid: int
    host: str


class JobStore:
    """The folder of a sweep's local jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Held while a job is added, and while the supervisor looks for one a last time before it ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "gate.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def jobs(self) -> list[LocalJob]:
        """All jobs whose file can be read, oldest first."""
        return [job for each in self._ids() if isinstance(job := self._read(each), LocalJob)]

    def problem(self, job_id: str) -> str | None:
        """Why a job that has a file cannot be read, in words."""
        found = self._read(int(job_id)) if job_id.isdigit() and int(job_id) in self._ids() else None
        return found if isinstance(found, str) else None

    def save(self, job: LocalJob) -> None:
        """Write a job's file at once or not at all; whoever may enter the folder may watch."""
        self._write(f"{job.id}.json", msgspec.json.encode(job), 0o644)

    def save_environment(self, job_id: int, environment: Mapping[str, str]) -> None:
        """Only its owner can read it: an environment may hold secrets."""
        self._write(f"{job_id}.env", msgspec.json.encode(environment), 0o600)

    def environment(self, job_id: int) -> dict[str, str]:
        """
        Raises:
            OSError: it is gone, damaged or somebody else's.
        """
        file = self.folder / f"{job_id}.env"
        try:
            return msgspec.json.decode(file.read_bytes(), type=dict[str, str])
        except msgspec.DecodeError:
            raise OSError(errno.EIO, "damaged", str(file)) from None

    def remove(self, job: LocalJob) -> None:
        """Forget a job that never got a supervisor."""
        for name in (f"{job.id}.json", f"{job.id}.env", f"{job.id}.sh"):
            (self.folder / name).unlink(missing_ok=True)

    def next_id(self, logs: Path) -> int:
        """Above every job id of this folder and of the log folder, Slurm's ones included."""
        names = (match for file in logs.glob("*_*.*") if (match := _LOG_NAME.fullmatch(file.name)))
        logged = [int(match[1]) for match in names]
        return max([*logged, *self._ids(), 0]) + 1

    def copy_script(self, job_id: int, script: Path) -> Path:
        copy = self.folder / f"{job_id}.sh"
        copy.write_bytes(script.read_bytes())
        return copy

    def ask_to_cancel(self, task_id: str) -> None:
        (self.folder / f"{task_id}.cancel").touch()

    def take_cancellations(self) -> set[str]:
        """Ids of the tasks that somebody wants cancelled; each is given out once."""
        files = list(self.folder.glob("*.cancel"))
        for file in files:
            file.unlink()
        return {file.stem for file in files}

    def _ids(self) -> list[int]:
        return sorted(int(file.stem) for file in self.folder.glob("*.json") if file.stem.isdigit())

    def _read(self, job_id: int) -> LocalJob | str:
        file = self.folder / f"{job_id}.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=LocalJob)
        except OSError as error:
            return f"{file} cannot be read: {error.strerror}"
        except msgspec.DecodeError as error:  # a disk that was full, or a hand that edited it
            return f"{file} is damaged: {error}; look whether its processes still run before you submit again"

    def _write(self, name: str, content: bytes, mode: int) -> None:
        new = self.folder / f".{name}.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(descriptor, "wb") as file:
            file.write(content)
        new.rename(self.folder / name)

    @property
    def lock_file(self) -> Path:
        return self.folder / "supervisor.lock"

    def supervisor(self) -> SupervisorMark | None:
        """The supervisor that is alive, on whichever machine."""
        try:
            with open(self.lock_file, "rb") as lock:
                if not _is_held(lock):
                    return None
                mark = lock.read()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(mark, type=SupervisorMark) if mark else None

    def become_supervisor(self) -> IO[bytes]:
        """Wait until nobody else supervises this folder; the lock lasts until the file is closed."""
        lock = open(self.lock_file, "ab+")  # noqa: SIM115, held until the supervisor ends
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = msgspec.json.encode(SupervisorMark(os.getpid(), os.uname().nodename))
        # Over the previous one at once: a reader never sees half of it.
        descriptor = os.open(self.lock_file, os.O_WRONLY)
        os.pwrite(descriptor, mark.ljust(_MARK_BYTES), 0)
        os.close(descriptor)
        return lock


def task_id(job: LocalJob, task: LocalTask) -> str:
    return f"{job.id}_{task.index}"


def as_task(job: LocalJob, task: LocalTask, alive: int | None) -> Task:
    """A task in the schedulers' common words; `alive` is the pid of the living supervisor."""
    is_lost = not task.is_finished and job.supervisor not in (None, alive)
    end = task.ended or (None if is_lost else time.time())
    return Task(
        id=task_id(job, task),
        state=DEAD_STATE if is_lost else task.state,
        reason=lost_reason(job) if is_lost else task.reason,
        elapsed_seconds=end - task.started if end and task.started else None,
        time_limit_seconds=job.time_limit_seconds,
        submitted=job.submitted,
        started=task.started,
        ended=task.ended,
        partition="local",
        nodes=os.uname().nodename if task.started else None,
        user=job.user,
        work_dir=job.work_dir,
        name=job.name,
        comment=job.comment,
        exit_code=task.exit_code,
        restarts=0,
    )


def lost_reason(job: LocalJob) -> str:
    return f"the local supervisor (pid {job.supervisor}) ended without a word; submit again to resume"


def stream_paths(job: LocalJob, task: LocalTask, root: Path) -> StreamPaths:
    """The logs of a task, wherever its sweep has been moved or copied since."""
    return StreamPaths(_moved(task.out, job.work_dir, root), _moved(task.err, job.work_dir, root))


def _moved(log: str, old_root: str, root: Path) -> Path:
    path = Path(log)
    return root / path.relative_to(old_root) if path.is_relative_to(old_root) else path


def _is_held(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
