"""What most commands start from: the sweep, its scheduler, the monitor of both."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lrdash.errors import ConfigError, NotInstalledError, UsageError
from lrdash.sweep.find import PATTERN, find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Sweep

if TYPE_CHECKING:
    from lrdash.monitor.monitor import Monitor
    from lrdash.scheduler.base import Scheduler


def the_sweep(arguments: argparse.Namespace) -> Sweep:
    """The sweep of --sweep, else the nearest; several nearest ones are asked about in a terminal."""
    return load_sweep(arguments.sweep or _nearest(Path.cwd()))


def the_scheduler(arguments: argparse.Namespace, sweep: Sweep) -> Scheduler | None:
    """The scheduler of --scheduler, else the one that the sweep was last submitted to, else Slurm.

    None where nothing was submitted and this machine has no Slurm.
    """
    from lrdash.scheduler.known import make_scheduler, usual_scheduler

    return make_scheduler(arguments.scheduler, sweep) if arguments.scheduler else usual_scheduler(sweep)


def submit_scheduler(arguments: argparse.Namespace, sweep: Sweep) -> Scheduler:
    """The scheduler of --scheduler, else Slurm: one that can be submitted to now."""
    import shutil

    from lrdash.scheduler.known import make_scheduler

    name = arguments.scheduler or "slurm"
    if name == "slurm" and shutil.which("sbatch") is None:
        raise NotInstalledError(
            "no sbatch on PATH: log in to the cluster, or run it on this machine with --scheduler local"
        )
    return make_scheduler(name, sweep)


def the_monitor(arguments: argparse.Namespace) -> Monitor:
    from lrdash.monitor.monitor import Monitor

    sweep = the_sweep(arguments)
    return Monitor(sweep, the_scheduler(arguments, sweep))


def _nearest(start: Path) -> Path:
    files = find_sweep_files(start)
    if not files:
        raise ConfigError(f"no {PATTERN} in {start} or above; give a sweep file with --sweep FILE")
    if len(files) == 1:
        return files[0]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        listed = ", ".join(map(str, files))
        raise ConfigError(f"several sweeps here: {listed}; give one with --sweep FILE")
    for number, file in enumerate(files, 1):
        print(f"  {number}  {file}", file=sys.stderr)
    print("Which sweep? ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip()
    if not (answer.isdecimal() and 1 <= int(answer) <= len(files)):
        raise UsageError(f"{answer!r} is none of 1 to {len(files)}")
    return files[int(answer) - 1]
