"""`lrdash results`: the comparison of a sweep's runs, one run's metrics, its predictions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lrdash.cli.context import the_monitor, the_sweep
from lrdash.errors import ResultsError, UsageError
from lrdash.sweep.find import find_run

if TYPE_CHECKING:
    from lrdash.monitor.snapshot import Snapshot
    from lrdash.report.document import Report
    from lrdash.results.browse import Browser
    from lrdash.results.candidates import Candidate
    from lrdash.results.comparison import Which
    from lrdash.sweep.spec import Sweep

FORMATS = ("table", "md", "csv", "json", "latex", "html")
WITH_PROVENANCE = ("md", "csv", "json", "html")
OF_ONE_RUN = ("table", "json")


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "results",
        parents=[common],
        help="which run is better, with intervals and tests",
        description="All runs of the sweep, or of a GROUP, compared. With a RUN: all its metrics. With "
        "FOLDERs: the runs in them, without a sweep file.",
    )
    parser.add_argument(
        "words", nargs="*", metavar="GROUP|RUN|FOLDER", help="groups, one run, or folders of runs"
    )
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument("--epoch", type=_epoch, default="last", metavar="last|best|N", help="default: last")
    parser.add_argument("--baseline", metavar="RUN", help="differences are from this run")
    parser.add_argument("--predictions", action="store_true", help="of one run: what it said about every row")
    parser.add_argument(
        "--errors", action="store_true", help="with --predictions: only the rows it has wrong"
    )
    parser.add_argument(
        "--where",
        type=_condition,
        metavar="COLUMN=VALUE",
        help="with --predictions: only the rows with this value",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of stdout")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    snapshot = None
    folders = [Path(word) for word in arguments.words]
    if folders and all(folder.is_dir() for folder in folders):
        candidates, name = _of_folders(folders), ", ".join(folder.resolve().name for folder in folders)
        baseline = arguments.baseline
    else:
        sweep = the_sweep(arguments)
        groups = {group.name for group in sweep.groups} & set(arguments.words)
        if arguments.words and groups != set(arguments.words):
            return _one_run(arguments, sweep)
        candidates, name = _of_sweep(sweep), sweep.name
        candidates = [one for one in candidates if not groups or one.group in groups]
        baseline = find_run(sweep, arguments.baseline).name if arguments.baseline else None
        snapshot = _snapshot(arguments) if arguments.format in WITH_PROVENANCE else None
    if _wants_rows(arguments):
        raise UsageError("--predictions is of one run: name it, `lrdash results RUN --predictions`")
    _write(_report(candidates, name, baseline, arguments.epoch, snapshot), arguments)
    return 0


def _wants_rows(arguments: argparse.Namespace) -> bool:
    return bool(arguments.predictions or arguments.errors or arguments.where)


def print_results(sweep: Sweep) -> None:
    """The comparison of a sweep on stdout, as `lrdash results` prints it."""
    from lrdash.report.table import print_table

    print_table(_report(_of_sweep(sweep), sweep.name), sys.stdout)


def _report(
    candidates: Sequence[Candidate],
    name: str,
    baseline: str | None = None,
    epoch: Which = "last",
    snapshot: Snapshot | None = None,
) -> Report:
    from lrdash.report.document import make_report
    from lrdash.results.compare import compare

    return make_report(compare(candidates, sweep=name, baseline=baseline, epoch=epoch), candidates, snapshot)


def _snapshot(arguments: argparse.Namespace) -> Snapshot:
    """States and check verdicts, for the report's provenance."""
    monitor = the_monitor(arguments)
    try:
        monitor.poll_queue()
        return monitor.poll_files()
    finally:
        monitor.close()


def _of_sweep(sweep: Sweep) -> Sequence[Candidate]:
    from lrdash.results.candidates import prediction_store, sweep_candidates
    from lrdash.results.history import ResultsReader

    return sweep_candidates(sweep, ResultsReader(), prediction_store())


