"""A run's log on the screen: out, err or both; search, filter, copy, pager and editor."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from textual import on, work
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.reactive import reactive
from textual.widget import Widget

from lrdash.errors import LogError
from lrdash.logs.command import printed_command
from lrdash.logs.search import EPOCHS, ERRORS, Matcher
from lrdash.logs.terminal_text import plain_text
from lrdash.monitor.snapshot import Evidence, LogPaths
from lrdash.ui.bindings import bindings
from lrdash.ui.format import fit
from lrdash.ui.logs.copying import Choice, CopyBar, copy
from lrdash.ui.logs.handover import editor_command, hand_over, pager_command
from lrdash.ui.logs.header import LogHeader, found_words
from lrdash.ui.logs.prompt import Purpose, SearchPrompt
from lrdash.ui.logs.view import NO_LOG, NOT_KNOWN, NOT_STARTED, LogView
from lrdash.ui.state import Stream

SIDEWAYS = 8
SHOWN = 60
"""Characters of a command that are shown when it has been copied."""
WIDE = 160
"""Columns from which on two streams stand side by side."""


class LogPane(Widget):
    """One or two views of a run's log, and the keys that act on the focused one."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("log")]
    DEFAULT_CSS = """
    LogPane {
        & > #streams { height: 1fr; layout: vertical; }
        & > #streams > Container { height: 1fr; }
        &.-wide > #streams { layout: horizontal; }
        &.-wide > #streams > Container { width: 1fr; height: 100%; }
        &.-wide.-both > #streams > #out { border-right: solid $border; }
    }
    """

    stream: reactive[Stream] = reactive("out")

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id, classes=classes)
        self.paths = LogPaths()
        self.job: str | None = None
        self.absent = NOT_STARTED
        self.views = {"out": LogView(), "err": LogView()}
        self.headers = {name: LogHeader(view, name) for name, view in self.views.items()}
        self.prompt = SearchPrompt()
        self.copy_bar = CopyBar()

    def compose(self) -> ComposeResult:
        with Container(id="streams"):
            for name, view in self.views.items():
                with Container(id=name):
                    yield self.headers[name]
                    yield view
        yield self.prompt
        yield self.copy_bar

    def show(
        self, paths: LogPaths, stream: Stream, title: str, *, job: str | None = None, is_folder: bool = False
    ) -> None:
        """Look at a run's log; the same log again keeps the place. `job` is for copying."""
        self.paths, self.job = paths, job
        self.absent = NO_LOG if is_folder else NOT_STARTED if job is None else NOT_KNOWN
        for header in self.headers.values():
            header.title = title
            header.refresh()
        self.stream = stream
        self._show_stream()

    @property
    def view(self) -> LogView:
        """The view that keys act on: the focused one, else the first that is shown."""
        if self.stream == "both":
            return self.views["err"] if self.views["err"].has_focus else self.views["out"]
        return self.views[self.stream]

    def on_mount(self) -> None:
        self._show_stream()

    def on_resize(self) -> None:
        self.set_class(self.size.width >= WIDE, "-wide")

    def watch_stream(self) -> None:
        self._show_stream()

    def _show_stream(self) -> None:
        if not self.is_mounted:
            return
        self.set_class(self.stream == "both", "-both")
        had_focus = any(view.has_focus for view in self.views.values())
        for name, path in (("out", self.paths.out), ("err", self.paths.err)):
            is_shown = self.stream in (name, "both")
            self.query_one(f"#{name}", Container).display = is_shown
            self.views[name].absent = self.absent
            self.views[name].show(Path(path) if path and is_shown else None)
        if had_focus:
            self.view.focus()

    def focus(self, scroll_visible: bool = True) -> LogPane:
        self.view.focus(scroll_visible)
        return self

    # ---- moving ----

    def action_rows(self, rows: int) -> None:
        self.view.scroll_rows(rows)

    def action_pages(self, pages: float) -> None:
        self.view.scroll_pages(pages)

    def action_top(self) -> None:
        self.view.scroll_top()

    def action_sideways(self, times: int) -> None:
        self.view.scroll_sideways(times * SIDEWAYS)

    def action_follow(self) -> None:
        self.view.follow()

    def action_toggle_follow(self) -> None:
        self.view.toggle_follow()

    def action_wrap(self) -> None:
        for view in self.views.values():
            view.wrap = not view.wrap

    def go_to(self, evidence: Evidence) -> None:
        """The line of it, if one of the two logs has it."""
        if (stream := self.paths.stream_of(evidence)) and evidence.line is not None:
            self.views[stream].go_to_line(evidence.line)

    # ---- searching ----

    def action_search(self) -> None:
        self._ask("search")

    def action_filter(self) -> None:
        self._ask("filter")

    def _ask(self, purpose: Purpose) -> None:
        """What was asked for before stands there, and is marked until it is changed."""
        self.prompt.open(purpose)
        if self.view.matcher is None and self.prompt.matcher is not None:
            self._search(self.prompt.matcher)

    def action_match(self, direction: int) -> None:
        if self.view.matcher is None:
            self._ask("search")
        else:
            self.view.jump(self.view.matcher, forward=direction > 0)

    def action_error(self, direction: int) -> None:
        self.view.jump(ERRORS, forward=direction > 0, not_found=self._none("error"))

    def action_epoch(self, direction: int) -> None:
        self.view.jump(EPOCHS, forward=direction > 0, not_found=self._none("evaluation"))

    def _none(self, thing: str) -> str:
        """In which stream there is none: the other one may have it."""
        name, other = ("stderr", "stdout") if self.view is self.views["err"] else ("stdout", "stderr")
        return f"no {thing} in {name}" + ("" if self.stream == "both" else f"; there is {other} too")

    def action_clear(self) -> None:
        """Stop a search under way, then show all lines, then forget what was searched for."""
        view = self.view
        if view.cancel_jump():
            return
        if view.is_filtered:
            view.search(view.matcher)
        elif view.matcher is not None:
            self._search(None)
        else:
            raise SkipAction

    @on(SearchPrompt.Typed)
    def _mark(self, event: SearchPrompt.Typed) -> None:
        event.stop()
        self._search(event.matcher)

    @on(SearchPrompt.Entered)
    def _go(self, event: SearchPrompt.Entered) -> None:
        event.stop()
        self.prompt.close()
        self.view.focus()
        if event.matcher is None:
            self._search(None)
        elif event.purpose == "filter":
            self._search(event.matcher, is_filtered=True)
        else:
            self.view.jump(event.matcher, forward=True)

    @on(SearchPrompt.Left)
    def _leave_prompt(self, event: SearchPrompt.Left) -> None:
        event.stop()
        self.prompt.close()
        self.view.focus()
        self._search(None)

    def _search(self, matcher: Matcher | None, *, is_filtered: bool = False) -> None:
        for view in self.views.values():
            view.search(matcher, is_filtered=is_filtered)

    @on(LogView.Looked)
    def _show_position(self, event: LogView.Looked) -> None:
        event.stop()
        for header in self.headers.values():
            if header.view is event.view:
                header.refresh()
        if self.prompt.display and event.view is self.view:
            self.prompt.show_matched(found_words(event.view))

    @on(LogView.Told)
    def _say_told(self, event: LogView.Told) -> None:
        event.stop()
        self._say(event.words)

    # ---- copying and handing over ----

    def action_copy(self) -> None:
        self.copy_bar.open(self._choices())

    def _choices(self) -> tuple[Choice, ...]:
        path = self.view.path
        if path is None:
            return ()
        job = self.job or (path.stem if re.fullmatch(r"\d+(_\d+)?", path.stem) else None)
        choices = [Choice("line", self.view.choose_line(0)), Choice("path", str(path))]
        if job:
            choices.append(Choice("job_id", job))
        return (*choices, Choice("command", f"tail -f {shlex.quote(str(path))}"))

    @on(CopyBar.Moved)
    def _choose_line(self, event: CopyBar.Moved) -> None:
        event.stop()
        self.view.choose_line(event.rows)
        self.copy_bar.open(self._choices())

    @on(CopyBar.Chosen)
    def _copy(self, event: CopyBar.Chosen) -> None:
        event.stop()
        self.view.focus()
        self._copy_choice(event.choice)

    @work(group="copy", exclusive=True)
    async def _copy_choice(self, choice: Choice) -> None:
        """A line and a command are read from the file: the one may be long, the other far up."""
        name, text, view = choice.name, choice.text, self.view
        viewer, start, generation = view.viewer, view.current, view.page.generation
        if name == "line" and viewer is not None and start is not None:
            found = await view.in_background(lambda: viewer.whole_line(start, generation))
            text, is_piece = found or (text, False)
            name = "piece of a longer line" if is_piece else name
        elif name == "command":
            out = self.paths.out
            printed = await view.in_background(lambda: printed_command(Path(out))) if out else None
            text = printed or text
            name = f"`{fit(text, SHOWN).rstrip()}`"  # it has not been seen yet
        self._say(f"{name} {copy(self.app, text)}")

    @on(CopyBar.Left)
    def _leave_copying(self, event: CopyBar.Left) -> None:
        event.stop()
        self.view.focus()

    def action_pager(self) -> None:
        self._hand_over(pager_command)

    def action_editor(self) -> None:
        self._hand_over(editor_command)

    @work(group="hand over", exclusive=True)
    async def _hand_over(self, command: Callable[[Path, int | None], list[str]]) -> None:
        view, viewer, start = self.view, self.view.viewer, self.view.marked
        if view.path is None or viewer is None:
            return
        line = None
        if start is not None:
            line = await view.in_background(lambda: viewer.number_of(start))
        try:
            hand_over(self.app, command(view.path, line))
        except LogError as error:
            self._say(str(error), severity="error")

    def _say(self, words: str, severity: Literal["information", "error"] = "information") -> None:
        self.notify(plain_text(words), severity=severity, markup=False)
