"""The prediction browser: which rows runs get wrong, and what those rows say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from lrdash.errors import LrdashError
from lrdash.results.browse import Browser, RowView
from lrdash.results.compare import is_of_predictions
from lrdash.ui.bindings import bindings
from lrdash.ui.context import InkSpan, Painted
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.dialogs.by_column import RunByValue, column_lines
from lrdash.ui.dialogs.calibration import calibration_lines
from lrdash.ui.format import fraction, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.results import Results
from lrdash.ui.series import SeriesLook
from lrdash.ui.table_text import wrapped
from lrdash.ui.widgets.lines import Line, Lines, line

if TYPE_CHECKING:
    from lrdash.results.comparison import Which
    from lrdash.results.predictions import Predictions

MOST_ROWS = 2_000
"""Lines of the list; the rest is reached with another choice of rows."""
TEXT_LENGTH = 4_000


@dataclass(frozen=True)
class Choice:
    """Some of the rows, by what runs said about them."""

    title: str
    rows: Callable[[Browser], list[int]]
    run: str
    """Whose confidence the rows are sorted by."""


def choices(run: str, other: str | None, labels: Mapping[str, str]) -> list[Choice]:
    """What can be looked at from a run, and from it against another one."""
    found = [Choice(f"errors of {labels[run]}", lambda browser: browser.rows("errors", run), run)]
    if other is not None:
        found += [
            Choice(
                f"{labels[run]} right, {labels[other]} wrong", lambda b: b.right_and_wrong(run, other), other
            ),
            Choice(
                f"{labels[run]} wrong, {labels[other]} right", lambda b: b.right_and_wrong(other, run), run
            ),
        ]
    return [
        *found,
        Choice("every run wrong", lambda browser: browser.rows("all wrong"), run),
        Choice("all rows", lambda browser: browser.rows("all"), run),
    ]


@dataclass(frozen=True)
class Shown:
    """Which rows are listed, in which order, and what stands beside them."""

    choice: int = 0
    lowest_first: bool = False
    column: str = ""
    value: str = ""
    """Of `column`; empty for all rows."""
    beside: Literal["row", "calibration", "column"] = "row"


class PredictionsDialog(Dialog[None], Painted):
    """`f` chooses other rows, `c` turns the order by confidence round; moving reads the row.

    `v` shows how often the runs are right by the values of a column, `n` lists the rows of one value, and
    `r` shows the runs' reliability diagrams, each in the place of the row.
    """

    BINDINGS = bindings("predictions")

    def __init__(
        self,
        results: Results,
        looks: Mapping[str, SeriesLook],
        labels: Mapping[str, str],
        run: str,
        other: str | None = None,
        epoch: Which = "last",
    ) -> None:
        """`epoch` is the one that is compared; the rows are always those of the last one."""
        super().__init__("predictions")
        self.epoch = epoch
        self.results, self.looks, self.labels = results, looks, labels
        self.choices = choices(run, other, labels)
        self.run = run
        self.shown = Shown(choice=1 if other is not None else 0)
        self.browser: Browser | None = None

    def content(self) -> ComposeResult:
        with Container(classes="prediction-panes"):
            yield Lines([line((" reading the predictions…", "muted"))], id="prediction-rows")
            yield Lines(id="prediction-text")

    def on_mount(self) -> None:
        self._read()

    # Reading: in threads, for a file may have 100,000 rows

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What cannot be read is said: a run that starts afresh moves its predictions away."""
        try:
            yield
        except LrdashError as error:
            self.app.call_from_thread(self._say, str(error))

    @work(thread=True, group="predictions")
    def _read(self) -> None:
        with self._telling():
            found = {one.run: one for one in self.results.candidates()}
            group = found[self.run].group
            runs: dict[str, Predictions] = {
                name: one.predictions
                for name, one in found.items()
                if one.group == group and one.predictions is not None
            }
            browser = Browser(runs)
            choice = self._first_choice(browser)
            others = [one.results for name, one in found.items() if name in runs]
            if not all(is_of_predictions(each, each.epoch(self.epoch), self.epoch) for each in others):
                self.app.call_from_thread(self.ask, line((f" {_other_epoch(self.epoch)}", "warning")))
            self.app.call_from_thread(self._open, browser, choice)

    def _first_choice(self, browser: Browser) -> int:
        """The first choice from the one asked for on that has any rows."""
        count = len(self.choices)
        order = [(self.shown.choice + step) % count for step in range(count)]
        filled = (
            at for at in order if self.choices[at].run in browser.runs and self.choices[at].rows(browser)
        )
        return next(filled, self.shown.choice)

    def _open(self, browser: Browser, choice: int) -> None:
        self.browser = browser
        self._show(choice=choice)

    def wrap(self) -> None:
        self._show()

    def _show(self, **changes: Any) -> None:
        self.shown = replace(self.shown, **changes)
        if self.browser is not None:
            self._list_rows(self.browser, self.shown)

    @work(thread=True, exclusive=True, group="rows")
    def _list_rows(self, browser: Browser, shown: Shown) -> None:
        choice = self.choices[shown.choice]
        if choice.run not in browser.runs:
            self.app.call_from_thread(self._say, f"{choice.run} has no predictions yet")
            return
        with self._telling():
            rows = choice.rows(browser)
            if shown.value:
                rows = browser.where(rows, shown.column, shown.value)
            rows = browser.by_confidence(rows, choice.run, lowest_first=shown.lowest_first)
            beside = self._by_column(browser, shown) if shown.beside == "column" else ()
            self.app.call_from_thread(self._list, browser, shown, rows, beside)

    def _by_column(self, browser: Browser, shown: Shown) -> Sequence[Line]:
        """How often each run is right where the column has each value, the chosen run first."""
        width = self.query_one("#prediction-text").size.width
        names = sorted(browser.runs, key=lambda run: run != self.run)
        runs = [
            RunByValue(
                plain(self.labels.get(run, run)),
                self.looks.get(run, SeriesLook()),
                browser.accuracy_by(shown.column, run),
            )
            for run in names
        ]
        return column_lines(shown.column, shown.value, runs, self.glyphs, width)

    # Showing

    def _say(self, text: str) -> None:
        page = self.query_one("#prediction-rows", Lines)
        page.show(wrapped(plain(text), page.size.width, "warning"))

    def _list(self, browser: Browser, shown: Shown, rows: Sequence[int], beside: Sequence[Line]) -> None:
        if shown != self.shown or not self.is_attached:
            return  # another key was faster
        choice, order = self.choices[shown.choice], "least" if shown.lowest_first else "most"
        where = f", {plain(shown.column)} {plain(shown.value)}" if shown.value else ""
        count = f"{len(rows):,} of {browser.n:,} rows"
        box = self.query_one(".dialog")
        # A str would be markup, and a value of the data set may be anything.
        box.border_title = Content(f"{choice.title}{where}: {count}, the {order} confident first")
        page = self.query_one("#prediction-rows", Lines)
        lines = row_lines(browser, rows[:MOST_ROWS], self.looks, self.glyphs, page.size.width)
        page.show(lines or [line((" no such row", "muted"))])
        if beside:
            self.query_one("#prediction-text", Lines).show(beside)
        else:
            self._show_beside(page.cursor)

    @on(Lines.Moved, "#prediction-rows")
    def _moved(self, event: Lines.Moved) -> None:
        event.stop()
        if self.shown.beside == "column":
            self.shown = replace(self.shown, beside="row")
        self._show_beside(event.key)

    @on(Lines.Chosen, "#prediction-text")
    def _value_chosen(self, event: Lines.Chosen) -> None:
        """A click or enter on a value lists its rows; the same again lists all."""
        event.stop()
        if self.shown.beside == "column":
            self._show(value="" if event.key == self.shown.value else event.key)

    def _show_beside(self, key: str) -> None:
        page = self.query_one("#prediction-text", Lines)
        if self.browser is not None and self.shown.beside == "calibration":
            page.show(self._calibration(self.browser, page.size.width))
        elif self.browser is not None and key:
            page.show(self._row(self.browser, int(key), page.size.width))

    def _row(self, browser: Browser, at: int, width: int) -> list[Line]:
        try:
            view = browser.row(at)
        except LrdashError as error:
            return wrapped(plain(str(error)), width, "warning")
        return text_lines(view, self.looks, self.labels, self.glyphs, width)

    def _calibration(self, browser: Browser, width: int) -> list[Line]:
        """Every run's diagram, this one's first."""
        mark = f"{self.glyphs.vertical} said: the mean confidence"
        lines = wrapped(f"{mark}; the bar ends at the share that is right", width, "muted")
        for run in sorted(browser.runs, key=lambda run: run != self.run):
            look = self.looks.get(run, SeriesLook())
            name, bins = plain(self.labels.get(run, run)), browser.reliability(run)
            lines += [Line(), *calibration_lines(name, bins, look, self.glyphs, width)]
        return lines

    # Keys

    def action_calibration(self) -> None:
        self._show(beside="row" if self.shown.beside == "calibration" else "calibration")

    def action_filter(self) -> None:
        self._show(choice=(self.shown.choice + 1) % len(self.choices))

    def action_confidence(self) -> None:
        self._show(lowest_first=not self.shown.lowest_first)

    def action_column(self) -> None:
        """The values of the column at hand; again those of the next column."""
        if self.browser is not None:
            self._choose_column(self.browser, 0 if self.shown.beside != "column" else 1)

    def action_value(self, step: int) -> None:
        if self.browser is not None:
            self._choose_value(self.browser, step)

    @work(thread=True, exclusive=True, group="column")
    def _choose_column(self, browser: Browser, step: int) -> None:
        with self._telling():
            columns = browser.categories()
            if not columns:
                words = "no column of the data set has a few values"
                self.app.call_from_thread(self.notify, words, markup=False)
                return
            at = columns.index(self.shown.column) + step if self.shown.column in columns else 0
            column = columns[at % len(columns)]
            kept = self.shown.value if column == self.shown.column else ""
            self.app.call_from_thread(self._show, beside="column", column=column, value=kept)

    @work(thread=True, exclusive=True, group="column")
    def _choose_value(self, browser: Browser, step: int) -> None:
        """Through the values of the column, the most frequent first, with all rows between last and first."""
        with self._telling():
            column = self.shown.column or next(iter(browser.categories()), "")
            if column:
                values = ["", *browser.accuracy_by(column, browser.runs[0])]
                value = values[(values.index(self.shown.value) + step) % len(values)]
                self.app.call_from_thread(self._show, beside="column", column=column, value=value)


