"""The application: polls the source in threads and hands each snapshot to the screen."""

from __future__ import annotations

from textual import on, work
from textual.app import App
from textual.worker import get_current_worker

from lrdash.monitor.snapshot import Snapshot
from lrdash.ui.glyphs import ASCII, UNICODE
from lrdash.ui.messages import FilesPolled, QueuePolled
from lrdash.ui.screens.main import MainScreen
from lrdash.ui.source import SnapshotSource
from lrdash.ui.theme import DARK, MONO, THEMES, VARIABLE_DEFAULTS, Paint


class LrdashApp(App[None]):
    """One sweep on one screen."""

    CSS_PATH = "app.tcss"
    TITLE = "lrdash"
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, source: SnapshotSource, *, ascii_only: bool = False, theme: str = "") -> None:
        self.glyphs = ASCII if ascii_only else UNICODE
        super().__init__()
        self.source = source
        for one in THEMES:
            self.register_theme(one)
        self.theme = MONO.name if self.no_color else theme or DARK.name
        self._paint: tuple[str, Paint] | None = None
        self.main = MainScreen()

    @property
    def paint(self) -> Paint:
        if self._paint is None or self._paint[0] != self.theme:
            self._paint = self.theme, Paint(self.theme_variables)
        return self._paint[1]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLE_DEFAULTS

    def get_default_screen(self) -> MainScreen:
        return self.main

    def on_mount(self) -> None:
        self.main.snapshot = self.source.snapshot
        self.call_after_refresh(self._start_polling)

    def on_unmount(self) -> None:
        self.source.close()

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
        self._show(event.snapshot)
        self.set_timer(self.source.queue_interval, self.poll_queue)

    @on(FilesPolled)
    def _show_files(self, event: FilesPolled) -> None:
        self._show(event.snapshot)
        self.set_timer(self.source.files_interval, self.poll_files)

    def _show(self, snapshot: Snapshot) -> None:
        if snapshot.taken_at >= self.main.snapshot.taken_at:
            self.main.snapshot = snapshot
