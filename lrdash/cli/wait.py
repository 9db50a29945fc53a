"""`lrdash wait`: until every run that was submitted has ended."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from lrdash.cli.context import the_monitor
from lrdash.cli.watching import watch
from lrdash.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from lrdash.monitor.monitor import Monitor
    from lrdash.monitor.snapshot import Snapshot

PATIENCE_SECONDS = 300.0
EXIT_RUN_FAILED = 1
EXIT_CHECK_FAILED = 3


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "wait",
        parents=[common],
        help="until all submitted runs have ended; exit 1 when one failed, 3 when a check failed",
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
    try:
        snapshot = _last_snapshot(monitor, arguments.patience)
    finally:
        monitor.close()
    if left_out := [run.key for run in snapshot.runs if run.state is None]:
        print(f"not submitted, and not waited for: {', '.join(left_out)}", file=sys.stderr)
    return verdict(snapshot)


def _last_snapshot(monitor: Monitor, patience: float) -> Snapshot:
    """The one in which nothing that was submitted runs any more."""
    states: dict[str, str | None] = {}
    reached = time.monotonic()
    for snapshot in watch(monitor):
        report_changes(snapshot, states)
        queue = snapshot.sources.queue
        if queue.state in ("fresh", "off"):
            reached = time.monotonic()
            if all(run.state is None for run in snapshot.runs):
                raise UsageError("nothing was submitted; `lrdash submit` does it")
            if not any(run.is_active for run in snapshot.runs):
                return snapshot
        elif time.monotonic() - reached > patience:
            raise UnreachableError(f"no answer for {patience:g} s: {queue.error}; try again later")
    raise AssertionError("watching does not end")


def verdict(snapshot: Snapshot) -> int:
    """The exit code of a sweep in which nothing runs any more."""
    submitted = [run for run in snapshot.runs if run.state is not None]
    if any(run.state != "COMPLETED" for run in submitted):
        return EXIT_RUN_FAILED
    if any(check.has_failed for run in submitted for check in run.checks):
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
