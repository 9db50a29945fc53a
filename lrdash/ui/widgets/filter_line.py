"""The line in which a filter for the run table is typed."""

from __future__ import annotations

from msgspec.structs import replace
from textual import on
from textual.widgets import Input

from lrdash.ui.widgets.run_table import RunTable


class FilterLine(Input):
    """Filters while it is typed in; enter goes back to the table and keeps the filter."""

    def __init__(self, value: str) -> None:
        super().__init__(value, placeholder="filter: words of label, run, group, state", compact=True)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        table = self.screen.query_one(RunTable)
        table.arrangement = replace(table.arrangement, filter=event.value)

    @on(Input.Submitted)
    def _done(self, event: Input.Submitted) -> None:
        self.screen.query_one(RunTable).focus()
        if not event.value.strip():
            self.remove()
