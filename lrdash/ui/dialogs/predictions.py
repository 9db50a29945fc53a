"""The prediction browser: which rows runs get wrong, and what those rows say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container

from lrdash.errors import LrdashError
from lrdash.results.browse import Browser, RowView
from lrdash.ui.bindings import bindings
from lrdash.ui.context import InkSpan, Painted
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.dialogs.calibration import calibration_lines
from lrdash.ui.format import fraction, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.results import Results
from lrdash.ui.series import SeriesLook
from lrdash.ui.table_text import wrapped
from lrdash.ui.widgets.lines import Line, Lines, line

if TYPE_CHECKING:
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


class PredictionsDialog(Dialog[None], Painted):
    """`f` chooses other rows, `c` turns the order by confidence round; moving reads the row.

    `r` shows the runs' reliability diagrams in the place of the row.
    """

    BINDINGS = bindings("predictions")

    def __init__(
        self,
        results: Results,
        looks: Mapping[str, SeriesLook],
        labels: Mapping[str, str],
        run: str,
        other: str | None = None,
    ) -> None:
        super().__init__("predictions")
        self.results, self.looks, self.labels = results, looks, labels
        self.choices = choices(run, other, labels)
        self.run = run
        self.chosen = 1 if other is not None else 0
        self.lowest_first = False
        self.shows_calibration = False
        self.browser: Browser | None = None

    def content(self) -> ComposeResult:
        with Container(classes="prediction-panes"):
            yield Lines([line((" reading the predictions…", "muted"))], id="prediction-rows")
            yield Lines(id="prediction-text")

    def on_mount(self) -> None:
        self._read()

    @work(thread=True, group="predictions")
    def _read(self) -> None:
        try:
            found = {one.run: one for one in self.results.candidates()}
            group = found[self.run].group
            runs: dict[str, Predictions] = {
                name: one.predictions
                for name, one in found.items()
                if one.group == group and one.predictions is not None
            }
            browser = Browser(runs)
        except LrdashError as error:
            self.app.call_from_thread(self._say, str(error))
        else:
            self.app.call_from_thread(self._show_first, browser)

    def _say(self, text: str) -> None:
        self.query_one("#prediction-rows", Lines).show([line((f" {plain(text)}", "warning"))])

    def _show_first(self, browser: Browser) -> None:
        """The first choice that has any rows."""
        for step in range(len(self.choices)):
            at = (self.chosen + step) % len(self.choices)
            if self.choices[at].run in browser.runs and self.choices[at].rows(browser):
                self.chosen = at
                break
        self._show_rows(browser)

    def _show_rows(self, browser: Browser) -> None:
        self.browser = browser
        choice = self.choices[self.chosen]
        if choice.run not in browser.runs:
            self._say(f"{choice.run} has no predictions yet")
            return
        rows = browser.by_confidence(choice.rows(browser), choice.run, lowest_first=self.lowest_first)
        order = "least" if self.lowest_first else "most"
        box = self.query_one(".dialog")
        box.border_title = f"{choice.title}: {len(rows):,} of {browser.n:,} rows, the {order} confident first"
        lines = row_lines(browser, rows[:MOST_ROWS], self.looks, self.glyphs)
        page = self.query_one("#prediction-rows", Lines)
        page.show(lines or [line((" no such row", "muted"))])
        self._show_text(page.cursor)

    @on(Lines.Moved, "#prediction-rows")
    def _moved(self, event: Lines.Moved) -> None:
        event.stop()
        self._show_text(event.key)

    def _show_text(self, key: str) -> None:
        page = self.query_one("#prediction-text", Lines)
        if self.browser is not None and self.shows_calibration:
            page.show(self._calibration(self.browser, page.size.width))
        elif self.browser is not None and key:
            view = self.browser.row(int(key))
            page.show(text_lines(view, self.looks, self.labels, self.glyphs, page.size.width))

    def _calibration(self, browser: Browser, width: int) -> list[Line]:
        """Every run's diagram, this one's first."""
        mark = f" {self.glyphs.vertical} said: the mean confidence"
        lines = [line((f"{mark}; the bar ends at the share that is right", "muted"))]
        for run in sorted(browser.runs, key=lambda run: run != self.run):
            look = self.looks.get(run, SeriesLook())
            name, bins = plain(self.labels.get(run, run)), browser.reliability(run)
            lines += [Line(), *calibration_lines(name, bins, look, self.glyphs, width)]
        return lines

    def action_calibration(self) -> None:
        self.shows_calibration = not self.shows_calibration
        self._show_text(self.query_one("#prediction-rows", Lines).cursor)

    def action_filter(self) -> None:
        self.chosen = (self.chosen + 1) % len(self.choices)
        self._again()

    def action_confidence(self) -> None:
        self.lowest_first = not self.lowest_first
        self._again()

    def _again(self) -> None:
        if self.browser is not None:
            self._show_rows(self.browser)


def row_lines(
    browser: Browser, rows: Sequence[int], looks: Mapping[str, SeriesLook], glyphs: Glyphs
) -> list[Line]:
    """One line a row: its number, and a mark for every run: bold where it is right."""
    lines = []
    for at in rows:
        view = browser.row(at)
        spans: list[InkSpan] = [(f" {at:>6} ", "muted"), (f"{plain(view.truth)[:14]:<14} ", "text")]
        for said in view.said:
            look = looks.get(said.run, SeriesLook())
            spans += [
                (f" {look.marker(glyphs)}", look.colour),
                (glyphs.done if said.right else glyphs.failed, "success" if said.right else "error"),
                (f"{fraction(said.confidence, 2):>5}", "muted"),
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
