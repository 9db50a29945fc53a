"""Confusion matrices side by side, with their difference from the baseline's (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from lrdash.results.comparison import GroupComparison, RunSummary
from lrdash.results.wording import signed
from lrdash.ui.context import InkSpan
from lrdash.ui.format import fit, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.series import SeriesLook
from lrdash.ui.widgets.lines import Line, line

MOST_CLASSES = 8
LONGEST_NAME = 12
GAP = 4
"""Between two matrices."""


@dataclass(frozen=True)
class _Layout:
    """Cells of the parts of a matrix."""

    names: int
    """Of the classes, at the left."""
    cell: int
    change: int
    """Of a cell, behind the count; 0 where there is no room for differences."""
    classes: int

    @property
    def block(self) -> int:
        return self.classes * self.cell + GAP

    def fit_in(self, width: int) -> int:
        return (width - self.names) // self.block


def matrix_lines(
    group: GroupComparison, looks: Mapping[str, SeriesLook], glyphs: Glyphs, width: int
) -> list[Line]:
    """Truth down, prediction across; side by side while there is room, runs of like classes together."""
    known = [run for run in group.runs if run.confusion]
    base = next((run for run in known if run.run == group.baseline), None)
    lines: list[Line] = []
    for labels, runs in groupby(known, key=lambda run: run.labels):
        alike = list(runs)
        if len(labels) > MOST_CLASSES:
            lines.append(line((f" {len(labels)} classes: their matrices are in the html report", "muted")))
            continue
        layout = _layout(alike, width)
        step = max(1, layout.fit_in(width))
        for at in range(0, len(alike), step):
            lines += [*_row_of_matrices(alike[at : at + step], base, layout, looks, glyphs), Line()]
    return lines


def _layout(runs: Sequence[RunSummary], width: int) -> _Layout:
    """With differences if no further row of matrices is needed for them."""
    labels = [plain(label)[:LONGEST_NAME] for label in runs[0].labels]
    longest = max(len(f"{count:,}") for run in runs for row in run.confusion or () for count in row)
    name = max(map(len, labels))
    bare = _Layout(max(5, name) + 2, max(longest, name) + 2, 0, len(labels))
    full = replace(bare, cell=max(bare.cell, 2 * longest + 4), change=longest + 2)
    room = min(len(runs), max(1, bare.fit_in(width)))
    return full if len(runs) > 1 and full.fit_in(width) >= room else bare


def _row_of_matrices(
    runs: Sequence[RunSummary],
    base: RunSummary | None,
    layout: _Layout,
    looks: Mapping[str, SeriesLook],
    glyphs: Glyphs,
) -> list[Line]:
    names = [plain(label)[:LONGEST_NAME] for label in runs[0].labels]
    heads: list[InkSpan] = [(" " * layout.names, "text")]
    titles: list[InkSpan] = [(fit(" truth", layout.names), "title")]
    for run in runs:
        look = looks.get(run.run, SeriesLook())
        heads += [
            (f"  {look.marker(glyphs)} ", look.colour),
            (fit(plain(run.label), layout.block - 4), "text"),
        ]
        across = "".join(f"{name:>{layout.cell}}" for name in names)
        titles.append((across + " " * GAP, "muted"))
    lines = [Line(tuple(heads)), Line(tuple(titles))]
    for truth, name in enumerate(names):
        row: list[InkSpan] = [(fit(f" {name}", layout.names), "muted")]
        for run in runs:
            row += [*_cells(run, base, truth, layout), (" " * GAP, "text")]
        lines.append(Line(tuple(row)))
    return lines


def _cells(run: RunSummary, base: RunSummary | None, truth: int, layout: _Layout) -> list[InkSpan]:
    assert run.confusion
    other = base.confusion if base and base is not run and base.labels == run.labels else None
    spans: list[InkSpan] = []
    for guess, count in enumerate(run.confusion[truth]):
        spans.append((f"{count:>{layout.cell - layout.change},}", "success" if guess == truth else "error"))
        if layout.change:
            change = signed(count - other[truth][guess], 0) if other else ""
            spans.append((f" {change:<{layout.change - 1}}", "muted"))
    return spans
