"""The process that runs a sweep's local jobs, detached from whoever submitted them.

Started as `python -m lrdash.scheduler.local.supervisor FOLDER`; ends when no job is left. It is woken by
signals only: SIGCHLD (a task ended), SIGHUP (somebody left a job or a cancellation in the folder),
SIGTERM (cancel everything and end).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import BinaryIO

from lrdash.scheduler.local.jobs import DEAD_STATE, JobStore, LocalJob, LocalTask, lost_reason, task_id
from lrdash.scheduler.processes import (
    become_subreaper,
    descendants,
    dies_with_parent,
    kill_descendants,
    reap,
    send,
)

KILL_WAIT_SECONDS = 30.0
"""Between SIGTERM and SIGKILL, as Slurm's default KillWait."""
_WATCHED = {Signals.SIGCHLD, Signals.SIGHUP, Signals.SIGTERM}
_FOREVER = 86400.0


@dataclass
class Running:
    """A task that has a process."""

    job: LocalJob
    task: LocalTask
    process: subprocess.Popen[bytes]
    end_by: float
    """Unix time of the next SIGTERM or SIGKILL."""
    ending_as: str | None = None
    """The state that a SIGTERM of ours leads to."""


class Supervisor:
    """Runs jobs of one folder until none is left."""

    def __init__(self, store: JobStore, cores: int) -> None:
        self._store = store
        self._lock = store.become_supervisor()
        self._cores = cores
        self._jobs: list[LocalJob] = []
        self._running: list[Running] = []
        self._is_ending = False

    def run(self) -> None:
        self._settle_the_dead()
        while True:
            self._adopt_jobs()
            self._cancel_what_was_asked()
            self._end_overdue()
            self._start_what_fits()
            if not self._is_active() and self._nothing_came():
                return
            self._wait()

    def _settle_the_dead(self) -> None:
        """Tasks of a supervisor that ended without a word have ended with it."""
        for job in self._store.jobs():
            if job.supervisor is not None and not job.is_finished:
                for task in job.tasks:
                    if not task.is_finished:
                        task.state, task.reason = DEAD_STATE, lost_reason(job)
                self._store.save(job)

    def _adopt_jobs(self) -> None:
        for job in self._store.jobs():
            if job.supervisor is None:
                job.supervisor = os.getpid()
                self._jobs.append(job)
                self._store.save(job)

    def _is_active(self) -> bool:
        self._jobs = [job for job in self._jobs if not job.is_finished]
        return bool(self._jobs)

    def _nothing_came(self) -> bool:
        with self._store.gate():
            if any(job.supervisor is None for job in self._store.jobs()):
                return False
            # Given up while the gate is held: whoever submits next finds no supervisor and starts one.
            self._lock.close()
            return True

    def _wait(self) -> None:
        deadline = min((running.end_by for running in self._running), default=time.time() + _FOREVER)
        received = signal.sigtimedwait(_WATCHED, max(0.0, min(deadline - time.time(), _FOREVER)))
        if received is not None and received.si_signo == Signals.SIGTERM:
            self._is_ending = True
        self._collect_the_ended()

    def _collect_the_ended(self) -> None:
        ended = [running for running in self._running if running.process.poll() is not None]
        for running in ended:
            self._running.remove(running)
            self._finish(running)
        orphans = _orphans({running.process.pid for running in self._running})
        if ended:  # whatever it left behind became our child
            for pid in orphans:
                send(pid, Signals.SIGKILL)
        reap(orphans)

    def _finish(self, running: Running) -> None:
        code = running.process.returncode
        task = running.task
        task.ended = time.time()
        task.pid = None
        task.exit_code = f"{code}:0" if code >= 0 else f"0:{-code}"
        task.state = running.ending_as or ("COMPLETED" if code == 0 else "FAILED")
        task.reason = (
            None if task.state == "COMPLETED" else (running.ending_as and task.reason) or "NonZeroExitCode"
        )
        self._store.save(running.job)

    def _cancel_what_was_asked(self) -> None:
        asked = self._store.take_cancellations()
        for job in self._jobs:
            for task in job.tasks:
                if task.is_finished or not (self._is_ending or task_id(job, task) in asked):
                    continue
                if task.state == "PENDING":
                    task.state, task.reason, task.ended = "CANCELLED", None, time.time()
                    self._store.save(job)
        for running in self._running:
            if self._is_ending or task_id(running.job, running.task) in asked:
                self._terminate(running, "CANCELLED", None)

    def _end_overdue(self) -> None:
        for running in [each for each in self._running if each.end_by <= time.time()]:
            if running.ending_as is None:
                self._terminate(running, "TIMEOUT", "TimeLimit")
            else:
                _signal_tree(running.process.pid, Signals.SIGKILL)
                running.end_by = time.time() + 1.0

    def _terminate(self, running: Running, state: str, reason: str | None) -> None:
        if running.ending_as is None:
            running.ending_as = state
            running.task.state, running.task.reason = "COMPLETING", reason
            self._store.save(running.job)
            running.end_by = time.time() + KILL_WAIT_SECONDS
            _signal_tree(running.process.pid, Signals.SIGTERM)

    def _start_what_fits(self) -> None:
        waiting = [(job, task) for job in self._jobs for task in job.tasks if task.state == "PENDING"]
        for job, task in waiting:
            used = sum(running.job.processes for running in self._running)
            if self._running and used + job.processes > self._cores:
                return
            if job.at_once is None or sum(each.job is job for each in self._running) < job.at_once:
                self._start(job, task)

    def _start(self, job: LocalJob, task: LocalTask) -> None:
        task.started = time.time()
        try:
            process = _start_process(job, task, self._store.environment(job.id))
        except OSError as error:
            task.state, task.reason, task.ended = "FAILED", f"{error.filename}: {error.strerror}", time.time()
        else:
            task.state, task.reason, task.pid = "RUNNING", None, process.pid
            limit = job.time_limit_seconds or _FOREVER * 365
            self._running.append(Running(job, task, process, task.started + limit))
        self._store.save(job)


