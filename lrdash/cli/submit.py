"""`lrdash submit`: preflight, then one array job a group."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lrdash.cli.context import make_scheduler, the_sweep
from lrdash.errors import NotInstalledError, UsageError
from lrdash.sweep.spec import Run, Scalar, Sweep

if TYPE_CHECKING:
    from lrdash.control.submission import SubmissionPlan
    from lrdash.scheduler.base import Scheduler


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "submit",
        parents=[common],
        help="preflight, then one array job a group",
        epilog="Options after -- go to sbatch: lrdash submit --group text -- --time=30:00:00",
    )
    add_choice(parser)
    parser.add_argument(
        "--failed", action="store_true", help="only runs that ended without success; they resume"
    )
    parser.add_argument("--fresh", action="store_true", help="start over instead of resuming")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change an argument of the trainer"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the exact commands and stop")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")
    parser.set_defaults(command=run)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The options by which groups and indices are chosen."""
    parser.add_argument("--group", action="append", default=[], metavar="G", help="only this group")
    parser.add_argument("--index", type=parse_indices, metavar="0,2", help="only these array indices")


def run(arguments: argparse.Namespace) -> int:
    from lrdash.cli.preflight import narrate
    from lrdash.control.preflight import preflight, raise_errors
    from lrdash.control.submission import carry_out, check_not_active, plan_submission

    sweep = the_sweep(arguments)
    scheduler = submit_scheduler(arguments, sweep)
    plan = plan_submission(
        sweep,
        scheduler,
        _chosen(arguments, sweep, scheduler),
        overrides=parse_overrides(arguments.set),
        fresh=arguments.fresh,
        options=arguments.extra,
    )
    findings = preflight(plan.sweep, scheduler, plan.jobs)
    narrate(findings)
    raise_errors(findings)
    check_not_active(plan, scheduler)
    if arguments.dry_run or not _agreed(arguments, plan, scheduler):
        print("\n".join(plan.shell_commands(scheduler)))
        return 0
    code = 0
    for outcome in carry_out(plan, scheduler):
        print(outcome, file=sys.stderr if outcome.error else sys.stdout, flush=True)
        code = outcome.error.exit_code if outcome.error else code
    return code


def _chosen(arguments: argparse.Namespace, sweep: Sweep, scheduler: Scheduler) -> tuple[Run, ...]:
    runs = chosen_runs(sweep, arguments.group, arguments.index)
    if not arguments.failed:
        return runs
    from lrdash.control.outcome import failed_runs

    failed = [each for each in failed_runs(sweep, scheduler) if each.run in runs]
    if not failed:
        raise UsageError("--failed: none of these runs has failed; leave it out to submit them all")
    for each in failed:
        if each.advice and not arguments.extra:
            print(f"note     {each.advice}", file=sys.stderr)
    return tuple(each.run for each in failed)


def _agreed(arguments: argparse.Namespace, plan: SubmissionPlan, scheduler: Scheduler) -> bool:
    """Asked in a terminal only; a script that calls submit means it."""
    if arguments.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    print("\n".join(plan.shell_commands(scheduler)), file=sys.stderr)
    print("Submit? [Y/n] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def parse_indices(text: str) -> tuple[int, ...]:
    """Array indices, as sbatch's --array takes them."""
    from lrdash.sweep.script import parse_array

    indices = parse_array(text)
    if indices is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of indices such as 0,2 or 0-2")
    return indices


def chosen_runs(sweep: Sweep, groups: Sequence[str], indices: Sequence[int] | None) -> tuple[Run, ...]:
    """The runs of these groups (all by default) at these indices (all by default)."""
    names = [group.name for group in sweep.groups]
    for group in groups:
        if group not in names:
            raise UsageError(f"--group {group}: {sweep.file} has the groups {', '.join(names)}")
    runs = [run for run in sweep.runs if not groups or run.group in groups]
    known = {run.index for run in runs}
    if missing := [index for index in indices or () if index not in known]:
        raise UsageError(f"--index {missing[0]}: {sweep.file} has the indices {_listed(known)}")
    return tuple(run for run in runs if indices is None or run.index in indices)


def parse_overrides(words: Sequence[str]) -> dict[str, Scalar]:
    """`KEY=VALUE` words; values are read as in sweep.yaml."""
    from lrdash.sweep.load import parse_scalar

    overrides = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"--set {word}: give KEY=VALUE, such as per_device_train_batch_size=1")
        overrides[key] = parse_scalar(value)
    return overrides


def submit_scheduler(arguments: argparse.Namespace, sweep: Sweep) -> Scheduler:
    import shutil

    name = arguments.scheduler or "slurm"
    if name == "slurm" and shutil.which("sbatch") is None:
        raise NotInstalledError(
            "no sbatch on PATH: log in to the cluster, or run it on this machine with --scheduler local"
        )
    return make_scheduler(name, sweep)


def _listed(indices: set[int]) -> str:
    return ", ".join(map(str, sorted(indices)))
