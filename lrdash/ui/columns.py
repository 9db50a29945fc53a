"""The columns of the run table: what each says about a run, and which of them fit a width (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from rich.cells import cell_len

from lrdash.monitor.snapshot import Check, RunStatus, Snapshot
from lrdash.ui.format import (
    NOTHING,
    age,
    bar,
    clock,
    clock_range,
    duration,
    epoch,
    fit,
    fraction,
    loss,
    plain,
    signed,
)
from lrdash.ui.glyphs import UNICODE, Glyphs
from lrdash.ui.rows import FOREIGN, metric
from lrdash.ui.theme import Role, state_look

if TYPE_CHECKING:
    from lrdash.results.comparison import Comparison

Span = tuple[str, Role]
SILENT_SECONDS = 600
"""A running run that wrote nothing for this long is worth a warning."""


class Delta(msgspec.Struct, frozen=True):
    """Accuracy against the baseline; `half_width` of its paired interval once rows were compared."""

    value: float
    half_width: float | None = None
    significant: bool = False
    """After Holm's correction for the number of pairs."""


def deltas(
    runs: Sequence[RunStatus], snapshot: Snapshot, baselines: Mapping[str, str], comparison: Comparison | None
) -> dict[str, Delta]:
    """Differences of the last epochs; with an interval where the same rows were compared."""
    bases = {group: snapshot.find(key) for group, key in baselines.items()}
    found = {}
    for run in runs:
        base = bases.get(run.group or FOREIGN)
        mine, its = metric(run, "eval_accuracy"), metric(base, "eval_accuracy") if base else None
        if base is not None and mine is not None and its is not None:
            found[run.key] = _paired(comparison, run.run, base.run, mine - its)
    return found


def _paired(comparison: Comparison | None, run: str, base: str, value: float) -> Delta:
    """With the paired interval, if the rows that were compared are of the epoch that is shown."""
    for group in comparison.groups if comparison else ():
        pair = group.between(run, base)
        if pair is not None and abs(pair.accuracy.value - value) < 5e-4:
            low, high = pair.accuracy.low, pair.accuracy.high
            half_width = None if low is None or high is None else (high - low) / 2
            return Delta(value, half_width, pair.significant)
    return Delta(value)


class TableContext(msgspec.Struct, frozen=True):
    """What cells need besides the run itself."""

    now: datetime
    glyphs: Glyphs = UNICODE
    baselines: frozenset[str] = frozenset()
    deltas: Mapping[str, Delta] = {}
    bar_width: int = 6
    compact: bool = False
    """Narrow terminal: glyphs instead of words, differences without their interval."""


class Column(msgspec.Struct, frozen=True):
    title: str
    cell: Callable[[RunStatus, TableContext], list[Span]]
    width: int
    """0: as wide as its widest cell."""
    rank: int
    """The highest goes first when there is less room."""
    right: bool = False


def state_cell(run: RunStatus, context: TableContext) -> list[Span]:
    look = state_look(run.state, context.glyphs)
    return [(f"{look.glyph} {plain(run.state_word)}", look.role)]


def epoch_cell(run: RunStatus, context: TableContext) -> list[Span]:
    """A bar, and `3.6/6`."""
    progress, glyphs, width = run.progress, context.glyphs, context.bar_width
    done = progress.epoch
    share = 0.0 if done is None or not progress.epochs else done / progress.epochs
    filled = bar(share, width, glyphs)
    role = state_look(run.state, glyphs).role
    of_all = f"/{progress.epochs}" if progress.epochs else ""
    text = (
        f"{epoch(done)}{of_all}" if done is not None else (f"0{of_all}" if run.state and of_all else NOTHING)
    )
    return [
        (filled, "success" if role == "success" else "muted" if role in ("error", "muted") else role),
        (glyphs.bar_track * (width - len(filled)), "faint"),
        (f" {text}", "text" if done else "faint"),
    ]


