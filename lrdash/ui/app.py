"""The application: asks the source in threads and hands each snapshot to the screen.

Imports at the top are paid before the first frame; all others wait until it has been painted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lrdash.errors import LrdashError
from lrdash.ui.first_frame import FirstScreen
from lrdash.ui.keyboard import KeysInTurn
from lrdash.ui.theme import DARK, MONO, THEMES, VARIABLE_DEFAULTS, Paint

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.command import Provider
    from textual.filter import LineFilter

    from lrdash.monitor.snapshot import Snapshot
    from lrdash.ui.backend import Backend
    from lrdash.ui.errand import Errand
    from lrdash.ui.glyphs import Glyphs
    from lrdash.ui.results import Results
    from lrdash.ui.screens.main import MainScreen
    from lrdash.ui.session import Session
    from lrdash.ui.settings import Settings
    from lrdash.ui.source import SnapshotSource


def _commands() -> type[Provider]:
    from lrdash.ui.commands import SweepCommands

    return SweepCommands


class LrdashApp(KeysInTurn):
    """One sweep on one screen; its result is the error that kept it from opening, if any."""

    TITLE = "lrdash"
    CSS_PATH = "app.tcss"
    COMMANDS = {_commands}  # noqa: RUF012 - Textual's own type

    main: MainScreen
    session: Session
    glyphs: Glyphs
    _queue: Errand
    _files: Errand
    _steps: Errand
    _comparison: Errand

    def __init__(
        self,
        open_session: Callable[[], Session],
        *,
        first_text: str = "",
        theme: str = "",
        ascii_only: bool = False,
    ) -> None:
        super().__init__()
        self._open_session, self._first_text, self._ascii_only = open_session, first_text, ascii_only
        for one in THEMES:
            self.register_theme(one)
        self._set_theme(theme)
        self._paint: tuple[str, Paint] | None = None
        self._compared: object = None

    @property
    def source(self) -> SnapshotSource:
        return self.session.source

    @property
    def results(self) -> Results | None:
        return self.session.results

    @property
    def backend(self) -> Backend | None:
        """What acts on the sweep; None for a recording and for folders without one."""
        from lrdash.ui.backend import Backend

        return self.results if isinstance(self.results, Backend) else None

    @property
    def settings(self) -> Settings:
        return self.session.settings

    @property
    def is_open(self) -> bool:
        """Whether the main screen is there."""
        return hasattr(self, "main")

    # Opening

    def get_default_screen(self) -> FirstScreen:
        return FirstScreen(self._first_text)

    def on_mount(self) -> None:
        self.call_after_refresh(self._open)

    async def _open(self) -> None:
        from lrdash.ui.errand import Errand
        from lrdash.ui.glyphs import ASCII, UNICODE
        from lrdash.ui.screens.main import MainScreen

        try:
            self.session = self._open_session()
        except LrdashError as error:
            self.exit(error)
            return
        self.glyphs = ASCII if self._ascii_only or self.settings.ascii else UNICODE
        self.set_class(self.glyphs is ASCII, "-ascii")
        self.set_keymap(self.settings.keys)
        self._set_theme(self.settings.theme)
        self._queue = Errand(
            self._poll_queue, lambda: max(self.source.queue_interval, self.settings.queue_seconds)
        )
        self._files = Errand(
            self._poll_files, lambda: max(self.source.files_interval, self.settings.files_seconds)
        )
        self._steps = Errand(self._read_steps, lambda: None)
        self._comparison = Errand(self._compare, lambda: None)
        self.main = MainScreen()
        self.main.snapshot = self.source.snapshot
        await self.push_screen(self.main)
        if self.session.view_file:
            self.session.view_file.restore(self.main)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is not drawn by the app's own glyphs is replaced on its way to the terminal."""
        filters = super().get_line_filters()
        if not self.has_class("-ascii"):
            return filters
        from lrdash.ui.plain_characters import ASCII_ONLY

        return [*filters, ASCII_ONLY]

    def on_unmount(self) -> None:
        if self.is_open:
            self.source.close()

    def exit(
        self, result: LrdashError | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """Leave, keeping the view while it still stands."""
        if self.is_open and self.session.view_file:
            self.session.view_file.save(self.main)
        super().exit(result, return_code, message)

    # Colours

    @property
    def paint(self) -> Paint:
        if self._paint is None or self._paint[0] != self.theme:
            self._paint = self.theme, Paint(self.theme_variables)
        return self._paint[1]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLE_DEFAULTS

    def _set_theme(self, wanted: str) -> None:
        if self.no_color:
            self.theme = MONO.name
        elif wanted in self.available_themes:
            self.theme = wanted
        elif self.theme not in [one.name for one in THEMES]:
            self.theme = DARK.name

    def next_theme(self) -> None:
        names = [one.name for one in THEMES]
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]

    def watch_theme(self) -> None:
        for chart in self.main.charts if self.is_open else ():
            chart.redraw()

    # Polling and comparing

    def start(self) -> None:
        """Called once all of Home has been painted: imports and reads would only have delayed it."""
        self.run_worker(self._connect(), group="errands")

    async def _connect(self) -> None:
        if self.session.connect is not None:
            try:
                self.session = await asyncio.to_thread(self.session.connect)
            except LrdashError as error:
                self.exit(error)
                return
            self._show_snapshot(self.source.snapshot)
        self._start_errands()

    def _start_errands(self) -> None:
        for errand in (self._queue, self._files, self._steps, self._comparison):
            self.run_worker(errand.run(), group="errands")
        self._files.want()
        self._queue.want()

    async def _poll_queue(self) -> None:
        self._show_snapshot(await asyncio.to_thread(self.source.poll_queue))

    async def _poll_files(self) -> None:
        snapshot = await asyncio.to_thread(self.source.poll_files)
        self._show_snapshot(snapshot)
        self.read_steps()
        if self._compared != _results_of(snapshot):
            self._compared = _results_of(snapshot)
            self.compare()

    async def _read_steps(self) -> None:
        chart = self.main.chart
        if self.results is None or chart is None or not (keys := chart.wanted_steps):
            return
        series = await asyncio.to_thread(self.results.read_steps, keys)
        for chart in self.main.charts:
            chart.steps = {**chart.steps, **series}

    async def _compare(self) -> None:
        if self.results is None:
            return
        asked = baselines, epoch = dict(self.main.baselines), self.main.epoch
        try:
            comparison = await asyncio.to_thread(self.results.compare, baselines, epoch)
        except LrdashError as error:
            if str(error) != self.main.uncompared:  # which stands under Compare for as long as it holds
                self.main.say_error(str(error))
            self.main.uncompared = str(error)
        else:
            if asked == (self.main.baselines, self.main.epoch):  # else the next one is wanted already
                self.main.comparison, self.main.uncompared = comparison, ""

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        before = self.main.snapshot
        if _moment(snapshot) < _moment(before):
            return
        self.main.snapshot = snapshot
        from lrdash.ui.attention import in_words, news

        for text, is_bad in in_words(news(before, snapshot)):
            self._tell(text, is_bad=is_bad)

    def _tell(self, text: str, *, is_bad: bool) -> None:
        self.notify(text, severity="error" if is_bad else "information", markup=False)
        if self.settings.notify.bell:
            self.bell()
        if self.settings.notify.command:
            from lrdash.ui.notification import run_command

            self.run_worker(
                lambda: run_command(self.settings.notify.command, text), thread=True, group="notify"
            )

    # What the user asks for

    def read_steps(self) -> None:
        """Read on the training curves that the chart on the screen shows."""
        self._steps.want()

    def compare(self) -> None:
        """Compare the runs again."""
        self._comparison.want()

    def wake(self) -> None:
        """Something was changed, or the user wants to see it now: poll at once."""
        self.source.wake()
        self._queue.want()
        self._files.want()

    @property
    def is_paused(self) -> bool:
        """Whether the queue is only asked when the user wants it."""
        return self.is_open and self._queue.is_held

    def pause(self) -> None:
        """Stop asking the queue, or go on."""
        self._queue.is_held = not self._queue.is_held
        self.show_notice()
        if not self.is_paused:
            self._queue.want()

    def show_notice(self) -> None:
        """What the status line says of the app itself."""
        notices = (self.is_paused and "queue paused: p", self.main.is_submitting and "submitting…")
        self.main.notice = ", ".join(notice for notice in notices if notice)

    def show_help(self) -> None:
        """The keys that work where the focus is."""
        from lrdash.ui.bindings import views_in_reach
        from lrdash.ui.dialogs.texts import HelpDialog

        self.push_screen(HelpDialog(views_in_reach(self.screen), self.settings.keys, self.glyphs))

    def leave(self) -> None:
        """Quit, but ask while a submission has no answer."""
        if self.is_open and self.main.is_submitting:
            self.main.ask_to_leave()
        else:
            self.exit()

    async def action_quit(self) -> None:
        """Textual's own key."""
        self.leave()


def _moment(snapshot: Snapshot) -> float:
    """When it was taken: the texts do not compare where summer time ends."""
    return datetime.fromisoformat(snapshot.taken_at).timestamp()


def _results_of(snapshot: Snapshot) -> object:
    """What a comparison depends on."""
    return [(run.run, run.metrics.last, run.metrics.predict) for run in snapshot.runs]
