"""`lrdash wait`: until every run has ended."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from lrdash.cli.context import the_monitor
from lrdash.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from lrdash.monitor.snapshot import RunStatus, Snapshot

PATIENCE_SECONDS = 300.0
EXIT_RUN_FAILED = 1
EXIT_CHECK_FAILED = 3


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "wait",
        parents=[common],
        help="until all runs have ended; exit 1 when one failed, 3 when a check failed",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="how long the scheduler may be unreachable (default: %(default)g)",
    )
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    monitor = the_monitor(arguments)
    states: dict[str, str | None] = {}
    reached = time.monotonic()
    try:
        while True:
            monitor.poll_queue()
            snapshot = monitor.poll_files(whole=True)
            report_changes(snapshot, states)
            queue = snapshot.sources.queue
            if queue.state in ("fresh", "off") and all(run.state is None for run in snapshot.runs):
                raise UsageError("nothing was submitted; `lrdash submit` does it")
            if queue.state in ("fresh", "off"):
                reached = time.monotonic()
                if not any(is_active(run) for run in snapshot.runs):
                    return verdict(snapshot)
            elif time.monotonic() - reached > arguments.patience:
                raise UnreachableError(
                    f"no answer for {arguments.patience:g} s: {queue.error}; try again later"
                )
            time.sleep(min(monitor.queue_interval, monitor.files_interval))
    finally:
        monitor.close()


def is_active(run: RunStatus) -> bool:
    """Whether the run may still change without anybody's doing; a run that was never submitted may not."""
    from lrdash.scheduler.base import FINISHED_STATES

    return run.state is not None and run.state not in FINISHED_STATES and run.state != "UNKNOWN"


def verdict(snapshot: Snapshot) -> int:
    """The exit code of a sweep in which nothing runs any more."""
    if any(run.state != "COMPLETED" for run in snapshot.runs):
        return EXIT_RUN_FAILED
    failed = ("MISSING", "WRONG_VALUE", "FORBIDDEN")
    if any(check.verdict in failed for run in snapshot.runs for check in run.checks):
        return EXIT_CHECK_FAILED
    return 0


def report_changes(snapshot: Snapshot, states: dict[str, str | None]) -> None:
    """One line on stderr for each run whose state is not the one seen before."""
    for run in snapshot.runs:
        if states.get(run.key) != run.state:
            states[run.key] = run.state
            accuracy = (run.metrics.last or {}).get("eval_accuracy")
            words = "" if accuracy is None else f", accuracy {accuracy:.3f}"
            cause = f": {run.diagnosis.remedy}" if run.diagnosis else ""
            print(f"{run.key:10} {run.run}: {run.state or 'not submitted'}{words}{cause}", file=sys.stderr)