def _other_epoch(epoch: Which) -> str:
    """That the rows are not those behind the numbers under Compare."""
    compared = "a best epoch before it" if epoch == "best" else f"epoch {epoch}, which is compared"
    return f"rows of the last epoch: there are none of {compared}"


def row_lines(
    browser: Browser, rows: Sequence[int], looks: Mapping[str, SeriesLook], glyphs: Glyphs, width: int
) -> list[Line]:
    """One line a row: its number, its truth, whether each run is right and, where there is room, how sure."""
    lines = []
    number = len(str(browser.n))
    name = min(14, max((len(plain(label)) for label in browser.labels), default=0))
    is_wide = number + name + 3 + 8 * len(browser.runs) <= width
    for at in rows:
        truth = plain(browser.truth(at))[:name]
        spans: list[InkSpan] = [(f" {at:>{number}} ", "muted"), (f"{truth:<{name}} ", "text")]
        for said in browser.said(at):
            look = looks.get(said.run, SeriesLook())
            spans += [
                (f" {look.marker(glyphs)}", look.colour),
                (glyphs.done if said.right else glyphs.failed, "success" if said.right else "error"),
                (f"{fraction(said.confidence, 2):>4} " if is_wide else " ", "muted"),
            ]
        lines.append(Line(tuple(spans), str(at)))
    return lines


def text_lines(
    view: RowView, looks: Mapping[str, SeriesLook], labels: Mapping[str, str], glyphs: Glyphs, width: int
) -> list[Line]:
    """What each run said, then every column of the data set."""
    lines = [line((" truth ", "muted"), (plain(view.truth), "bold"), (f"   row {plain(view.key)}", "faint"))]
    for said in view.said:
        look = looks.get(said.run, SeriesLook())
        lines.append(
            line(
                (f" {look.marker(glyphs)} ", look.colour),
                (f"{plain(labels.get(said.run, said.run))}: ", "muted"),
                (plain(said.label), "success" if said.right else "error"),
                (f" {fraction(said.confidence)}", "text"),
            )
        )
    for name, value in view.columns.items():
        lines += [Line(), line((f" {plain(name)}", "title"))]
        for paragraph in str(value)[:TEXT_LENGTH].splitlines() or [""]:
            lines += wrapped(plain(paragraph), width, "text")
    return lines