def _of_folders(folders: Sequence[Path]) -> Sequence[Candidate]:
    from lrdash.results.candidates import prediction_store
    from lrdash.results.foreign import find_runs, foreign_candidates
    from lrdash.results.history import ResultsReader

    return foreign_candidates(find_runs(folders), ResultsReader(), prediction_store())


def _write(report: Report, arguments: argparse.Namespace) -> None:
    from lrdash.report.formats import render
    from lrdash.report.table import print_table

    if arguments.format == "table" and arguments.output is None:
        print_table(report, sys.stdout)
        return
    _put([render(report, arguments.format)], arguments.output)


def _put(lines: Iterable[str], output: Path | None) -> None:
    if output is None:
        sys.stdout.writelines(lines)
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from None
    print(f"wrote {output}", file=sys.stderr)


def _one_run(arguments: argparse.Namespace, sweep: Sweep) -> int:
    if len(arguments.words) > 1:
        raise UsageError("give one RUN, or none for the comparison of all")
    if arguments.format not in OF_ONE_RUN:
        raise UsageError(f"one run is shown as {' or '.join(OF_ONE_RUN)}; {arguments.format} is for all runs")
    name = find_run(sweep, arguments.words[0]).name
    candidate = next(one for one in _of_sweep(sweep) if one.run == name)
    if _wants_rows(arguments):
        return _predictions(candidate, arguments)
    _metrics(candidate, arguments)
    return 0


def _metrics(candidate: Candidate, arguments: argparse.Namespace) -> None:
    import msgspec

    from lrdash.report.one_run import print_run
    from lrdash.results.compare import summarize

    summary = summarize(candidate, arguments.epoch)
    if arguments.format == "json":
        document = {"reported": candidate.results.predict, "computed": summary}
        text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
        _put([text, "\n"], arguments.output)
        return
    with _stream(arguments.output) as stream:
        print_run(summary, candidate.results, stream)


def _predictions(candidate: Candidate, arguments: argparse.Namespace) -> int:
    """The run's rows: a table, or with `--format json` the lines of the file as they are."""
    import msgspec

    from lrdash.report.cells import clean
    from lrdash.report.one_run import prediction_lines
    from lrdash.results.browse import Browser

    predictions = candidate.predictions
    if predictions is None:
        raise ResultsError(candidate.problem or f"{candidate.run} has no predictions yet")
    browser = Browser({candidate.run: predictions})
    chosen = browser.rows("errors" if arguments.errors else "all")
    title = f"{len(chosen):,} rows"
    if arguments.where:
        column, value = arguments.where
        chosen = _where(browser, chosen, column, value)
        right, rows = browser.accuracy_by(column, candidate.run)[value]
        title = f"{len(chosen):,} rows · {column}={value}: {right:,} of {rows:,} right ({right / rows:.3f})"
    lines: Iterable[str]
    if arguments.format == "json":
        lines = (msgspec.json.encode(predictions.row(at)).decode() for at in chosen)
    else:
        lines = prediction_lines(browser, chosen, clean(title))
    _put((line + "\n" for line in lines), arguments.output)
    return 0


@contextmanager
def _stream(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a text that becomes the file."""
    if output is None:
        yield sys.stdout
        return
    text = StringIO()
    yield text
    _put([text.getvalue()], output)


def _where(browser: Browser, rows: Sequence[int], column: str, value: str) -> list[int]:
    """Those of the rows whose column has this value; a mistake is answered with the names that there are."""
    from lrdash.report.cells import clean

    names = browser.column_names()
    if column not in names:
        raise UsageError(f"--where {column}={value}: no such column; there are {', '.join(names)}")
    known = browser.accuracy_by(column, browser.runs[0])
    if value not in known:
        some = ", ".join(list(known)[:12]) + (", …" if len(known) > 12 else "")
        raise UsageError(f"--where {column}={value}: no row has this value; there are {clean(some[:200])}")
    return browser.where(rows, column, value)


def _condition(text: str) -> tuple[str, str]:
    column, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no COLUMN=VALUE")
    return column, value


def _epoch(text: str) -> Which:
    if text in ("last", "best"):
        return text
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is none of last, best and an epoch's number")
