"""The processes of one test cluster: found by a mark in their environment, ended by their ids.

Run as a program it is the cluster's reaper: it waits until its standard input closes, which also
happens when the test process is killed, and then leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

MARK = "SLURM_CLUSTER_NAME"
"""Set for the daemons by us, for every process of a job by Slurm; its value is the cluster's own."""


def marked_processes(name: str) -> list[int]:
    """Ids of the living processes of cluster `name` (zombies have no environment)."""
    mark = f"{MARK}={name}".encode()
    pids = []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (directory / "environ").read_bytes().split(b"\0"):
                pids.append(int(directory.name))
    return pids


def end_processes(name: str) -> None:
    """Kill until none is left: a daemon may have started another one meanwhile."""
    while pids := marked_processes(name):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


if __name__ == "__main__":
    _, cluster_name, directory_to_remove = sys.argv
    sys.stdin.read()
    end_processes(cluster_name)
    if directory_to_remove:
        shutil.rmtree(directory_to_remove, ignore_errors=True)
