"""`lrdash launch`: train one run, on the compute node."""

from __future__ import annotations

import argparse
from pathlib import Path

from lrdash.errors import UsageError
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Run, Sweep


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "launch",
        help="on the compute node: train one run",
        description="Train one run of a sweep on this machine. Exit code: the training's.",
        epilog="Arguments after -- go to the trainer.",
    )
    parser.add_argument("sweep", type=Path, metavar="SWEEP", help="the sweep file")
    parser.add_argument("--group", required=True, help="the run's group")
    parser.add_argument("--index", required=True, type=int, help="the run's position in the group")
    parser.add_argument("--print", action="store_true", help="show the command and stop")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    from lrdash.launch.run import launch, show

    sweep = load_sweep(arguments.sweep)
    meant = _the_run(sweep, arguments.group, arguments.index)
    if arguments.print:
        print(show(sweep, meant, arguments.extra))
        return 0
    return launch(sweep, meant, arguments.extra)


def _the_run(sweep: Sweep, group: str, index: int) -> Run:
    names = [each.name for each in sweep.groups]
    if group not in names:
        raise UsageError(f"--group {group}: {sweep.file} has the groups {', '.join(names)}")
    runs = sweep.group(group).runs
    if not 0 <= index < len(runs):
        raise UsageError(
            f"--index {index}: group {group} of {sweep.file} has {len(runs)} runs, 0 to {len(runs) - 1}; "
            f"is --array of its script right?"
        )
    return runs[index]
