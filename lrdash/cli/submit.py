"""`lrdash submit`: preflight, then one array job a group."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lrdash.cli.context import submit_scheduler, the_sweep
from lrdash.cli.findings import narrate
from lrdash.control.arguments import add_submission, chosen_runs, parse_overrides
from lrdash.errors import UsageError
from lrdash.sweep.spec import Run, Sweep

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
    add_submission(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
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
    if arguments.dry_run:
        print("\n".join(plan.shell_commands(scheduler)))
        return 0
    if not _agreed(arguments, plan, scheduler):
        print("Nothing was submitted.", file=sys.stderr)
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

    failed = tuple(run for run in failed_runs(sweep, scheduler) if run in runs)
    if not failed:
        raise UsageError("--failed: none of these runs has failed; leave it out to submit them all")
    _advise(sweep, scheduler, failed)
    return failed


def _advise(sweep: Sweep, scheduler: Scheduler, failed: tuple[Run, ...]) -> None:
    """Why each run failed, and what it needs not to fail likewise; nothing where nothing is to be changed."""
    from lrdash.monitor.monitor import Monitor
    from lrdash.scheduler.known import make_scheduler

    monitor = Monitor(sweep, make_scheduler(scheduler.name, sweep))  # which it closes
    try:
        monitor.poll_queue()
        found = {run.key: run.diagnosis for run in monitor.poll_files(whole=True).runs}
    finally:
        monitor.close()
    for run in failed:
        cause = found.get(run.key)
        if cause is not None and cause.failure not in ("cancelled", "preempted", "vanished"):
            words = f"{run.key} failed ({cause.words}): {cause.remedy}"
            command = cause.command or ""
            shown = f": {command}" if " --set " in command or " -- " in command else ""
            print(f"note     {words}{shown}", file=sys.stderr)


def _agreed(arguments: argparse.Namespace, plan: SubmissionPlan, scheduler: Scheduler) -> bool:
    """Asked in a terminal only; a script that calls submit means it."""
    if arguments.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    print("\n".join(plan.shell_commands(scheduler)), file=sys.stderr)
    print("Submit? [Y/n] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")
