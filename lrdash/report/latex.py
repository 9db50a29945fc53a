"""The comparison's tables for a paper: booktabs."""

from __future__ import annotations

from collections.abc import Iterator

from lrdash.report.cells import Table, clean, pairs_table, runs_table, short_provenance_table
from lrdash.report.document import Report, methods

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
        "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$",
        "−": r"$-$", "–": "--", "·": r"$\cdot$",
    }
)  # fmt: skip


def render_latex(report: Report) -> str:
    """Tables only; `\\usepackage{booktabs}` is all that they need."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    comparison = report.comparison
    yield f"% {clean(comparison.sweep)}, epoch {comparison.epoch}; {report.made_by}, {report.taken_at}"
    yield r"% \usepackage{booktabs}"
    for group in report.comparison.groups:
        caption = " ".join(group.conclusion[:1])
        yield from _table(runs_table(group), caption)
        if group.pairs:
            yield from _table(pairs_table(group), "Differences are the first run minus the second.")
    yield from _provenance(report)


def _provenance(report: Report) -> Iterator[str]:
    """As comments, from which a paper's table can be made again."""
    table = short_provenance_table(report)
    yield f"% {methods(report.comparison)}"
    for run, *cells in table.rows:
        facts = zip(table.columns[1:], cells, strict=True)
        yield f"% {run}: " + ", ".join(f"{name} {cell}" for name, cell in facts)


def _table(table: Table, caption: str) -> Iterator[str]:
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{_text(table.title)}. {_text(caption)}}}"
    yield rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}"
    yield r"\toprule"
    yield " & ".join(map(_text, table.columns)) + r" \\"
    yield r"\midrule"
    for row in table.rows:
        yield " & ".join(map(_text, row)) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _text(text: str) -> str:
    return clean(text).translate(_ESCAPES)
