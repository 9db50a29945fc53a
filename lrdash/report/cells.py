"""The comparison's tables as text cells, the same in every format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrdash.monitor.snapshot import Evidence
from lrdash.report.document import Report, RunProvenance
from lrdash.results.comparison import Estimate, GroupComparison, Pair, RunSummary
from lrdash.results.wording import fraction, p_value, signed

DASH = "–"


@dataclass(frozen=True)
class Table:
    """A heading, column names and rows of text; the first column is text, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def clean(text: str) -> str:
    """Text of a data set or folder without what a terminal would obey."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def runs_table(group: GroupComparison) -> Table:
    """A row a run; epoch and number of rows are columns only where the runs differ in them."""
    f1 = f"F1 ({clean(group.positive)})" if group.positive else "F1 (macro)"
    columns = ("run", "epoch", "n", "accuracy", f1, "macro-F1", "MCC", "AUROC", "log-loss")
    rows = [_run_cells(group, run) for run in group.runs]
    shown = [at for at in range(len(columns)) if at not in (1, 2) or len({row[at] for row in rows}) > 1]
    return Table(
        heading(group),
        tuple(columns[at] for at in shown),
        tuple(tuple(row[at] for at in shown) for row in rows),
    )


def pairs_table(group: GroupComparison) -> Table:
    columns = ("first − second", "accuracy, points", "F1, points", "b", "c", "p", "Holm p", "gap")
    rows = tuple(_pair_cells(group, pair) for pair in group.pairs)
    title = (
        "Pairs on the same test rows · b, c: rows that only the first, only the second has right · "
        "gap: smallest detectable"
    )
    return Table(title, columns, rows)


def provenance_table(report: Report) -> Table:
    columns = ("run", "state", "job", "commit", "arguments", "checks", "epochs from", "written")
    return Table("Provenance", columns, tuple(map(_provenance_cells, report.provenance)))


def short_provenance_table(report: Report) -> Table:
    """What the result files themselves say, for a page that asks no scheduler; known columns only."""
    whole = provenance_table(report)
    wanted = [whole.columns.index(name) for name in ("run", "job", "commit", "arguments", "written")]
    shown = [at for at in wanted if any(row[at] != DASH for row in whole.rows)]
    rows = tuple(_at(row, shown) for row in whole.rows)
    return Table("Provenance", _at(whole.columns, shown), rows)


def checks_table(report: Report) -> Table:
    """Every verdict of every run with what it rests on."""
    columns = ("run", "check", "verdict", "expected", "observed", "evidence")
    rows = tuple(
        tuple(
            map(
                clean,
                (one.run, check.name, check.verdict, check.expected, check.observed, place(check.evidence)),
            )
        )
        for one in report.provenance
        for check in one.checks
    )
    return Table("Checks", columns, rows)


def place(evidence: Evidence) -> str:
    """`logs/123_2.out:41: the line`."""
    where = "" if evidence.file is None else evidence.file
    where += "" if evidence.line is None else f":{evidence.line}"
    return ": ".join(part for part in (where, evidence.text.strip()) if part) or DASH


def _at(row: tuple[str, ...], shown: Sequence[int]) -> tuple[str, ...]:
    return tuple(row[at] for at in shown)


def heading(group: GroupComparison) -> str:
    """`text · epoch 6 · 250 test rows · majority class 0.560`."""
    sizes = sorted({run.n for run in group.runs if run.n is not None})
    majority = next((run.majority for run in group.runs if run.majority is not None), None)
    parts = [clean(group.group) if group.group else "runs"]
    epochs = {run.epoch for run in group.runs}
    if len(epochs) == 1 and (epoch := epochs.pop()) is not None:
        parts.append(f"epoch {epoch:g}")
    if sizes:
        parts.append(f"{' or '.join(f'{n:,}' for n in sizes)} test rows")
    if majority is not None:
        parts.append(f"majority class {fraction(majority)}")
    return " · ".join(parts)


def estimate(one: Estimate | None, digits: int = 3) -> str:
    """`0.950 (0.915–0.971)`."""
    if one is None:
        return DASH
    if one.low is None or one.high is None:
        return fraction(one.value, digits)
    return f"{fraction(one.value, digits)} ({fraction(one.low, digits)}–{fraction(one.high, digits)})"


def difference(one: Estimate) -> str:
    """`−33.0 (−38.9 to −26.8)`, in points."""
    value = signed(100 * one.value, 1)
    if one.low is None or one.high is None:
        return value
    return f"{value} ({signed(100 * one.low, 1)} to {signed(100 * one.high, 1)})"


def run_label(group: GroupComparison, run: RunSummary) -> str:
    """The run's label with what must be seen at once."""
    marks = [
        mark
        for mark, holds in (("baseline", run.run == group.baseline), ("collapsed", run.collapsed))
        if holds
    ]
    return clean(run.label) + (f" [{', '.join(marks)}]" if marks else "")


def _run_cells(group: GroupComparison, run: RunSummary) -> tuple[str, ...]:
    return (
        run_label(group, run),
        DASH if run.epoch is None else f"{run.epoch:g}",
        DASH if run.n is None else f"{run.n:,}",
        estimate(run.accuracy),
        estimate(run.f1),
        fraction(run.macro_f1),
        fraction(run.mcc),
        fraction(run.auroc),
        fraction(run.log_loss),
    )


def _provenance_cells(one: RunProvenance) -> tuple[str, ...]:
    job = DASH if one.job is None else one.job + (f" restart {one.restart}" if one.restart else "")
    passed = sum(check.verdict == "PASS" for check in one.checks)
    failed = [f"{check.name} {check.verdict}" for check in one.checks if check.has_failed]
    checks = ", ".join(failed) or (f"{passed} of {len(one.checks)} pass" if one.checks else DASH)
    cells = (
        one.run,
        one.state or DASH,
        job,
        (one.git_commit or DASH)[:10],
        (one.args_hash or DASH)[:10],
        checks,
        one.source or DASH,
        one.modified or DASH,
    )
    return tuple(map(clean, cells))


def _pair_cells(group: GroupComparison, pair: Pair) -> tuple[str, ...]:
    run, other = clean(group.find(pair.run).label), clean(group.find(pair.other).label)
    return (
        f"{run} − {other}",
        difference(pair.accuracy),
        difference(pair.f1),
        f"{pair.only_run:,}",
        f"{pair.only_other:,}",
        p_value(pair.p).removeprefix("p = ").removeprefix("p "),
        p_value(pair.p_holm).removeprefix("p = ").removeprefix("p "),
        DASH if pair.detectable_gap is None else f"{100 * pair.detectable_gap:.1f}",
    )
