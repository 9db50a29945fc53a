"""The processes of one test cluster: found by a mark in their environment or by their log, ended by id.

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


def cluster_processes(name: str, directory: str) -> list[int]:
    """Ids of the living processes of cluster `name`, whose files lie in `directory`."""
    mark = f"{MARK}={name}".encode()
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            # Zombies have no environment, and from 24.05 on slurmstepd empties its own.
            environment = (process / "environ").read_bytes().split(b"\0")
            if mark in environment or _is_step_of(process, directory):
                pids.append(int(process.name))
    return pids


def _is_step_of(process: Path, directory: str) -> bool:
    """Whether this is a slurmstepd that writes into the cluster's log."""
    if not (process / "comm").read_text().startswith("slurmstepd"):
        return False
    return any(f"{directory}/log/" in os.readlink(link) for link in (process / "fd").iterdir())


def end_processes(name: str, directory: str) -> None:
    """Kill until none is left: a daemon may have started another one meanwhile."""
    while pids := cluster_processes(name, directory):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


if __name__ == "__main__":
    _, cluster_name, cluster_directory, afterwards = sys.argv
    sys.stdin.read()
    end_processes(cluster_name, cluster_directory)
    if afterwards == "remove":
        shutil.rmtree(cluster_directory, ignore_errors=True)
