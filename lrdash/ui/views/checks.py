"""Checks: what every run was to do against what its log and results prove, with the evidence."""

from __future__ import annotations

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from lrdash.monitor.cost import outlook_words, sizing_hints, usage_words
from lrdash.monitor.snapshot import Check, Diagnosis, Evidence, RunStatus, Verdict
from lrdash.ui.context import InkSpan, Painted
from lrdash.ui.format import plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.messages import RunOpened, RunSelected
from lrdash.ui.series import SeriesLook, series_looks
from lrdash.ui.state import ScreenState
from lrdash.ui.table_text import Cell, table_lines, width_of, wrapped
from lrdash.ui.theme import Role, state_look
from lrdash.ui.widgets.lines import Line, Lines, line

CHECK_NAMES = (
    "optimizer", "rates", "effective_batch", "epochs", "frozen", "port", "data", "predictions", "same_rows",
)  # fmt: skip
_SHORT = {"effective_batch": "batch", "predictions": "predict", "same_rows": "rows"}
_WORDS: dict[Verdict, str] = {
    "PASS": "PASS", "WAITING": "waiting", "MISSING": "MISSING", "WRONG_VALUE": "WRONG", "FORBIDDEN": "FORBID",
}  # fmt: skip
BESIDE = 3
"""Columns that borders and a scroll bar take."""


class ChecksView(Container, Painted):
    """A matrix of runs and checks; below it everything about the selected run."""

    _state: ScreenState | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="check-matrix", classes="pane")
        yield Lines(id="check-evidence", classes="pane")

    def show(self, state: ScreenState) -> None:
        self._state = state
        matrix, evidence = self.query_one("#check-matrix", Lines), self.query_one("#check-evidence", Lines)
        looks = series_looks(state.snapshot.runs)
        matrix.border_title = "checks"
        room = self.size.width - BESIDE
        matrix.show(check_matrix(state.snapshot.runs, looks, self.glyphs, room), heads=1)
        if state.selected:
            matrix.cursor = state.selected
        if state.run is not None:
            title = f"evidence {self.glyphs.separator} {plain(state.run.run)}"
            evidence.border_title = Content(title)  # a str would be markup
            evidence.show(evidence_lines(state.run, self.glyphs, self.size.width - 4))

    @on(Lines.Moved, "#check-matrix")
    def _select(self, event: Lines.Moved) -> None:
        self.post_message(RunSelected(event.key))

    @on(Lines.Chosen, "#check-matrix")
    def _open(self, event: Lines.Chosen) -> None:
        event.stop()
        run = self._state.snapshot.find(event.key) if self._state else None
        self.post_message(RunOpened(event.key, telling_line(run) if run else None))

    @on(Lines.Chosen, "#check-evidence")
    def _open_at(self, event: Lines.Chosen) -> None:
        event.stop()
        if self._state is not None and (run := self._state.run) is not None:
            self.post_message(RunOpened(run.key, lines_of_the_log(run).get(event.key)))

    def on_resize(self) -> None:
        if self._state is not None:
            self.show(self._state)


def lines_of_the_log(run: RunStatus) -> dict[str, Evidence]:
    """What stands in a line of the run's log, by `diagnosis` or the name of the check."""
    found: dict[str, Evidence] = {"diagnosis": run.diagnosis.evidence} if run.diagnosis else {}
    found |= {check.name: check.evidence for check in run.checks}
    return {name: evidence for name, evidence in found.items() if run.logs.stream_of(evidence)}


def telling_line(run: RunStatus) -> Evidence | None:
    """Why the run failed, else why a check did; None where no line of the log says it."""
    failed = [check.name for check in run.checks if check.has_failed]
    known = lines_of_the_log(run)
    return next((known[name] for name in ("diagnosis", *failed) if name in known), None)


def check_matrix(
    runs: tuple[RunStatus, ...], looks: dict[str, SeriesLook], glyphs: Glyphs, room: int
) -> list[Line]:
    """Where there is room the verdicts are words; where there is little, runs are group and index alone."""
    lines: list[Line] = []
    for words, labels in ((True, True), (False, True), (False, False)):
        lines = _matrix(runs, looks, glyphs, words=words, labels=labels)
        if width_of(lines[0].spans) <= room:
            break
    return lines


