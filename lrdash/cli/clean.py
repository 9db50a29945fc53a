"""`lrdash clean`: free the disk of what finished runs no longer need."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lrdash.cli.actions import meant_runs
from lrdash.cli.confirm import confirm
from lrdash.cli.context import the_sweep
from lrdash.errors import UsageError
from lrdash.sweep.spec import Run, Sweep

if TYPE_CHECKING:
    from lrdash.control.clean import Removal


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "clean",
        parents=[common],
        help="remove optimizer states and old checkpoints of finished runs",
        description="Keeps the trained model, its head and the newest checkpoint, without optimizer state.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run, `text:2`, or a whole group")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be removed")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    from lrdash.control.clean import plan_cleaning, remove
    from lrdash.control.preflight.disk import gigabytes

    sweep = the_sweep(arguments)
    runs = meant_runs(sweep, arguments.runs)
    _check_ended(sweep, runs)
    removals = plan_cleaning(sweep, runs)
    total = gigabytes(sum(removal.size_bytes for removal in removals))
    if not removals:
        print("Nothing to remove.", file=sys.stderr)
        return 0
    lines = [_line(sweep, removal) for removal in removals]
    if arguments.dry_run:
        print("\n".join(lines))
        return 0
    if not confirm(f"Remove {len(removals)} items, {total}?", lines, yes=arguments.yes):
        print("Nothing was removed.", file=sys.stderr)
        return 0
    print(f"{gigabytes(remove(removals))} freed")
    return 0


def _check_ended(sweep: Sweep, runs: tuple[Run, ...]) -> None:
    from lrdash.scheduler.known import look_everywhere

    active = look_everywhere(sweep).active
    for each in runs:
        if each.key in active:
            state = active[each.key].task.state
            raise UsageError(f"{each.key} {each.name} is {state}: clean it when it has ended")


def _line(sweep: Sweep, removal: Removal) -> str:
    from lrdash.control.preflight.disk import gigabytes

    return f"{removal.run.key:10} {gigabytes(removal.size_bytes):>10}  {removal.path.relative_to(sweep.root)}"
