"""`lrdash results`: the comparison of a sweep's runs, one run's metrics, its predictions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lrdash.cli.context import the_sweep
from lrdash.errors import UsageError
from lrdash.sweep.find import find_run

if TYPE_CHECKING:
    from lrdash.report.document import Report
    from lrdash.results.comparison import Which
    from lrdash.sweep.spec import Sweep

FORMATS = ("table", "md", "csv", "json", "latex", "html")


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "results", parents=[common], help="which run is better, with intervals and tests"
    )
    parser.add_argument("words", nargs="*", metavar="RUN|FOLDER", help="one run, or folders of runs")
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument("--epoch", type=_epoch, default="last", metavar="last|best|N")
    parser.add_argument("--baseline", metavar="RUN", help="differences are from this run")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of stdout")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    from lrdash.report.formats import render
    from lrdash.report.table import print_table

    sweep = the_sweep(arguments)
    baseline = find_run(sweep, arguments.baseline).name if arguments.baseline else None
    report = _report(sweep, baseline, arguments.epoch)
    if arguments.format == "table" and arguments.output is None:
        print_table(report, sys.stdout)
        return 0
    text = render(report, arguments.format)
    if arguments.output is None:
        sys.stdout.write(text)
        return 0
    try:
        arguments.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{arguments.output}: cannot be written: {error.strerror}") from None
    print(f"wrote {arguments.output}", file=sys.stderr)
    return 0


def print_results(sweep: Sweep) -> None:
    """The comparison of a sweep on stdout, as `lrdash results` prints it."""
    from lrdash.report.table import print_table

    print_table(_report(sweep), sys.stdout)


def _report(sweep: Sweep, baseline: str | None = None, epoch: Which = "last") -> Report:
    from lrdash.report.document import make_report
    from lrdash.results.candidates import prediction_store, sweep_candidates
    from lrdash.results.compare import compare
    from lrdash.results.history import ResultsReader

    candidates = sweep_candidates(sweep, ResultsReader(), prediction_store())
    return make_report(compare(candidates, sweep=sweep.name, baseline=baseline, epoch=epoch), candidates)


def _epoch(text: str) -> Which:
    if text in ("last", "best"):
        return text
    if text.isdigit() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is none of last, best and an epoch's number")
