"""`lrdash status`: one row a run, from the Snapshot."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrdash.monitor.cost import outlook_words, sizing_hints, usage_words
from lrdash.monitor.snapshot import Check, RunStatus, Snapshot, Source
from lrdash.report.cells import DASH, clean
from lrdash.results.wording import fraction
from lrdash.scheduler.base import FINISHED_STATES

PLAIN_WIDTH = 120
GLYPHS = {
    "RUNNING": ("●", "green"),
    "COMPLETING": ("●", "green"),
    "COMPLETED": ("✓", "blue"),
    "CANCELLED": ("⊘", "yellow"),
}
NOT_SUBMITTED = ("·", "dim")
ENDED_BADLY = ("✗", "red")
WAITING = ("◌", "cyan")
COLUMNS = (
    "", "run", "configuration", "state", "epoch", "loss", "accuracy", "F1", "checks", "ends in", "task",
)  # fmt: skip
NUMBERS = frozenset({"epoch", "loss", "accuracy", "F1", "ends in"})
GIVE_WAY = ("F1", "loss", "task", "checks", "ends in", "epoch", "accuracy")
"""Columns that are missed least, the least first; what is wrong stands below the table too."""
_GAP = 2


def print_status(snapshot: Snapshot, file: TextIO | None = None, width: int = PLAIN_WIDTH) -> None:
    """Write the snapshot as a table: glyph and word for every state; colour only in a terminal.

    Args:
        width: columns where the output is no terminal.
    """
    out = file or sys.stdout
    console = Console(file=out, highlight=False, width=None if out.isatty() else width)
    console.print(Text(headline(snapshot), style="bold"), soft_wrap=True)
    console.print(_table(snapshot.runs, console.width))
    for line in _remarks(snapshot):
        console.print(line, soft_wrap=True)


def headline(snapshot: Snapshot) -> str:
    """`lr_experiment_v7 · 2 RUNNING · 1 PENDING · queue 4 s · logs 1 s`."""
    counts: dict[str, int] = {}
    for run in snapshot.runs:
        counts[state_word(run)] = counts.get(state_word(run), 0) + 1
    states = [f"{count} {state}" for state, count in counts.items()]
    sources = snapshot.sources
    named = (("queue", sources.queue), ("logs", sources.logs), ("results", sources.results))
    ages = [f"{name} {_age(source)}" for name, source in named if source.state != "off"]
    return " · ".join([clean(snapshot.sweep), *states, *ages])


def state_word(run: RunStatus) -> str:
    return clean(run.state_word)


def glyph(run: RunStatus) -> tuple[str, str]:
    """The state's glyph and colour; an end that is not success is a cross."""
    if run.state is None:
        return NOT_SUBMITTED
    return GLYPHS.get(run.state) or (ENDED_BADLY if run.state in FINISHED_STATES else WAITING)


def _table(runs: Sequence[RunStatus], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    rows = [dict(zip(COLUMNS, _cells(run), strict=True)) for run in runs]
    columns = _that_fit(rows, width)
    for name in columns:
        table.add_column(
            name, justify="right" if name in NUMBERS else "left", no_wrap=name != "configuration"
        )
    for row in rows:
        table.add_row(*(row[name] for name in columns))
    return table


def _that_fit(rows: Sequence[Mapping[str, Text]], width: int) -> list[str]:
    """Columns for a narrow terminal: first those give way that hold nothing, then the others that may."""
    widths = {name: max(map(cell_len, (name, *(row[name].plain for row in rows)))) for name in COLUMNS}
    empty = [name for name in GIVE_WAY if all(row[name].plain in ("", DASH) for row in rows)]
    for name in (*empty, *GIVE_WAY):
        if sum(each + _GAP for each in widths.values()) <= width:
            break
        widths.pop(name, None)
    return list(widths)


def _cells(run: RunStatus) -> tuple[Text, ...]:
    sign, colour = glyph(run)
    last = run.metrics.last or {}
    texts = (
        run.key if run.group else clean(run.run),
        clean(run.label),
    )
    after = (
        _epoch(run),
        fraction(last.get("eval_loss")),  # as on the screen, beside the other metrics of the test set
        fraction(last.get("eval_accuracy")),
        fraction(last.get("eval_f1")),
        checks_word(run.checks),
        duration(run.progress.eta_seconds),
        clean(run.task or ""),
    )
    return (Text(sign, colour), *map(Text, texts), Text(state_word(run), colour), *map(Text, after))


def checks_word(checks: Sequence[Check]) -> str:
    """`✓ 9`, or the names of those that failed."""
    if not checks:
        return DASH
    if failed := [check.name for check in checks if check.has_failed]:
        return "✗ " + ", ".join(failed)
    passed = sum(check.verdict == "PASS" for check in checks)
    return f"✓ {passed}" if passed == len(checks) else f"{passed}/{len(checks)}"


def duration(seconds: float | None) -> str:
    """`42 s`, `12 min`, `3:05 h`, `1 d 2 h`.

    >>> duration(11100), duration(42.4), duration(93600)
    ('3:05 h', '42 s', '1 d 2 h')
    """
    if seconds is None:
        return DASH
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3570:  # from half a minute before, an hour
        return f"{round(whole / 60)} min"
    if whole < 3600:
        return "1:00 h"
    if whole < 86400:
        return f"{whole // 3600}:{whole % 3600 // 60:02} h"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def _epoch(run: RunStatus) -> str:
    progress = run.progress
    if progress.epoch is None:
        return DASH
    return f"{progress.epoch:.1f}".removesuffix(".0") + (f"/{progress.epochs}" if progress.epochs else "")


def _age(source: Source) -> str:
    age = duration(source.age_seconds)
    return age if source.state == "fresh" else f"{source.state} ({age})"


def _remarks(snapshot: Snapshot) -> Iterator[Text]:
    """What needs more than a cell: why a run waits or died, what it cost, what a source did not say."""
    for run in snapshot.runs:
        if run.diagnosis:
            said = f"{run.key} {run.diagnosis.words}: {clean(run.diagnosis.remedy)}"
            command = f" ({clean(run.diagnosis.command)})" if run.diagnosis.command else ""
            yield Text(said + command, "red")
        elif run.reason and run.state == "PENDING" and not run.left_queue:
            yield Text(f"{run.key} waits: {clean(run.reason_in_words or run.reason)}", "cyan")
        elif run.reason and (run.left_queue or run.state is None):
            yield Text(f"{run.key} {state_word(run)}: {clean(run.reason)}", "yellow")
        for check in run.checks:
            if check.has_failed:
                expected = f"expected {clean(check.expected)}, observed {clean(check.observed)}"
                yield Text(f"{run.key} check {check.name}: {check.verdict}, {expected}", "red")
    for run in snapshot.runs:
        if cost := " · ".join((*outlook_words(run), *usage_words(run), *sizing_hints(run))):
            yield Text(f"{clean(run.key)} {cost}", "dim")
    for name in ("queue", "accounting", "logs", "results"):
        source: Source = getattr(snapshot.sources, name)
        if source.error:
            yield Text(f"{name}: {clean(source.error)}", "yellow")