def _matrix(
    runs: tuple[RunStatus, ...], looks: dict[str, SeriesLook], glyphs: Glyphs, *, words: bool, labels: bool
) -> list[Line]:
    rows: list[tuple[str, list[Cell]]] = []
    for run in runs:
        look = looks[run.key]
        place = f"{run.group} {run.index}" if run.group is not None else ""
        label = plain(run.label or run.run) if labels or not place else ""
        name: Cell = [
            (f"{look.swatch(glyphs) if words else look.marker(glyphs)} ", look.colour),
            (plain(place), "bold"),
            (f"  {label}" if place and label else label, "text"),
        ]
        rows.append((run.key, [name, *(_verdict(run.check(name), glyphs, words) for name in CHECK_NAMES)]))  # type: ignore[arg-type]
    shorter = {} if words else {"optimizer": "optim", "predictions": "pred"}
    titles = ["run", *(shorter.get(name) or _SHORT.get(name, name) for name in CHECK_NAMES)]
    return table_lines(titles, rows, left=frozenset(range(len(titles))))


def verdict_look(verdict: Verdict, glyphs: Glyphs) -> tuple[str, Role]:
    if verdict == "PASS":
        return glyphs.done, "success"
    if verdict == "WAITING":
        return glyphs.waiting, "muted"
    return glyphs.failed, "error"


def _verdict(check: Check | None, glyphs: Glyphs, words: bool) -> list[InkSpan]:
    if check is None:
        return [(glyphs.absent, "faint")]
    glyph, role = verdict_look(check.verdict, glyphs)
    if not words:
        return [(glyph, role)]
    return [(f"{glyph} ", role), (_WORDS[check.verdict], "muted" if check.verdict == "PASS" else role)]


def evidence_lines(run: RunStatus, glyphs: Glyphs, width: int) -> list[Line]:
    """State, cost, diagnosis, then each check with what was expected, what was seen, and where."""
    look = state_look(run.state, glyphs)
    facts = [
        plain(run.task or ""),
        f"exit {plain(run.exit_code)}" if run.exit_code else "",
        plain(run.nodes or ""),
    ]
    words = f"  {glyphs.separator}  ".join(fact for fact in facts if fact)
    lines = [line((f" {look.glyph} {plain(run.state_word)}", look.role), (f"   {words}", "muted"))]
    lines += _cost(run, glyphs, width)
    in_log = lines_of_the_log(run)
    if run.diagnosis is not None:
        lines += _diagnosis(run.diagnosis, width, "diagnosis" if "diagnosis" in in_log else "")
    for check in run.checks:
        lines += _evidence_of(check, glyphs, width, check.name if check.name in in_log else "")
    if not run.checks and run.group is None:
        lines.append(line((" nothing to hold it against: no sweep file says what it was to do", "muted")))
    elif not run.checks:
        lines.append(line((" no check has anything to look at yet", "muted")))
    return lines


def _cost(run: RunStatus, glyphs: Glyphs, width: int) -> list[Line]:
    """What it has used of what it was given, what it will still cost, and what to ask for next time."""
    between = f"  {glyphs.separator}  "
    known = between.join((*outlook_words(run), *usage_words(run)))
    role: Role = "warning" if run.progress.epoch_at_time_limit is not None else "text"
    lines = wrapped(known, width, role, "   ") if known else []
    for hint in sizing_hints(run):
        lines += wrapped(f"{glyphs.folded} {hint}", width, "accent", "   ")
    return lines


def _diagnosis(diagnosis: Diagnosis, width: int, key: str) -> list[Line]:
    lines = [Line(), line((f" {diagnosis.words}", "error"))]
    lines += _where(diagnosis.evidence, width, key)
    lines += wrapped(plain(diagnosis.remedy), width, "text", "   ")
    if diagnosis.command:
        lines += wrapped(f"$ {plain(diagnosis.command)}", width, "accent", "   ")
    return lines


def _evidence_of(check: Check, glyphs: Glyphs, width: int, key: str) -> list[Line]:
    glyph, role = verdict_look(check.verdict, glyphs)
    lines = [Line(), line((f" {glyph} {check.name} ", role), (check.verdict, "muted"))]
    if check.expected:
        lines += wrapped(f"expected  {plain(check.expected)}", width, "text", "   ")
    if check.observed:
        lines += wrapped(f"observed  {plain(check.observed)}", width, "text", "   ")
    return lines + _where(check.evidence, width, key)


def _where(evidence: Evidence, width: int, key: str) -> list[Line]:
    """The file and the line, which can be chosen where it is the log's, then what it says."""
    place = "" if evidence.file is None else f"{plain(evidence.file)}:{evidence.line or ''}"
    lines = wrapped(place, width, "faint", "   ")
    lines[:1] = [replace(first, key=key) for first in lines[:1]]
    return lines + (wrapped(plain(evidence.text), width, "muted", "   ") if evidence.text else [])