def main(folder: Path) -> int:
    """Detach; returns in the parent when the supervisor has its lock."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        return 0 if os.read(reader, 1) else 1
    os.close(reader)
    _detach(folder)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    become_subreaper()
    supervisor = Supervisor(JobStore(folder), len(os.sched_getaffinity(0)))
    os.write(writer, b"1")
    os.close(writer)
    supervisor.run()
    kill_descendants()
    return 0


def _detach(folder: Path) -> None:
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(folder / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _start_process(
    job: LocalJob, task: LocalTask, own_environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    environment = {
        **own_environment,
        "SLURM_JOB_ID": str(job.id),
        "SLURM_JOB_NAME": job.name,
        "SLURM_ARRAY_JOB_ID": str(job.id),
        "SLURM_ARRAY_TASK_ID": str(task.index),
        "SLURM_SUBMIT_DIR": job.work_dir,
    }
    with _open_log(task.out, job.append) as out, _open_log(task.err, job.append) as err:
        return subprocess.Popen(
            [*_interpreter(job.script), job.script],
            cwd=job.work_dir, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            start_new_session=True, preexec_fn=_prepare_child(),
        )  # fmt: skip


def _open_log(path: str, append: bool) -> BinaryIO:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # Always in append mode, so that stdout and stderr may be one file.
    if not append:
        Path(path).write_bytes(b"")
    return open(path, "ab")


def _interpreter(script: str) -> list[str]:
    with open(script, encoding="utf-8", errors="replace") as file:
        first = file.readline()
    # As the kernel reads it: a program, and all the rest as one argument.
    return first[2:].split(maxsplit=1) if first.startswith("#!") else ["bash"]


def _prepare_child() -> Callable[[], None]:
    # SIGTERM: a launcher whose supervisor was killed ends its ranks in an orderly way.
    dies = dies_with_parent(Signals.SIGTERM)

    def prepare() -> None:
        dies()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)

    return prepare


def _signal_tree(pid: int, signum: Signals) -> None:
    for each in (pid, *descendants(pid)):
        send(each, signum)


def _orphans(leaders: set[int]) -> set[int]:
    """Our descendants that belong to no task, zombies included.

    All are looked for first: what a task starts meanwhile is then among its own only, not among them.
    """
    everyone = descendants(os.getpid())
    return everyone - leaders.union(*map(descendants, leaders))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
