"""A run's log on the screen: its streams, and one line that says what is being looked at."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.reactive import reactive
from textual.widget import Widget

from lrdash.logs.terminal_text import plain_text
from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.logs.highlight import foreground
from lrdash.ui.logs.view import LogView

Stream = Literal["out", "err", "both"]
STREAMS: tuple[Stream, ...] = ("out", "err", "both")


class LogHeader(Widget):
    """What is looked at, how, and where in it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--title",
        "header--live",
        "header--paused",
        "header--muted",
    }
    DEFAULT_CSS = """
    LogHeader {
        height: 1;
        background: $panel;
        & .header--title { color: $foreground; text-style: bold; }
        & .header--live { color: $success; }
        & .header--paused { color: $warning; }
        & .header--muted { color: $foreground 60%; }
    }
    """

    def __init__(self, view: LogView, stream: str) -> None:
        super().__init__()
        self.view, self.stream, self.title = view, stream, ""

    def render(self) -> Text:
        left = Text(" ", no_wrap=True, overflow="ellipsis")
        left.append(plain_text(self.title), self._style("header--title"))
        left.append(f" · {self.stream} · ", self._style("header--muted"))
        left.append(*self._mode())
        right = Text(self._where(), self._style("header--muted"))
        gap = self.size.width - left.cell_len - right.cell_len
        if gap < 1:
            left.truncate(self.size.width, overflow="ellipsis")
            return left
        return left + Text(" " * gap) + right

    def _mode(self) -> tuple[str, Style]:
        view = self.view
        if view.path is None or view.page.problem:
            return "waiting", self._style("header--paused")
        if view.following:
            return "● following", self._style("header--live")
        new = f"paused · +{view.unseen_lines:,} lines" if view.unseen_lines else "paused"
        return new, self._style("header--paused")

    def _where(self) -> str:
        size = self.view.page.size
        return f"{self.view.count.lines:,} lines · {human_size(size)} " if size else ""

    def _style(self, name: str) -> Style:
        return foreground(self, name)


class LogPane(Widget):
    """Out, err or both of one run."""

    DEFAULT_CSS = """
    LogPane {
        layout: vertical;
        & > Container { height: 1fr; }
    }
    """

    stream: reactive[Stream] = reactive("out")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.paths = LogPaths()
        self.views = {"out": LogView(), "err": LogView()}
        self.headers = {name: LogHeader(view, name) for name, view in self.views.items()}

    def compose(self) -> ComposeResult:
        for name, view in self.views.items():
            with Container(id=name):
                yield self.headers[name]
                yield view

    def show(self, paths: LogPaths, stream: Stream, title: str) -> None:
        """Look at a run's log; the same log again keeps the place."""
        self.paths = paths
        for header in self.headers.values():
            header.title = title
            header.refresh()
        self.stream = stream
        self._show_stream()

    def watch_stream(self) -> None:
        if self.is_attached:
            self._show_stream()

    def on_mount(self) -> None:
        self._show_stream()

    def action_other_stream(self) -> None:
        """out, err, both, out..."""
        self.stream = STREAMS[(STREAMS.index(self.stream) + 1) % len(STREAMS)]

    def _show_stream(self) -> None:
        if not self.is_mounted:
            return
        for name, path in (("out", self.paths.out), ("err", self.paths.err)):
            shown = self.stream in (name, "both")
            had_focus = self.views[name].has_focus
            self.query_one(f"#{name}", Container).display = shown
            self.views[name].show(Path(path) if path and shown else None)
            if had_focus and not shown:
                self.views["err" if name == "out" else "out"].focus()

    @on(LogView.Looked)
    def _show_position(self, event: LogView.Looked) -> None:
        event.stop()
        for header in self.headers.values():
            if header.view is event.view:
                header.refresh()


def human_size(size: int) -> str:
    """Powers of 1000, as `ls -lh --si` has them."""
    amount, units = float(size), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while amount >= 999.5 and unit != "TB":
        amount, unit = amount / 1000, next(units)
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"