def loss_cell(run: RunStatus, context: TableContext) -> list[Span]:
    return _number(loss(metric(run, "eval_loss")))


def accuracy_cell(run: RunStatus, context: TableContext) -> list[Span]:
    return _number(fraction(metric(run, "eval_accuracy")), "bold")


def f1_cell(run: RunStatus, context: TableContext) -> list[Span]:
    return _number(fraction(metric(run, "eval_f1")))


def best_cell(run: RunStatus, context: TableContext) -> list[Span]:
    """The best accuracy and its epoch: selected on the test set, so never shown alone."""
    best = run.metrics.best
    if best is None or best.get("eval_accuracy") is None:
        return _number(NOTHING)
    return [(fraction(best["eval_accuracy"]), "text"), (f" @{epoch(best.get('epoch'))}", "muted")]


def delta_cell(run: RunStatus, context: TableContext) -> list[Span]:
    if run.key in context.baselines:
        return [("baseline", "muted")]
    delta = context.deltas.get(run.key)
    if delta is None:
        return _number(NOTHING)
    text = signed(delta.value, context.glyphs)
    if delta.half_width is None:
        return [(text, "text")]
    mark = _delta_mark(delta, context.glyphs)
    if context.compact:
        return [(f"{text} ", "text"), mark]
    width = fraction(delta.half_width, 2)
    return [(text, "text"), (f" {context.glyphs.plus_minus} {width} ", "muted"), mark]


def _delta_mark(delta: Delta, glyphs: Glyphs) -> Span:
    if not delta.significant:
        return (glyphs.same, "muted")
    return (glyphs.better, "success") if delta.value > 0 else (glyphs.worse, "error")


def optimizer_cell(run: RunStatus, context: TableContext) -> list[Span]:
    """Which optimizer the run was to use, and whether its log proves that it did."""
    kind = "uniform" if run.cls_backbone_learning_rate is None else "separate"
    check = run.check("optimizer")
    if check is None and run.group is None:
        return _number(NOTHING)  # a folder: nothing was asked for
    if context.compact:
        return [_verdict_glyph(check, context.glyphs)]
    if check is None or check.verdict == "WAITING":
        return [(f"{kind} {context.glyphs.waiting}", "muted")]
    if check.verdict == "PASS":
        return [(f"{kind} ", "text"), (context.glyphs.done, "success")]
    return [(f"{context.glyphs.failed} {check.verdict}", "error")]


def _verdict_glyph(check: Check | None, glyphs: Glyphs) -> Span:
    if check is None or check.verdict == "WAITING":
        return (glyphs.waiting, "muted")
    return (glyphs.done, "success") if check.verdict == "PASS" else (glyphs.failed, "error")


def ends_cell(run: RunStatus, context: TableContext) -> list[Span]:
    """When it ends, against the time limit; how long it took; or when it starts."""
    tally = state_look(run.state, context.glyphs).tally
    if tally == "running":
        return _forecast(run, context)
    if tally == "pending":
        return [(_start(run, context.now), "muted")]
    took = run.elapsed_seconds
    return [(f"took {duration(took)}" if took is not None else "", "muted")]


def output_cell(run: RunStatus, context: TableContext) -> list[Span]:
    """How long ago the log grew."""
    silence = run.progress.last_output_seconds
    if silence is None or state_look(run.state, context.glyphs).tally != "running":
        return [("", "muted")]
    return [(age(silence), "warning" if silence > SILENT_SECONDS else "muted")]


def task_cell(run: RunStatus, context: TableContext) -> list[Span]:
    restarts = f" {context.glyphs.preempted}{run.restarts}" if run.restarts else ""
    return [(f"{plain(run.task or '')}{restarts}", "muted")]


