"""`lrdash preflight`: what would go wrong, before anything is submitted."""

from __future__ import annotations

import argparse

from lrdash.cli.context import submit_scheduler, the_sweep
from lrdash.cli.findings import finding_line
from lrdash.control.arguments import add_choice, chosen_runs


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "preflight",
        parents=[common],
        help="check data, models, scripts, limits, disk: what would go wrong",
        description="Exit code 2 when anything stands in the way of a submission.",
        epilog="Options after -- go to sbatch, as with submit.",
    )
    add_choice(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    from lrdash.control.preflight import preflight
    from lrdash.control.submission import plan_submission

    sweep = the_sweep(arguments)
    scheduler = submit_scheduler(arguments, sweep)
    runs = chosen_runs(sweep, arguments.group, arguments.index)
    plan = plan_submission(sweep, scheduler, runs, options=arguments.extra)
    findings = preflight(plan.sweep, scheduler, plan.jobs)
    for finding in findings:
        print(finding_line(finding))
    return 2 if any(finding.level == "error" for finding in findings) else 0
