"""The comparison as lines: runs and pairs with their intervals drawn, then the words (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from lrdash.report.cells import difference, heading
from lrdash.results.comparison import Estimate, GroupComparison, Pair, RunSummary
from lrdash.results.wording import p_value, signed
from lrdash.ui.context import InkSpan
from lrdash.ui.format import NOTHING, fraction, loss, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.plot.interval import interval_scale, interval_spans
from lrdash.ui.series import SeriesLook, series_looks
from lrdash.ui.state import ScreenState
from lrdash.ui.table_text import Cell, beside, table_lines, wrapped
from lrdash.ui.theme import Role
from lrdash.ui.views.compare_matrices import matrix_lines
from lrdash.ui.views.compare_rates import PLOT_WIDTH, rate_lines
from lrdash.ui.widgets.lines import Line, line

NARROW = 96
FULL = 132
BLANK = Line()
PAIR_SEPARATOR = "\0"
"""Between the two runs in the key of a pair's line."""


def comparison_lines(state: ScreenState, glyphs: Glyphs, width: int) -> list[Line]:
    """Group after group; never one against the other."""
    assert state.comparison is not None
    looks = _looks_by_name(state)
    lines: list[Line] = []
    for group in state.comparison.groups:
        lines += _group_lines(group, looks, glyphs, width)
    if not any(run.accuracy for run in state.comparison.runs):
        return [*lines, line((" nothing to compare yet: no epoch has finished", "muted"))]
    return lines


def first_line_of(run: str, state: ScreenState, glyphs: Glyphs, width: int) -> int | None:
    """Where on that page the group of a run begins; None for one that is not compared."""
    looks, at = _looks_by_name(state), 0
    for group in state.comparison.groups if state.comparison else ():
        if any(one.run == run for one in group.runs):
            return at
        at += len(_group_lines(group, looks, glyphs, width))
    return None


def _looks_by_name(state: ScreenState) -> dict[str, SeriesLook]:
    looks = series_looks(state.snapshot.runs)
    return {run.run: looks[run.key] for run in state.snapshot.runs}


def _group_lines(
    group: GroupComparison, looks: Mapping[str, SeriesLook], glyphs: Glyphs, width: int
) -> list[Line]:
    title = plain(heading(group))
    lines = [
        line((f" {title} ", "bold"), (glyphs.horizontal * max(0, width - len(title) - 3), "track")),
        BLANK,
    ]
    for text in group.conclusion[:1]:
        lines += [*wrapped(f"{glyphs.folded} {plain(text)}", width, "accent"), BLANK]
    lines += _run_lines(group, looks, glyphs, width)
    if group.pairs:
        lines += [BLANK, *_pair_lines(group, looks, glyphs, width)]
    lines += [line((f" {glyphs.warning} {plain(text)}", "warning")) for text in group.refused]
    lines.append(BLANK)
    lines += matrix_lines(group, looks, glyphs, width)
    lines += _words_beside_rates(group, looks, glyphs, width)
    for answer in group.answers:
        lines += [BLANK, *wrapped(plain(answer.question), width, "bold")]
        lines += wrapped(f"{glyphs.folded} {plain(answer.verdict)}", width, "primary", "   ")
        lines += wrapped(plain(answer.text), width, "muted", "   ")
    lines.append(BLANK)
    for caveat in group.caveats:
        lines += wrapped(f"{glyphs.warning} {plain(caveat)}", width, "muted")
    return [*lines, BLANK]


def _words_beside_rates(
    group: GroupComparison, looks: Mapping[str, SeriesLook], glyphs: Glyphs, width: int
) -> list[Line]:
    """The pairs in words, beside the accuracy against the rate where there is room for both."""

    def words(room: int) -> list[Line]:
        said = [f"{glyphs.absent} {plain(text)}" for text in group.conclusion[1:]]
        return [part for text in said for part in wrapped(text, room, "text")]

    plot = rate_lines(group, looks, glyphs, min(PLOT_WIDTH, width - 2))
    if not plot or width < PLOT_WIDTH + 40:
        return [*plot, *([BLANK] if plot else []), *words(width)]
    return beside(plot, words(width - PLOT_WIDTH - 2), PLOT_WIDTH + 2)


