"""A log pane in a terminal of its own, for `log_window.py`: says on stdout what it saw of a growing log.

    python -m tests.benchmarks.log_app LOG REPORT

Every line of LOG is `<number> <monotonic time> ...`. `z` changes what stands in the last row, so that whoever
drives the terminal can time a key; `Q` ends it and writes REPORT.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from lrdash.logs.page import Page, Place, Viewport
from lrdash.logs.viewer import LogViewer
from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.logs import view
from lrdash.ui.logs.pane import LogPane


class Report(msgspec.Struct):
    oldest_ms: list[float] = []
    """Age, when its page was read, of the first line that had come since the page before."""
    newest_ms: list[float] = []
    gaps: int = 0
    """Rows that are not one after the other."""
    lines: int | None = None
    cpu_seconds: float = 0.0
    seconds: float = 0.0


class Watched(LogViewer):
    """Notes what each page shows and how old that is."""

    report = Report()
    _end = 0

    def look(self, viewport: Viewport, place: Place | None, scroll: int) -> Page:
        page = super().look(viewport, place, scroll)
        # The line that is being written is shown as far as it goes; whole lines are what is measured.
        whole = [row.line for row in page.rows if self.log.read(row.line.end - 1, row.line.end) == b"\n"]
        if whole and whole[-1].end > self._end:
            if self._end:
                self.report.oldest_ms.append(_age(self.log.line(self._end).data))
            self.report.newest_ms.append(_age(whole[-1].data))
            numbers = [int(line.data.split(b" ", 1)[0]) for line in whole]
            self.report.gaps += sum(after - before != 1 for before, after in pairwise(numbers))
            self._end = whole[-1].end
        self.report.lines = page.lines
        return page


def _age(line: bytes) -> float:
    return (time.monotonic() - float(line.split(b" ", 2)[1])) * 1000


class FollowApp(App[None]):
    BINDINGS = [Binding("z", "answer"), Binding("Q", "leave")]  # noqa: RUF012

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log_path, self.pane, self.answers = log, LogPane(), 0

    def compose(self) -> ComposeResult:
        yield self.pane
        yield Static("answer 0", id="answer")

    def on_mount(self) -> None:
        self.pane.show(LogPaths(out=str(self.log_path)), "out", "text 2")
        self.pane.view.focus()
        self.started, self.cpu = time.monotonic(), time.process_time()

    def action_answer(self) -> None:
        self.answers += 1
        self.query_one("#answer", Static).update(f"answer {self.answers}")

    def action_leave(self) -> None:
        Watched.report.cpu_seconds = time.process_time() - self.cpu
        Watched.report.seconds = time.monotonic() - self.started
        self.exit()


def main(log: str, report: str) -> None:
    patched: Any = view
    patched.LogViewer = Watched
    FollowApp(Path(log)).run()
    Path(report).write_bytes(msgspec.json.encode(Watched.report))


if __name__ == "__main__":
    main(*sys.argv[1:])
