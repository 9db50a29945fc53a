"""Runs Slurm's programs in an environment that keeps their output the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lrdash.errors import UnreachableError
from lrdash.scheduler.environment import submit_environment
from lrdash.scheduler.programs import CommandLog, Finished, Programs
from lrdash.scheduler.slurm.errors import translate

TIMEOUT_SECONDS = 60.0
"""Longer than Slurm's own MessageTimeout (10 s): Slurm's answer says more than our giving up."""
SUBMIT_TIMEOUT_SECONDS = 180.0
"""An sbatch that is killed may still have submitted, so it gets all the time it could need."""

# SQUEUE_STATES and the like silently change what is printed.
_CHANGES_OUTPUT = ("SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_", "SINFO_")


class SlurmClient:
    """Slurm's programs; every call blocks, every failure is a SchedulerError."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._submit_environment = submit_environment(environment)
        self._programs = Programs(query_environment(environment))

    @property
    def log(self) -> CommandLog:
        return self._programs.log

    def ask(self, *command: str, timeout: float = TIMEOUT_SECONDS) -> str:
        """Standard output of a program that must succeed."""
        finished = self.run(*command, timeout=timeout)
        if finished.exit_status:
            raise translate(finished)
        return finished.out

    def run(self, *command: str, timeout: float = TIMEOUT_SECONDS) -> Finished:
        """Run a program whose exit status says too little to decide by."""
        return self._programs.run(*command, timeout=timeout)

    def submit(self, command: tuple[str, ...], cwd: Path, environment: Mapping[str, str]) -> Finished:
        """Run sbatch in the user's own environment; it is never killed by `close`."""
        finished = self._programs.run(
            *command,
            timeout=SUBMIT_TIMEOUT_SECONDS,
            cwd=cwd,
            environment={**self._submit_environment, **environment},
            outlives_close=True,
        )
        if signal := _ending_signal(finished.exit_status):
            raise UnreachableError(f"sbatch: was ended by signal {signal} before it answered")
        if finished.exit_status:
            raise translate(finished)
        return finished

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond `close`."""
        self._programs.pause(seconds)

    def close(self) -> None:
        self._programs.close()


def _ending_signal(exit_status: int) -> int:
    """The signal that ended a program, or the one that a shell around it reports (128 + signal); else 0."""
    if exit_status < 0:
        return -exit_status
    return exit_status - 128 if 128 < exit_status < 192 else 0


def query_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which squeue prints what it prints everywhere; times are Unix seconds."""
    plain = {
        key: value
        for key, value in submit_environment(environment).items()
        if not key.startswith(_CHANGES_OUTPUT)
    }
    return {**plain, "LC_ALL": "C.UTF-8", "SLURM_TIME_FORMAT": "%s"}
