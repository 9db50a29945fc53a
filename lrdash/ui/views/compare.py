"""Compare: which run is better, and whether the difference is real."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from lrdash.report.document import epoch_words
from lrdash.ui.bindings import bindings
from lrdash.ui.context import Painted
from lrdash.ui.format import plain
from lrdash.ui.messages import EpochAsked, RowsOpened
from lrdash.ui.state import ScreenState
from lrdash.ui.table_text import wrapped
from lrdash.ui.views.compare_lines import PAIR_SEPARATOR, comparison_lines, first_line_of
from lrdash.ui.widgets.lines import Lines, line


class CompareView(Container, Painted):
    """The comparison as one page."""

    BINDINGS = bindings("compare")

    _state: ScreenState | None = None
    _looked_at: str = ""
    """The run that the page was last turned to."""

    def compose(self) -> ComposeResult:
        yield Lines(id="comparison", classes="pane")

    def show(self, state: ScreenState) -> None:
        self._state = state
        page = self.query_one(Lines)
        problem = wrapped(f"{self.glyphs.warning} {plain(state.uncompared)}", self.size.width - 5, "warning")
        if state.comparison is None:
            page.border_title = "comparison"
            page.show(problem if state.uncompared else [line((" comparing the predictions…", "muted"))])
            return
        page.border_title = f"comparison {self.glyphs.separator} {epoch_words(state.comparison)}"
        lines = comparison_lines(state, self.glyphs, self.size.width - 5)
        page.show([*problem, *lines] if state.uncompared else lines)
        if state.run is not None and state.run.run != self._looked_at and page.size.height:
            self._look_at(state, len(problem) if state.uncompared else 0)

    def _look_at(self, state: ScreenState, above: int) -> None:
        """Turn to the group of the run that is selected, and put the cursor on the run."""
        page, run = self.query_one(Lines), state.run.run if state.run else ""
        first = first_line_of(run, state, self.glyphs, self.size.width - 5)
        if first is not None:
            self._looked_at = run
            page.scroll_to(y=above + first, animate=False)
            page.cursor = run

    def action_epoch(self, step: int) -> None:
        self.post_message(EpochAsked(step))

    @on(Lines.Chosen)
    def _browse(self, event: Lines.Chosen) -> None:
        """The rows behind a run (its errors) or behind a pair (right against wrong)."""
        event.stop()
        run, _, other = event.key.partition(PAIR_SEPARATOR)
        self.post_message(RowsOpened(run, other or None))

    def on_resize(self) -> None:
        if self._state is not None:
            self.show(self._state)
