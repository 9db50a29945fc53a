"""The Scheduler of one machine: runs the same .sbatch files, side by side as far as the cores go."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from lrdash.errors import InvalidJobError, RefusedError, SchedulerError, UnsupportedError
from lrdash.scheduler.base import UNKNOWN, QueueReading, SettledTask, StreamPaths, Submission, Task
from lrdash.scheduler.environment import SCHEDULER, submit_environment
from lrdash.scheduler.local.filenames import DEFAULT, expand
from lrdash.scheduler.local.jobs import (
    JobStore,
    LocalJob,
    LocalTask,
    SupervisorMark,
    as_task,
    stream_paths,
)
from lrdash.scheduler.processes import send
from lrdash.sweep.paths import logs_dir
from lrdash.sweep.script import parse_options, parse_time_limit, read_script
from lrdash.sweep.spec import Sweep

HONOURED = frozenset({"array", "output", "error", "time", "job-name", "open-mode", "comment", "parsable"})
_START_SECONDS = 20.0
_CANCEL_SECONDS = 10.0
"""A supervisor is woken at once; longer only on a machine that hangs."""
_LOOK_SECONDS = 0.02
_CANCELLED = ("CANCELLED", "COMPLETING")


class LocalScheduler:
    """Jobs of one sweep on this machine. State lies in `logs/<name>/local/`."""

    name = "local"

    def __init__(self, sweep: Sweep) -> None:
        self._root = sweep.root
        self._logs = logs_dir(sweep)
        self._store = JobStore(self._logs / "local")

    def submit_command(self, submission: Submission) -> tuple[str, ...]:
        return ("bash", str(submission.script))

    def submit(self, submission: Submission) -> str:
        with self._telling(), self._store.gate():
            mark = self._store.supervisor()
            if mark is not None and mark.host != os.uname().nodename:
                raise RefusedError(
                    f"the local supervisor runs on {mark.host}: submit there, or when it ended"
                )
            job = self._new_job(submission)
            environment = {**submit_environment(os.environ), "OMP_NUM_THREADS": "1", **submission.environment}
            try:
                self._store.save_environment(job.id, environment | {SCHEDULER: "local"})
                self._store.save(job)
                self._wake_or_start(mark)
            except (SchedulerError, OSError):
                self._store.remove(job)
                raise
        return str(job.id)

    def check(self, submission: Submission) -> str:
        return ""

    def read_queue(self, users: Collection[str] = ()) -> QueueReading:
        with self._telling():
            alive = self._store.supervisor()
            return QueueReading(
                tuple(
                    as_task(job, task, alive.pid if alive else None)
                    for job in self._store.jobs()
                    for task in job.tasks
                )
            )

    def settle(self, tasks: Collection[str]) -> dict[str, SettledTask]:
        known = {task.id: SettledTask(task) for task in self.read_queue().tasks if task.id in set(tasks)}
        for task in set(tasks) - known.keys():
            if words := self._store.problem(task.partition("_")[0]):
                known[task] = SettledTask(Task(task, UNKNOWN, words))
        return known

    def log_paths(self, job: str, indices: Collection[int]) -> dict[int, StreamPaths]:
        return {
            task.index: stream_paths(each, task, self._root)
            for each in self._store.jobs()
            if str(each.id) == job
            for task in each.tasks
            if task.index in indices
        }

    def cancel(self, tasks: Sequence[str]) -> None:
        queue = {task.id: task for task in self.read_queue().tasks}
        if unknown := [task for task in tasks if task not in queue]:
            raise InvalidJobError(f"no local task {', '.join(unknown)}")
        mark = self._store.supervisor()
        if mark is not None:
            if mark.host != os.uname().nodename:
                raise RefusedError(f"the local supervisor runs on {mark.host}: cancel there")
            self._ask_to_cancel(tasks, mark)
        after = {task.id: task for task in self.read_queue().tasks}
        words = [f"{task} is {after[task].state}" for task in tasks if after[task].state not in _CANCELLED]
        if words:
            done = [task for task in tasks if after[task].state in _CANCELLED]
            words.append(f"cancelled: {', '.join(done)}" if done else "nothing was cancelled")
            raise (RefusedError if done else InvalidJobError)("; ".join(words))

    def _ask_to_cancel(self, tasks: Sequence[str], mark: SupervisorMark) -> None:
        """Leave the request with the supervisor and wait until it has acted on it."""
        with self._telling():
            for task in tasks:
                self._store.ask_to_cancel(task)
        send(mark.pid, signal.SIGHUP)
        deadline = time.monotonic() + _CANCEL_SECONDS
        while time.monotonic() < deadline and self._store.supervisor() == mark:
            left = [task for task in self.read_queue().tasks if task.id in tasks]
            if all(task.state not in ("PENDING", "RUNNING") for task in left):
                return
            time.sleep(_LOOK_SECONDS)

    def requeue(self, tasks: Sequence[str]) -> None:
        _needs_slurm("requeue")

    def hold(self, tasks: Sequence[str]) -> None:
        _needs_slurm("hold")

    def release(self, tasks: Sequence[str]) -> None:
        _needs_slurm("release")

    def set_time_limit(self, tasks: Sequence[str], seconds: int) -> None:
        _needs_slurm("changing a time limit")

    def close(self) -> None:
        """Nothing of ours is ever in flight."""

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """
        Raises:
            RefusedError: what is kept of the jobs can be neither read nor written.
        """
        try:
            yield
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise RefusedError(
                f"local jobs cannot be kept in {self._store.folder}: {where}{error.strerror}"
            ) from None

    def _new_job(self, submission: Submission) -> LocalJob:
        script = read_script(submission.script)
        options = {**script.options, **parse_options(submission.options)}
        job_id = self._store.next_id(self._logs)
        user = getpass.getuser()
        limit = parse_time_limit(options.get("time", ""))
        return LocalJob(
            id=job_id,
            name=submission.job_name,
            comment=submission.comment,
            script=str(self._store.copy_script(job_id, submission.script)),
            work_dir=str(submission.work_dir),
            user=user,
            submitted=time.time(),
            processes=submission.processes,
            at_once=submission.at_once,
            time_limit_seconds=limit,
            append=options.get("open-mode") == "append",
            tasks=[
                _new_task(index, options, submission.work_dir, job_id, submission.job_name, user)
                for index in submission.indices
            ],
        )

    def _wake_or_start(self, mark: SupervisorMark | None) -> None:
        if mark is None:
            _start_supervisor(self._store.folder)
        else:
            send(mark.pid, signal.SIGHUP)


def ignored_options(script: Path) -> dict[str, str]:
    """The #SBATCH options of a script that have no effect on this machine."""
    options = read_script(script).options
    return {option: value for option, value in options.items() if option not in HONOURED}


def _new_task(
    index: int, options: Mapping[str, str], work_dir: Path, job_id: int, name: str, user: str
) -> LocalTask:
    values = {"A": str(job_id), "a": str(index), "j": str(job_id), "J": str(job_id), "x": name, "u": user}
    values["N"] = os.uname().nodename
    out = options.get("output", DEFAULT)
    err = options.get("error", out)
    return LocalTask(
        index=index, out=str(work_dir / expand(out, values)), err=str(work_dir / expand(err, values))
    )


def _start_supervisor(folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "lrdash.scheduler.local.supervisor", str(folder)]
    try:
        # Returns when the supervisor, detached from us, has taken its lock.
        subprocess.run(command, check=True, timeout=_START_SECONDS, stdin=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError) as error:
        raise SchedulerError(
            f"the local supervisor did not start ({error}); see {folder}/supervisor.log"
        ) from None


def _needs_slurm(what: str) -> NoReturn:
    raise UnsupportedError(f"{what} needs Slurm: the local scheduler only submits and cancels")
