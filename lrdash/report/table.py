"""The comparison for a terminal, and as plain text where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from lrdash.report.cells import Table, clean, pairs_table, runs_table, short_provenance_table
from lrdash.report.document import Report, epoch_words, methods
from lrdash.results.comparison import GroupComparison

PLAIN_WIDTH = 100
"""Columns of a table that is not written to a terminal."""


def print_table(report: Report, file: TextIO) -> None:
    """Write the report to a terminal or a file."""
    console = Console(file=file, highlight=False, width=None if file.isatty() else PLAIN_WIDTH)
    console.print(renderable(report))


def table_text(report: Report, width: int = PLAIN_WIDTH) -> str:
    """The same without colour."""
    file = StringIO()
    Console(file=file, highlight=False, width=width).print(renderable(report))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def renderable(report: Report) -> RenderableType:
    comparison = report.comparison
    title = Text(f"{clean(comparison.sweep)} · {epoch_words(comparison)}", style="bold")
    parts = [part for group in comparison.groups for part in _group(group)]
    return Group(title, *parts, *_provenance(report))


def _provenance(report: Report) -> Iterator[RenderableType]:
    table = short_provenance_table(report)
    if len(table.columns) > 1:
        yield from (Text(), rich_table(table))
    yield Text()
    made = f"Made by {report.made_by} at {report.taken_at}. "
    yield _paragraph(made + methods(report.comparison), style="dim")


def _group(group: GroupComparison) -> Iterator[RenderableType]:
    yield Text()
    yield rich_table(runs_table(group))
    if group.pairs:
        yield Text()
        yield rich_table(pairs_table(group))
    yield Text()
    for at, sentence in enumerate(group.conclusion):
        yield _paragraph(sentence, style="bold" if not at else "")
    for answer in group.answers:
        yield Text()
        yield Padding(Text(answer.question, style="italic"), (0, 0, 0, 2))
        yield Padding(Text.assemble((clean(answer.verdict), "bold"), ". ", clean(answer.text)), (0, 0, 0, 4))
    if group.caveats:
        yield Text()
        yield from (_paragraph(f"! {caveat}", style="yellow") for caveat in group.caveats)


def rich_table(table: Table) -> RichTable:
    """Numbers to the right; the first column gives way when the terminal is narrow."""
    made = RichTable(
        title=Text(table.title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for at, name in enumerate(table.columns):
        made.add_column(Text(name), justify="right" if at else "left", no_wrap=bool(at), overflow="fold")
    for row in table.rows:
        made.add_row(*map(Text, row))
    return made


def _paragraph(text: str, style: str) -> RenderableType:
    return Padding(Text(clean(text), style=style), (0, 0, 0, 2))