def message(run: RunStatus, context: TableContext) -> list[Span]:
    """What is wrong with the run, in words; empty when nothing is."""
    glyphs = context.glyphs
    if run.diagnosis is not None:
        return [
            (run.diagnosis.words, "error"),
            (f" {glyphs.separator} {plain(run.diagnosis.remedy)}", "text"),
        ]
    failed = [check for check in run.checks if check.has_failed and check.name != "optimizer"]
    if failed:
        return [(f"{failed[0].name} {failed[0].verdict}", "error"), (f" {plain(failed[0].observed)}", "text")]
    tally = state_look(run.state, glyphs).tally
    silence = run.progress.last_output_seconds
    if tally == "running" and silence is not None and silence > SILENT_SECONDS:
        return [(f"{glyphs.warning} silent {age(silence)}", "warning")]
    if tally == "pending" or run.left_queue or run.state is None:
        reason = plain(run.reason_in_words or run.reason or "")
        reason = "" if reason == "None" else reason
        words = [word for word in (reason, _start(run, context.now)) if word]
        return [(f" {glyphs.separator} ".join(words), "muted")] if words else []
    return []


COLUMNS = (
    Column("state", state_cell, 0, 0),
    Column("epoch", epoch_cell, 0, 1),
    Column("loss", loss_cell, 6, 4, right=True),
    Column("acc", accuracy_cell, 5, 2, right=True),
    Column("F1", f1_cell, 5, 3, right=True),
    Column("Δ acc", delta_cell, 0, 6),
    Column("best", best_cell, 0, 8),
    Column("optimizer", optimizer_cell, 0, 5),
    Column("ends", ends_cell, 0, 7),
    Column("log", output_cell, 6, 9, right=True),
    Column("task", task_cell, 0, 10),
)


def columns_that_fit(room: int, gap: int, widths: Mapping[str, int]) -> tuple[Column, ...]:
    """The most important columns that fit into `room` cells, in their order on the screen."""
    chosen: set[str] = set()
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        needed = gap + widths[column.title]
        if needed <= room:
            room -= needed
            chosen.add(column.title)
    return tuple(column for column in COLUMNS if column.title in chosen)


def column_widths(runs: Sequence[RunStatus], context: TableContext) -> dict[str, int]:
    """Cells that each column needs for these runs."""
    return {
        column.title: column.width
        or max(
            [len(column_title(column, context)), *(spans_length(column.cell(run, context)) for run in runs)]
        )
        for column in COLUMNS
    }


def fitted_cell(column: Column, run: RunStatus, context: TableContext, width: int) -> list[Span]:
    """A cell of exactly `width`, cut off where it has more to say."""
    spans = column.cell(run, context)
    length = spans_length(spans)
    if length > width:
        text = "".join(text for text, _ in spans)
        return [(fit(text, width, ellipsis=context.glyphs.ellipsis), spans[0][1])]
    padding: Span = (" " * (width - length), "text")
    return [padding, *spans] if column.right else [*spans, padding]


def column_title(column: Column, context: TableContext) -> str:
    if context.compact and column.title == "optimizer":
        return "opt"
    return column.title.replace("Δ", context.glyphs.delta)


def spans_length(spans: Sequence[Span]) -> int:
    return sum(cell_len(text) for text, _ in spans)


def _number(text: str, role: Role = "text") -> list[Span]:
    return [(text, "faint" if text == NOTHING else role)]


def _forecast(run: RunStatus, context: TableContext) -> list[Span]:
    progress = run.progress
    if progress.eta_seconds is None:
        return [("", "muted")]
    low, high = progress.eta_range_seconds or (progress.eta_seconds, progress.eta_seconds)
    text = clock_range(context.now, low, high)
    if progress.exceeds_time_limit:
        return [(f"{text} {context.glyphs.warning} limit", "warning")]
    return [(text, "text")]


def _start(run: RunStatus, now: datetime) -> str:
    if not run.expected_start:
        return ""
    try:
        return f"starts {clock(datetime.fromisoformat(run.expected_start), now)}"
    except ValueError:  # of a recording, which may be anybody's
        return f"starts {plain(run.expected_start)}"