def _run_lines(
    group: GroupComparison, looks: Mapping[str, SeriesLook], glyphs: Glyphs, width: int
) -> list[Line]:
    known = [run.accuracy for run in group.runs if run.accuracy]
    majority = next((run.majority for run in group.runs if run.majority is not None), None)
    scale = interval_scale(known, *([majority] if majority is not None else []))
    drawn = 16 if width < NARROW else 28
    differ = len({run.epoch for run in group.runs}) > 1
    rows: list[tuple[str, list[Cell]]] = []
    for run in group.runs:
        look = looks.get(run.run, SeriesLook())
        picture = interval_spans(
            run.accuracy, scale, drawn, look.colour, glyphs, marker=look.marker(glyphs), reference=majority
        )
        cells: list[Cell] = [
            [(f"{look.swatch(glyphs)} ", look.colour), (_label(group, run), "text")],
            _estimate(run.accuracy),
            picture,
            *([_number(value)] for value in _numbers(run, width, differ)),
        ]
        rows.append((run.run, cells))
    f1 = f"F1 {plain(group.positive)}" if group.positive else "F1 macro"
    titles = [
        "run",
        "accuracy",
        "95 % interval",
        *(["epoch"] if differ else []),
        f1,
        "macro-F1",
        "MCC",
        "AUROC",
    ]
    titles = [*titles, "log-loss"][: 3 + len(_numbers(group.runs[0], width, differ))]
    return table_lines(titles, [(key, cells) for key, cells in rows], left=frozenset({0, 2}))


def _numbers(run: RunSummary, width: int, with_epoch: bool) -> list[str]:
    """The epoch only where the runs differ in it; else it stands in the heading."""
    f1 = fraction(run.f1.value) if run.f1 else NOTHING
    numbers = [f1, fraction(run.macro_f1), fraction(run.mcc), fraction(run.auroc), loss(run.log_loss)]
    epoch = [NOTHING if run.epoch is None else f"{run.epoch:g}"] if with_epoch else []
    return [*epoch, *numbers][: 1 if width < NARROW else 4 if width < FULL else 6]


def _pair_lines(
    group: GroupComparison, looks: Mapping[str, SeriesLook], glyphs: Glyphs, width: int
) -> list[Line]:
    scale = interval_scale([pair.accuracy for pair in group.pairs], 0.0)
    drawn = 16 if width < NARROW else 28
    rows: list[tuple[str, list[Cell]]] = []
    for pair in group.pairs:
        ink = _verdict_ink(pair)
        picture = interval_spans(pair.accuracy, scale, drawn, ink, glyphs, marker=glyphs.point, reference=0.0)
        cells: list[Cell] = [
            _pair_name(group, pair, looks, glyphs),
            [(_points(pair.accuracy, width), "text")],
            picture,
            [(_holm(pair), "bold" if pair.significant else "muted")],
            [(f"{pair.only_run}:{pair.only_other}", "text")],
            [(difference(pair.f1), "text")],
            [(NOTHING if pair.detectable_gap is None else f"{100 * pair.detectable_gap:.1f}", "muted")],
        ]
        rows.append(
            (
                f"{pair.run}{PAIR_SEPARATOR}{pair.other}",
                cells[: 4 if width < NARROW else 5 if width < FULL else 7],
            )
        )
    titles = [
        "difference",
        "accuracy, points" if width >= NARROW else "points",
        "95 % interval",
        "Holm",
        "only right",
        "F1, points",
        "detectable",
    ]
    return table_lines(titles[: len(rows[0][1])], rows, left=frozenset({0, 2}))


def _pair_name(
    group: GroupComparison, pair: Pair, looks: Mapping[str, SeriesLook], glyphs: Glyphs
) -> list[InkSpan]:
    run, other = group.find(pair.run), group.find(pair.other)
    mine, its = looks.get(run.run, SeriesLook()), looks.get(other.run, SeriesLook())
    return [
        (f"{mine.marker(glyphs)} ", mine.colour),
        (plain(run.label), "text"),
        (" vs ", "muted"),
        (f"{its.marker(glyphs)} ", its.colour),
        (plain(other.label), "text"),
    ]


def _points(one: Estimate, width: int) -> str:
    """In points, with the interval where it has room beside the picture of it."""
    return difference(one) if width >= NARROW else signed(100 * one.value, 1)


def _verdict_ink(pair: Pair) -> Role:
    if not pair.significant:
        return "muted"
    return "success" if pair.accuracy.value > 0 else "error"


def _holm(pair: Pair) -> str:
    return p_value(pair.p_holm).replace(" ", "") if pair.significant else "no evidence"


def _label(group: GroupComparison, run: RunSummary) -> str:
    notes = [
        word
        for word, holds in (("baseline", run.run == group.baseline), ("collapsed", run.collapsed))
        if holds
    ]
    return plain(run.label) + (f" ({', '.join(notes)})" if notes else "")


def _estimate(one: Estimate | None) -> Cell:
    if one is None:
        return [(NOTHING, "faint")]
    if one.low is None or one.high is None:
        return [(fraction(one.value), "bold")]
    return [(fraction(one.value), "bold"), (f" {fraction(one.low)}–{fraction(one.high)}", "muted")]


def _number(text: str) -> InkSpan:
    return (text, "faint" if text == NOTHING else "text")
