"""Train one run on this machine: identity, port, command, signals, and nobody left behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lrdash.errors import LrdashError
from lrdash.launch.attempt import Attempt, read_attempt
from lrdash.launch.command import DRY_RUN, run_command, run_environment, shell_text
from lrdash.launch.gpu import check_gpus
from lrdash.launch.port import STEP, reserved_port
from lrdash.launch.progress import written_files
from lrdash.launch.streams import log_positions, port_was_taken
from lrdash.launch.supervision import Supervision
from lrdash.scheduler.processes import become_subreaper
from lrdash.sweep.paths import results_dir, saves_dir
from lrdash.sweep.spec import Run, Sweep

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""As a shell has them."""


def launch(sweep: Sweep, run: Run, extra: Sequence[str]) -> int:
    """Train `run` and return the exit code of the training."""
    attempt = read_attempt(os.environ)
    supervision = Supervision(sweep, run, attempt)
    become_subreaper()
    preferred = sweep.run_port(run)
    if DRY_RUN in extra:
        return _train(sweep, run, attempt, preferred, extra, supervision)
    folders = saves_dir(sweep, run), results_dir(sweep, run)
    before = written_files(*folders)
    while True:
        with reserved_port(preferred) as port:
            starts = log_positions()
            code = _train(sweep, run, attempt, port, extra, supervision)
        has_trained = not port_was_taken(starts) or written_files(*folders) != before
        if code == 0 or supervision.was_signalled or has_trained:
            return supervision.after(code)
        # Something else took the port between our look and torchrun's: nothing has been trained yet.
        preferred = port + STEP


def show(sweep: Sweep, run: Run, extra: Sequence[str]) -> str:
    """The command of a run, without running anything."""
    attempt = read_attempt(os.environ)
    return shell_text(_command(sweep, run, attempt, sweep.run_port(run), extra), sweep.root)


def _train(
    sweep: Sweep, run: Run, attempt: Attempt, port: int, extra: Sequence[str], supervision: Supervision
) -> int:
    command = _command(sweep, run, attempt, port, extra)
    _say(attempt.identity(sweep, run, port))
    if sweep.require_gpu and DRY_RUN not in extra:
        check_gpus(sweep.group(run.group).processes, os.environ)
    _show(shell_text(command, sweep.root))
    environment = {**os.environ, **run_environment(sweep.group(run.group), port)}
    try:
        return supervision.run(command, environment, sweep.root)
    except FileNotFoundError:
        problem = f"{command[0]}: not found; is `program` of group {run.group} installed here?"
        raise CannotStartError(problem, NOT_FOUND) from None
    except OSError as error:  # no permission to execute it, or no `#!` line
        problem = (
            f"{command[0]}: cannot be executed: {error.strerror}; correct `program` of group {run.group}"
        )
        raise CannotStartError(problem, NOT_EXECUTABLE) from None


def _command(sweep: Sweep, run: Run, attempt: Attempt, port: int, extra: Sequence[str]) -> list[str]:
    fresh = ["--overwrite_output_dir", "true"] if attempt.fresh else []
    return run_command(sweep, run, port, attempt.overrides, [*fresh, *extra])


def _say(line: object) -> None:
    """On both streams, so that either log says whose it is."""
    print(line, flush=True)
    print(line, file=sys.stderr, flush=True)


def _show(command: str) -> None:
    """Marked as a shell's `set -x` marks it: who reads the log must not take its words for a failure."""
    print("\n".join(f"+ {line}" for line in command.splitlines()), flush=True)


class CannotStartError(LrdashError):
    """The group's program is not on this machine, or is none."""

    def __init__(self, problem: str, exit_code: int) -> None:
        super().__init__(problem)
        self.exit_code = exit_code
