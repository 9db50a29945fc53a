"""Runs the scheduler's programs; the only module that imports sh.

A program gets a pipe, never a terminal (no 80 columns, no colour), an explicit environment, a session of
its own (Ctrl+C at the dashboard does not reach it) and a time limit. `Programs.close` ends what still runs,
so that quitting never waits for a controller that hangs.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lrdash.errors import NotInstalledError, TimedOutError, UnreachableError

if TYPE_CHECKING:
    import sh

LOG_LENGTH = 1000
FIRST_PAUSE_SECONDS = 0.002
LONGEST_PAUSE_SECONDS = 0.02
ANY_EXIT_STATUS = tuple(range(-64, 256))
"""A failure is the caller's to judge."""
BUFFER_BYTES = 1 << 16


@dataclass(frozen=True)
class Finished:
    """A program that ran to its end, whatever its exit status."""

    command: tuple[str, ...]
    exit_status: int
    """Negative: ended by that signal."""
    out: str
    err: str

    @property
    def program(self) -> str:
        return self.command[0]


@dataclass(frozen=True)
class LoggedCommand:
    """One line of the command log."""

    command: tuple[str, ...]
    started: float
    """Unix seconds."""
    seconds: float
    exit_status: int | None
    """None: it gave no answer, `note` says why."""
    note: str = ""
    """The first line of its standard error."""


class CommandLog:
    """The last commands that were run, oldest first; safe to read from any thread."""

    def __init__(self, length: int = LOG_LENGTH) -> None:
        self._entries: deque[LoggedCommand] = deque(maxlen=length)
        self.total = 0

    @property
    def entries(self) -> tuple[LoggedCommand, ...]:
        return tuple(self._entries.copy())

    def append(self, entry: LoggedCommand) -> None:
        self._entries.append(entry)
        self.total += 1


class Programs:
    """Runs programs, each call blocking its own worker thread."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._closed = threading.Event()
        self.log = CommandLog()

    def run(
        self,
        *command: str,
        timeout: float,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        outlives_close: bool = False,
    ) -> Finished:
        """Run to the end and return what it said.

        Args:
            timeout: seconds, then its whole process group is killed.
            environment: instead of the environment given at construction.
            outlives_close: a program that must not be killed half-way (sbatch): `close` and Ctrl+C only stop
                waiting for it.

        Raises:
            NotInstalledError: there is no such program on PATH, or it cannot be started.
            TimedOutError: no answer in time; what it was asked may still happen.
            UnreachableError: closed meanwhile.
        """
        started, clock = time.time(), time.monotonic()
        note, exit_status = "", None
        try:
            running = self._start(command, cwd, self._environment if environment is None else environment)
            finished = self._wait(running, command, clock + timeout, timeout, outlives_close)
            note, exit_status = finished.err.strip().partition("\n")[0], finished.exit_status
        except (NotInstalledError, UnreachableError) as error:
            note = str(error)
            raise
        finally:
            seconds = time.monotonic() - clock
            self.log.append(LoggedCommand(command, started, seconds, exit_status, note))
        return finished

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond `close`."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Kill what runs and refuse to run more; waiting threads return at once."""
        self._closed.set()

    def _start(
        self, command: tuple[str, ...], cwd: Path | None, environment: Mapping[str, str]
    ) -> sh.RunningCommand:
        import sh  # 80 ms that a screen without a scheduler never pays

        logging.getLogger("sh").setLevel(logging.WARNING)
        path = shutil.which(command[0], path=environment.get("PATH"))
        if path is None:
            raise NotInstalledError(
                f"{command[0]}: not on PATH; load the scheduler's module or add its folder"
            )
        if self._closed.is_set():
            raise UnreachableError(f"{command[0]}: not run, lrdash is closing")
        try:
            return sh.Command(path)(
                *command[1:],
                _bg=True,
                _bg_exc=False,
                _return_cmd=True,
                _ok_code=ANY_EXIT_STATUS,
                _env=dict(environment),
                _cwd=str(cwd) if cwd else None,
                _new_session=True,
                _tty_out=False,
                _no_pipe=True,
                _out_bufsize=BUFFER_BYTES,
                _err_bufsize=BUFFER_BYTES,
            )
        except (OSError, sh.ForkException) as error:  # no process left; its interpreter or folder is missing
            cause = str(error).strip().rpartition("\n")[2].strip()
            raise NotInstalledError(f"{path}: cannot be started: {cause}") from None

    def _wait(
        self,
        running: sh.RunningCommand,
        command: tuple[str, ...],
        deadline: float,
        timeout: float,
        outlives_close: bool,
    ) -> Finished:
        pause = FIRST_PAUSE_SECONDS
        try:
            while running.is_alive():
                if self._closed.wait(pause):
                    raise UnreachableError(f"{command[0]}: no answer before lrdash was closed")
                if time.monotonic() > deadline:
                    raise TimedOutError(
                        f"{command[0]}: no answer within {timeout:g} s; it may still have been done"
                    )
                pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        except BaseException as error:  # Ctrl+C too: in its own session, the program would never hear of it
            if isinstance(error, TimedOutError) or not outlives_close:
                _kill(running)
            raise
        out, err = bytes(running.stdout), bytes(running.stderr)
        return Finished(
            command, running.exit_code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
        )


def _kill(running: sh.RunningCommand) -> None:
    with suppress(ProcessLookupError):
        running.process.signal_group(9)
    running.wait()
