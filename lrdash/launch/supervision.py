"""The training process of a run: its signals, its end, and whether it is to be started again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import Signals

from lrdash.errors import SchedulerError
from lrdash.launch.attempt import Attempt
from lrdash.launch.progress import saved_step
from lrdash.scheduler.processes import descendants, dies_with_parent, kill_descendants, send
from lrdash.sweep.paths import saves_dir
from lrdash.sweep.spec import Run, Sweep

MOST_RESTARTS = 10
REMIND_SECONDS = 10.0
"""How often ranks are told again to stop: one that was still loading had no handler yet."""
_ORDERS_TO_END = {Signals.SIGTERM, Signals.SIGINT, Signals.SIGHUP}
_WATCHED = {Signals.SIGCHLD, Signals.SIGUSR1, *_ORDERS_TO_END}


class Supervision:
    """Runs the training as a child and listens for it.

    From its creation on, signals wait until `run` takes them one by one: none interrupts anything.
    """

    def __init__(self, sweep: Sweep, run: Run, attempt: Attempt) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        self._saves = saves_dir(sweep, run)
        self._attempt = attempt
        self._step_at_start = saved_step(self._saves)
        self._time_is_up = False
        self._told_to_end = False

    @property
    def was_signalled(self) -> bool:
        return self._time_is_up or self._told_to_end

    def run(self, command: Sequence[str], environment: Mapping[str, str], directory: Path) -> int:
        """Run a command to its end, and the end of everything that it started; returns its exit code."""
        child = subprocess.Popen(
            command, cwd=directory, env=environment, start_new_session=True, preexec_fn=_prepare_child()
        )
        try:
            while child.poll() is None:
                self._take_signal(child)
        finally:
            kill_descendants()
        # As a shell reports it: 128 + the signal that ended the program.
        return child.returncode if child.returncode >= 0 else 128 - child.returncode

    def after(self, code: int) -> int:
        """Have the run requeued when only its time was up; returns the exit code of this start."""
        if code == 0 or not self._time_is_up:
            return code
        step = saved_step(self._saves)
        reason = self._reason_to_stay_stopped(step)
        # Looked at last: an order to end may have come since the program ended.
        if self._told_to_end or _ORDERS_TO_END & signal.sigpending():
            return code
        if reason:
            print(f"lrdash: not requeued: {reason}", flush=True)
        else:
            print(f"lrdash: requeued to go on from step {step}", flush=True)
            self._requeue()
        return code

    def _take_signal(self, child: subprocess.Popen[bytes]) -> None:
        received = signal.sigtimedwait(_WATCHED, REMIND_SECONDS if self._time_is_up else 3600)
        if received is None and self._time_is_up:
            self._stop_ranks()
        elif received is not None and received.si_signo == Signals.SIGUSR1:
            self._time_is_up = True
            print("lrdash: SIGUSR1: the time limit is near; stopping at the next step", flush=True)
            self._stop_ranks()
        elif received is not None and received.si_signo != Signals.SIGCHLD:
            self._told_to_end = True
            child.send_signal(received.si_signo)

    def _stop_ranks(self) -> None:
        """SIGUSR1 to whoever listens to it: all others inherited that it is ignored."""
        for pid in descendants(os.getpid()):
            send(pid, Signals.SIGUSR1)

    def _reason_to_stay_stopped(self, step: int) -> str | None:
        if self._attempt.scheduler != "slurm":
            return "only Slurm requeues; submit the run again and it resumes"
        if self._attempt.restart >= MOST_RESTARTS:
            return f"this was restart {self._attempt.restart}; submit the run again and it resumes"
        if step <= self._step_at_start:
            return f"step {step} was saved before this start: another would get no further; give more --time"
        return None

    def _requeue(self) -> None:
        from lrdash.scheduler.slurm.client import SlurmClient

        try:
            # Slurm ends this process as soon as it has agreed.
            SlurmClient(os.environ).ask("scontrol", "requeue", self._attempt.job)
        except SchedulerError as error:
            print(f"lrdash: {error}; submit the run again and it resumes", flush=True)


def _prepare_child() -> Callable[[], None]:
    dies = dies_with_parent(Signals.SIGKILL)

    def prepare() -> None:
        dies()
        signal.signal(Signals.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)

    return prepare
