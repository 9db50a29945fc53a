"""Process trees of this machine (Linux): who descends from whom, and how to leave nobody behind."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Descendants whose parent ends become children of this process, not of init."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def dies_with_parent(signum: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends the child `signum` when the thread that started it ends."""
    parent = os.getpid()

    def arrange() -> None:
        _prctl(_PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # the parent ended before the call
            os.kill(os.getpid(), signum)

    return arrange


def descendants(pid: int) -> set[int]:
    """Children of `pid`, their children and so on, as they are at this moment."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        new = children.get(waiting.pop(), [])
        found.update(new)
        waiting.extend(new)
    return found


def kill_descendants() -> None:
    """Kill every descendant of this process, also those that appear meanwhile, and reap them.

    Only complete in a subreaper.
    """
    while left := descendants(os.getpid()):
        for pid in left:
            send(pid, signal.SIGKILL)
        reap(left)
        time.sleep(0.01)


def send(pid: int, signum: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signum)


def start_time(pid: int) -> int | None:
    """Clock ticks between boot and the start of `pid`: with it, a pid that was given out again is known."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name, state first (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return []


def reap(pids: set[int]) -> None:
    """Take the exit statuses of those of our children that have ended."""
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
