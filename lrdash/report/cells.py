"""The comparison's tables as text cells, the same in every format."""

from __future__ import annotations

from dataclasses import dataclass

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
    f1 = f"F1 ({clean(group.positive)})" if group.positive else "F1 (macro)"
    columns = ("run", "epoch", "n", "accuracy", f1, "macro-F1", "MCC", "AUROC", "log-loss")
    return Table(heading(group), columns, tuple(_run_cells(group, run) for run in group.runs))


def pairs_table(group: GroupComparison) -> Table:
    columns = ("difference", "accuracy, points", "F1, points", "b", "c", "McNemar p", "Holm p", "detectable")
    rows = tuple(_pair_cells(group, pair) for pair in group.pairs)
    return Table("Pairs on the same test rows", columns, rows)


def heading(group: GroupComparison) -> str:
    """`text · 250 test rows · majority class 0.560`."""
    sizes = sorted({run.n for run in group.runs if run.n is not None})
    majority = next((run.majority for run in group.runs if run.majority is not None), None)
    parts = [clean(group.group) if group.group else "runs"]
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


def _pair_cells(group: GroupComparison, pair: Pair) -> tuple[str, ...]:
    run, other = clean(group.find(pair.run).label), clean(group.find(pair.other).label)
    return (
        f"{run} vs {other}",
        difference(pair.accuracy),
        difference(pair.f1),
        f"{pair.only_run:,}",
        f"{pair.only_other:,}",
        p_value(pair.p).removeprefix("p = ").removeprefix("p "),
        p_value(pair.p_holm).removeprefix("p = ").removeprefix("p "),
        DASH if pair.detectable_gap is None else f"{100 * pair.detectable_gap:.1f}",
    )
