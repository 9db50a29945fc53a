"""The report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lrdash.report.cells import Table, clean, pairs_table, provenance_table, runs_table
from lrdash.report.document import Report, epoch_words, methods
from lrdash.results.comparison import GroupComparison

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def render_markdown(report: Report) -> str:
    return "\n".join(_lines(report)).rstrip() + "\n"


def _lines(report: Report) -> Iterator[str]:
    comparison = report.comparison
    yield f"# {_text(comparison.sweep or 'Runs')}, {epoch_words(comparison)}"
    yield ""
    for group in comparison.groups:
        yield from _group(group)
    yield "## Where the numbers come from"
    yield ""
    yield from _table(provenance_table(report))
    yield f"Made by {report.made_by} at {report.taken_at}. {methods(comparison)}"


def _group(group: GroupComparison) -> Iterator[str]:
    yield f"## {_text(group.group or 'runs')}"
    yield ""
    for sentence in group.conclusion:
        yield f"- {_text(sentence)}"
    yield ""
    yield from _table(runs_table(group))
    if group.pairs:
        yield from _table(pairs_table(group))
    for answer in group.answers:
        yield f"**{_text(answer.question)}** {_text(answer.verdict)}. {_text(answer.text)}"
        yield f"*Rule: {_text(answer.rule)}.*"
        yield ""
    if group.caveats:
        yield "What this does not say:"
        yield ""
        for caveat in group.caveats:
            yield f"- {_text(caveat)}"
        yield ""


def _table(table: Table) -> Iterator[str]:
    yield f"**{_text(table.title)}**"
    yield ""
    yield "| " + " | ".join(map(_text, table.columns)) + " |"
    yield "| --- |" + " ---: |" * (len(table.columns) - 1)
    for row in table.rows:
        yield "| " + " | ".join(map(_text, row)) + " |"
    yield ""


def _text(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", clean(text))
