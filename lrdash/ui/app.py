"""The application: polls the source in threads and hands each snapshot to the screen.

Imports at the top are paid before the first frame; all others wait until it has been painted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.worker import get_current_worker

from lrdash.errors import LrdashError
from lrdash.ui.first_frame import FirstScreen
from lrdash.ui.keyboard import KeysInTurn
from lrdash.ui.messages import Compared, FilesPolled, QueuePolled, StepsRead
from lrdash.ui.theme import DARK, MONO, THEMES, VARIABLE_DEFAULTS, Paint

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.command import Provider
    from textual.timer import Timer

    from lrdash.monitor.snapshot import Snapshot
    from lrdash.ui.backend import Backend
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
    COMMANDS = {_commands}  # noqa: RUF012 - Textual's own type

    main: MainScreen
    session: Session
    glyphs: Glyphs

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
        self._queue_timer: Timer | None = None
        self.is_paused = False

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
        from lrdash.ui.glyphs import ASCII, UNICODE
        from lrdash.ui.screens.main import MainScreen

        try:
            self.session = self._open_session()
        except LrdashError as error:
            self.exit(error)
            return
        self.glyphs = ASCII if self._ascii_only or self.settings.ascii else UNICODE
        self.set_class(not self.glyphs.braille, "-ascii")
        self.set_keymap(self.settings.keys)
        self._set_theme(self.settings.theme)
        self.main = MainScreen()
        self.main.snapshot = self.source.snapshot
        await self.push_screen(self.main)
        if self.session.view_file:
            self.session.view_file.restore(self.main)
        self.call_after_refresh(self._start_polling)

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

    # Polling: the next one of a kind is planned when the last one has answered, so none overlap.

    def _start_polling(self) -> None:
        self.poll_files()
        self.poll_queue()

    @work(thread=True, group="queue")
    def poll_queue(self) -> None:
        snapshot = self.source.poll_queue()
        if not get_current_worker().is_cancelled:
            self.post_message(QueuePolled(snapshot))

    @work(thread=True, group="files")
    def poll_files(self) -> None:
        snapshot = self.source.poll_files()
        if not get_current_worker().is_cancelled:
            self.post_message(FilesPolled(snapshot))

    @on(QueuePolled)
    def _show_queue(self, event: QueuePolled) -> None:
        self._show_snapshot(event.snapshot)
        seconds = max(self.source.queue_interval, self.settings.queue_seconds)
        self._queue_timer = self.set_timer(seconds, self.poll_queue, pause=self.is_paused)

    @on(FilesPolled)
    def _show_files(self, event: FilesPolled) -> None:
        self._show_snapshot(event.snapshot)
        seconds = max(self.source.files_interval, self.settings.files_seconds)
        self.set_timer(seconds, self.poll_files)
        self.read_steps()
        if self._compared != _results_of(event.snapshot):
            self._compared = _results_of(event.snapshot)
            self.compare()

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        before = self.main.snapshot
        if snapshot.taken_at < before.taken_at:
            return
        self.main.snapshot = snapshot
        from lrdash.ui.attention import news

        for item in news(before, snapshot):
            self._tell(item.text, is_bad=item.is_bad)

    def _tell(self, text: str, *, is_bad: bool) -> None:
        self.notify(text, severity="error" if is_bad else "information", markup=False)
        if self.settings.notify.bell:
            self.bell()
        if self.settings.notify.command:
            from lrdash.ui.notification import run_command

            self.run_worker(
                lambda: run_command(self.settings.notify.command, text), thread=True, group="notify"
            )

    # Results

    def read_steps(self) -> None:
        """Read on the training curves that the chart on the screen shows."""
        chart = self.main.chart
        if self.results is not None and chart is not None and (keys := chart.wanted_steps):
            self._read_steps(self.results, keys)

    @work(thread=True, exclusive=True, group="steps")
    def _read_steps(self, results: Results, keys: list[str]) -> None:
        self.post_message(StepsRead(results.read_steps(keys)))

    @on(StepsRead)
    def _show_steps(self, event: StepsRead) -> None:
        for chart in self.main.charts:
            chart.steps = {**chart.steps, **event.series}

    def compare(self) -> None:
        """Compare the runs again, in the background."""
        if self.results is not None:
            self._compare(self.results, dict(self.main.baselines))

    @work(thread=True, exclusive=True, group="compare")
    def _compare(self, results: Results, baselines: dict[str, str]) -> None:
        try:
            comparison = results.compare(baselines)
        except LrdashError as error:
            self.call_from_thread(self.main.say_error, str(error))
        else:
            self.post_message(Compared(comparison))

    @on(Compared)
    def _show_comparison(self, event: Compared) -> None:
        self.main.comparison = event.comparison

    # What the user asks for

    def wake(self) -> None:
        """Something was changed, or the user wants to see it now: poll soon."""
        self.source.wake()
        if self._queue_timer is not None:
            self._queue_timer.stop()
            self._queue_timer = self.set_timer(0.01, self.poll_queue)

    def pause(self) -> None:
        """Stop asking the queue, or go on."""
        self.is_paused = not self.is_paused
        self.main.notice = "queue paused: p" if self.is_paused else ""
        if self._queue_timer is not None:
            (self._queue_timer.pause if self.is_paused else self._queue_timer.resume)()

    def leave(self) -> None:
        """Quit."""
        self.exit()


def _results_of(snapshot: Snapshot) -> object:
    """What a comparison depends on."""
    return [(run.run, run.metrics.last, run.metrics.predict) for run in snapshot.runs]
