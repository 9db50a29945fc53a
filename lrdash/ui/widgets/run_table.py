"""The table of runs: a Line API view, so that only the rows on the screen are ever drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from lrdash.monitor.snapshot import RunStatus, Snapshot
from lrdash.ui.bindings import bindings
from lrdash.ui.columns import (
    Column,
    TableContext,
    column_title,
    column_widths,
    columns_that_fit,
    deltas,
    fitted_cell,
    message,
)
from lrdash.ui.context import InkSpan, Painted
from lrdash.ui.format import fit, fraction, plain
from lrdash.ui.messages import RunOpened, RunSelected
from lrdash.ui.rows import (
    FOREIGN,
    SORT_KEYS,
    Arrangement,
    GroupRow,
    Row,
    RunRow,
    arrange,
    baselines,
    best_run,
    metric,
)
from lrdash.ui.series import SeriesLook, series_looks

if TYPE_CHECKING:
    from lrdash.results.comparison import Comparison

MIN_LABEL = 10
MESSAGE_ROOM = 18
"""Cells that a message needs to be worth its place."""
WIDE = 110
METRIC_COLUMNS = ("loss", "acc", "F1")


class RunTable(ScrollView, Painted, can_focus=True):
    """Rows keep their place and the cursor its run, whatever the next snapshot brings."""

    BINDINGS = bindings("home")

    snapshot: reactive[Snapshot | None] = reactive(None, layout=False)
    arrangement: reactive[Arrangement] = reactive(Arrangement())
    marked: reactive[frozenset[str]] = reactive(frozenset)
    chosen_baselines: reactive[dict[str, str]] = reactive(dict)
    comparison: reactive[Comparison | None] = reactive(None)
    cursor: reactive[str] = reactive("")
    """Key of the row under the cursor."""

    @dataclass
    class Marked(Message):
        """The marks have changed."""

        keys: frozenset[str]

    class FilterWanted(Message):
        """The user wants to type a filter."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.rows: tuple[Row, ...] = ()
        self._looks: dict[str, SeriesLook] = {}
        self._positions: dict[str, int] = {}
        self._groups: dict[str, str] = {}
        """Of a run, by its key; also of runs that are folded or filtered away."""
        self._columns: tuple[Column, ...] = ()
        self._widths: dict[str, int] = {}
        self._label_width = MIN_LABEL
        self._cell_context = TableContext(datetime.now())

    # What is shown

    def watch_snapshot(self) -> None:
        if self.snapshot is not None:
            self._looks = series_looks(self.snapshot.runs)
            self._groups = {run.key: run.group or FOREIGN for run in self.snapshot.runs}
            self._arrange_rows()

    def watch_arrangement(self) -> None:
        self._arrange_rows()

    def watch_comparison(self) -> None:
        self._layout_columns()

    def watch_chosen_baselines(self) -> None:
        self._layout_columns()

    def watch_cursor(self, cursor: str) -> None:
        if cursor in self._positions:
            self._scroll_to_cursor()
        self.refresh()

    def on_resize(self) -> None:
        self._layout_columns()
        self._scroll_to_cursor()

    def _arrange_rows(self) -> None:
        if self.snapshot is None:
            return
        before = self._positions.get(self.cursor, 0)
        self.rows = arrange(self.snapshot, self.arrangement)
        self._positions = {row.key: position for position, row in enumerate(self.rows)}
        self.virtual_size = Size(0, len(self.rows) + 1)
        self._layout_columns()
        if self.rows and self.cursor not in self._positions:
            self._move_to(self._row_of(self.cursor) or self.rows[min(before, len(self.rows) - 1)].key)

    def _layout_columns(self) -> None:
        if self.snapshot is None or not self.size.width:
            return
        runs = self._runs_on_screen()
        base = baselines(self.snapshot, self.chosen_baselines)
        self._cell_context = TableContext(
            now=datetime.fromisoformat(self.snapshot.taken_at),
            glyphs=self.glyphs,
            baselines=frozenset(base.values()),
            deltas=deltas(runs, self.snapshot, base, self.comparison),
            bar_width=12 if self.size.width >= WIDE else 6,
            compact=self.size.width < WIDE,
        )
        self._widths = column_widths(runs, self._cell_context)
        labels = max((cell_len(plain(run.label or run.run)) for run in runs), default=MIN_LABEL)
        wanted = max(MIN_LABEL, min(labels, self.size.width // 3))
        room = self._room - self._lead_width
        self._columns = columns_that_fit(room - wanted, len(self._gap), self._widths)
        self._label_width = max(0, min(wanted, room))
        self.refresh()

    def _runs_on_screen(self) -> list[RunStatus]:
        """Widths follow the visible rows: two thousand runs cost no more than twenty."""
        top = max(0, self.scroll_offset.y - 1)
        rows = self.rows[top : top + self.size.height + 1]
        return [row.run for row in rows if isinstance(row, RunRow)]

    @property
    def _room(self) -> int:
        """Columns that no scroll bar covers."""
        scrolls = self.virtual_size.height > self.size.height
        return self.size.width - (self.scrollbar_size_vertical if scrolls else 0)

    @property
    def _gap(self) -> str:
        return "  " if self.size.width >= WIDE else " "

    @property
    def _lead_width(self) -> int:
        """Cursor, mark, index, swatch and their gaps."""
        return 9 if self.size.width >= WIDE else 7

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self.line(self._header(), width)
        position = self.scroll_offset.y + y - 1
        if position >= len(self.rows):
            return self.line([], width)
        row = self.rows[position]
        spans = self._group_spans(row) if isinstance(row, GroupRow) else self._run_spans(row.run)
        strip = self.line(spans, width).apply_meta({"row": position})
        if row.key == self.cursor:
            highlight = self.paint.selected if self.has_focus else self.paint.selected_elsewhere
            return Strip(Segment.apply_style(strip, post_style=highlight), width)
        return strip

    def _header(self) -> list[Segment]:
        """A click on a head sorts by its column."""
        arrow = self.glyphs.worse if self.arrangement.reverse else self.glyphs.better
        lead = " " * self._lead_width + fit("run", self._label_width)
        heads = [Segment(lead, self.paint["title"] + _sorts("index"))]
        for column in self._columns:
            title = column_title(column, self._cell_context) + (
                arrow if column.title == self.arrangement.sort else ""
            )
            text = self._gap + fit(title, self._widths[column.title], right=column.right)
            heads.append(Segment(text, self.paint["title"] + _sorts(column.title)))
        return heads

    def _group_spans(self, row: GroupRow) -> list[InkSpan]:
        glyphs = self.glyphs
        fold = glyphs.folded if row.folded else glyphs.unfolded
        cursor = glyphs.cursor if row.key == self.cursor else " "
        spans: list[InkSpan] = [(cursor, "primary"), (f"{fold} ", "muted"), (plain(row.name), "bold")]
        for look, count in row.tally(glyphs):
            spans += [(f"  {look.glyph} ", look.role), (f"{count} {look.tally}", "muted")]
        if (best := best_run(row.runs)) is not None and len(row.runs) > 1:
            accuracy = fraction(metric(best, "eval_accuracy"))
            spans.append((f"  {glyphs.separator} best so far {accuracy} {plain(best.label)}", "muted"))
        return spans

    def _run_spans(self, run: RunStatus) -> list[InkSpan]:
        spans = self._lead(run)
        spans.append(
            (fit(plain(run.label or run.run), self._label_width, ellipsis=self.glyphs.ellipsis), "text")
        )
        words = message(run, self._cell_context)
        start = self._message_start(run) if words else None
        for position, column in enumerate(self._columns):
            if position == start:
                return [*spans, (self._gap, "text"), *words]
            spans.append((self._gap, "text"))
            spans += fitted_cell(column, run, self._cell_context, self._widths[column.title])
        return spans

    def _message_start(self, run: RunStatus) -> int | None:
        """Behind the last metric with a value if a message has room there; a failure is always said."""
        columns = self._columns
        after_epoch = 1 + max(
            (at for at, one in enumerate(columns) if one.title in ("state", "epoch")), default=0
        )
        behind_values = after_epoch
        for at, column in enumerate(columns):
            if column.title in METRIC_COLUMNS and column.cell(run, self._cell_context)[0][1] != "faint":
                behind_values = at + 1
        used = sum(self._widths[column.title] + len(self._gap) for column in columns[:behind_values])
        if self._room - self._lead_width - self._label_width - used >= MESSAGE_ROOM:
            return behind_values
        return after_epoch if run.diagnosis is not None else None

    def _lead(self, run: RunStatus) -> list[InkSpan]:
        glyphs, look = self.glyphs, self._looks[run.key]
        swatch = look.swatch(glyphs) if self.size.width >= WIDE else look.marker(glyphs)
        index = "" if run.index is None else str(run.index)
        return [
            (glyphs.cursor if run.key == self.cursor else " ", "primary"),
            (glyphs.marked if run.key in self.marked else " ", "accent"),
            (f"{index:>2} ", "bold"),
            (f"{swatch} ", look.colour),
        ]

    # Keys and mouse

    @property
    def cursor_row(self) -> Row | None:
        position = self._positions.get(self.cursor)
        return None if position is None else self.rows[position]

    def _row_of(self, run: str) -> str:
        """Key of the row that stands for a run: its own, or its group's where that is folded."""
        group = f"{self._groups.get(run)}:"
        return run if run in self._positions else group if group in self._positions else ""

    def show_run(self, key: str) -> None:
        """Put the cursor on a run; it stays where it is if the filter leaves nothing of its group."""
        self.cursor = self._row_of(key) or self.cursor

    def _move_to(self, key: str) -> None:
        """Move and say so; whoever sets `cursor` knows already, and would be answered for ever."""
        if key != self.cursor:
            self.cursor = key
            self.post_message(RunSelected(key))

    def action_move(self, rows: int) -> None:
        if self.rows:
            position = self._positions.get(self.cursor, 0) + rows
            self._move_to(self.rows[max(0, min(position, len(self.rows) - 1))].key)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 2))

    def action_open(self) -> None:
        row = self.cursor_row
        if isinstance(row, GroupRow):
            self.action_fold(not row.folded)
        elif row is not None:
            self.post_message(RunOpened(row.key))

    def action_open_log(self) -> None:
        if isinstance(self.cursor_row, RunRow):
            self.post_message(RunOpened(self.cursor))

    def action_fold(self, folded: bool) -> None:
        row = self.cursor_row
        if row is not None:
            name = row.name if isinstance(row, GroupRow) else self._groups[row.key]
            groups = self.arrangement.folded
            self.arrangement = replace(
                self.arrangement, folded=groups | {name} if folded else groups - {name}
            )

    def action_mark(self) -> None:
        row = self.cursor_row
        keys = {run.key for run in row.runs} if isinstance(row, GroupRow) else {self.cursor}
        marked = self.marked - keys if keys <= self.marked else self.marked | keys
        self.post_message(self.Marked(marked))
        self.action_move(1)

    def action_filter(self) -> None:
        self.post_message(self.FilterWanted())

    def action_sort(self) -> None:
        position = SORT_KEYS.index(self.arrangement.sort)
        self.arrangement = replace(self.arrangement, sort=SORT_KEYS[(position + 1) % len(SORT_KEYS)])

    def action_reverse(self) -> None:
        self.arrangement = replace(self.arrangement, reverse=not self.arrangement.reverse)

    def _sort_by(self, key: str) -> None:
        """The same column again: the other way round."""
        again = key == self.arrangement.sort
        self.arrangement = replace(self.arrangement, sort=key, reverse=again and not self.arrangement.reverse)

    def on_click(self, event: events.Click) -> None:
        if (key := event.style.meta.get("sort")) in SORT_KEYS:
            self._sort_by(key)
            return
        position = event.style.meta.get("row")
        if not isinstance(position, int) or position >= len(self.rows):
            return
        again = self.rows[position].key == self.cursor and event.chain > 1
        self._move_to(self.rows[position].key)
        if again or (isinstance(self.rows[position], GroupRow) and event.x <= 2):
            self.action_open()

    def _scroll_to_cursor(self) -> None:
        position = self._positions.get(self.cursor)
        if position is None or not self.size.height:
            return
        top, height = self.scroll_offset.y, self.size.height - 1
        if position < top:
            self.scroll_to(y=position, animate=False)
        elif position >= top + height:
            self.scroll_to(y=position - height + 1, animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._layout_columns()


def _sorts(title: str) -> Style:
    return Style(meta={"sort": title})
