"""The first line: the sweep, how many runs are where, and how fresh each source is."""

from __future__ import annotations

from time import monotonic

from rich.cells import cell_len
from textual.reactive import reactive, var
from textual.strip import Strip
from textual.widget import Widget

from lrdash.monitor.snapshot import Snapshot, Source
from lrdash.scheduler.base import FINISHED_STATES
from lrdash.ui.context import Painted
from lrdash.ui.format import age, plain
from lrdash.ui.rows import tally
from lrdash.ui.theme import Look, Role

Part = tuple[str, Role]
_SHOWN_SOURCES = ("queue", "logs", "results")
IDLE_SECONDS = 5


class StatusBar(Widget, Painted):
    """One line; drops words, then sources, when there is less room."""

    snapshot: var[Snapshot | None] = var(None)
    notice: reactive[str] = reactive("")
    """Said instead of the tally: `paused`, `replay 8x`."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._counts: list[tuple[Look, int]] = []
        self._is_active = False
        self._seconds = 0

    def on_mount(self) -> None:
        self._received = monotonic()
        self.set_interval(1, self._tick)

    def _tick(self) -> None:
        """Ages go on by the second while something runs; else seldom, for each paint wakes the machine."""
        self._seconds += 1
        if self._is_active or self._seconds % IDLE_SECONDS == 0:
            self.refresh()

    def watch_snapshot(self, before: Snapshot | None, after: Snapshot | None) -> None:
        self._received = monotonic()
        self._count()
        if before is None or after is None or _but_for_ages(before) != _but_for_ages(after):
            self.refresh()  # else the ages alone are new, which the next second shows

    def render_line(self, y: int) -> Strip:
        if self.snapshot is None or y:
            return self.line([], self.size.width)
        width = self.size.width
        name: list[Part] = [(f" {plain(self.snapshot.sweep)} ", "bold")]
        if self.notice:
            name.append((f" {self.notice} ", "warning"))
        for words in (True, False):
            left = name + self._tally(words)
            for right in (self._freshness(_SHOWN_SOURCES), self._freshness(self._worst_source()), []):
                room = width - _length(left) - _length(right)
                if room >= 0:
                    return self.line([*left, (" " * room, "text"), *right], width)
        return self.line(name, width)

    def _count(self) -> None:
        if self.snapshot is None:
            return
        states = {run.state for run in self.snapshot.runs}
        self._is_active = bool(states - FINISHED_STATES - {None})
        self._counts = tally(self.snapshot.runs, self.glyphs)

    def _tally(self, words: bool) -> list[Part]:
        parts: list[Part] = []
        for look, count in self._counts:
            parts.append((f" {look.glyph} ", look.role))
            parts.append((f"{count}{' ' + look.tally if words else ''} ", "text"))
        return parts

    def _worst_source(self) -> tuple[str, ...]:
        assert self.snapshot is not None
        sources = self.snapshot.sources
        troubled = [name for name in _SHOWN_SOURCES if _is_troubled(getattr(sources, name))]
        return tuple(troubled[:1]) or ("queue",)

    def _freshness(self, names: tuple[str, ...]) -> list[Part]:
        assert self.snapshot is not None
        parts: list[Part] = []
        for name in names:
            if parts:
                parts.append((f" {self.glyphs.separator} ", "faint"))
            parts.extend(self._source(name, getattr(self.snapshot.sources, name)))
        return [*parts, (" ", "text")]

    def _source(self, name: str, source: Source) -> list[Part]:
        if source.state == "off":
            return [(f"{name} off", "faint")]
        if not _is_known(source):
            return [(f"{name} {self.glyphs.waiting}", "muted")]
        since = source.age_seconds
        since_text = "" if since is None else f" {age(since + monotonic() - self._received)}"
        if source.state == "fresh":
            return [(name, "muted"), (since_text, "text")]
        reason = f": {plain(source.error)[:60]}" if source.error and self.size.width >= 120 else ""
        return [(f"{self.glyphs.warning} {name} {source.state}{since_text}{reason}", "warning")]


def _is_known(source: Source) -> bool:
    """Whether it has answered or failed since the start."""
    return source.state != "unavailable" or source.error is not None


def _is_troubled(source: Source) -> bool:
    return source.state in ("stale", "unavailable") and _is_known(source)


def _but_for_ages(snapshot: Snapshot) -> list[object]:
    sources = [getattr(snapshot.sources, name) for name in _SHOWN_SOURCES]
    return [snapshot.sweep, snapshot.runs, *((source.state, source.error) for source in sources)]


def _length(parts: list[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)
