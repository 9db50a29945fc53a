"""The line of tabs below the status line, and the line of keys at the bottom."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lrdash.ui.bindings import PLACES, key_name
from lrdash.ui.context import Painted
from lrdash.ui.format import fit
from lrdash.ui.messages import TabChosen
from lrdash.ui.state import TABS


class TabBar(Widget, Painted):
    """The views, and at the right what is selected."""

    active: reactive[str] = reactive(TABS[0])
    subject: reactive[str] = reactive("")
    attention: reactive[int] = reactive(0)

    def render_line(self, y: int) -> Strip:
        if y:
            return self.line([], self.size.width)
        segments: list[Segment] = []
        for tab in TABS:
            style = self.paint.tab if tab == self.active else self.paint["muted"]
            segments += [Segment(" "), Segment(tab, style + Style(meta={"tab": tab})), Segment(" ")]
        left = sum(segment.cell_length for segment in segments)
        notes = self._notes(self.size.width - left)
        length = sum(segment.cell_length for segment in notes)
        return self.line(
            [*segments, Segment(" " * (self.size.width - left - length)), *notes], self.size.width
        )

    def _notes(self, room: int) -> list[Segment]:
        warning = f"{self.glyphs.warning} {self.attention} need attention: a " if self.attention else ""
        if self.attention == 1:
            warning = warning.replace("need", "needs")
        subject = f"{self.subject} "
        if cell_len(warning) + cell_len(subject) + 2 > room:
            warning = f"{self.glyphs.warning} {self.attention}: a " if self.attention else ""
        subject = fit(subject, max(0, min(cell_len(subject), room - cell_len(warning) - 3)))
        gap = "  " if warning and subject else ""
        to_list = Style(meta={"@click": "screen.attention"})
        notes = [
            Segment(warning, self.paint["warning"] + to_list),
            Segment(gap),
            Segment(subject, self.paint["text"]),
        ]
        return notes if cell_len(warning) + cell_len(subject) + 2 <= room else []

    def on_click(self, event: events.Click) -> None:
        if tab := event.style.meta.get("tab"):
            self.post_message(TabChosen(tab))


class KeyBar(Widget, Painted):
    """The keys that matter most where the focus is; each can be clicked."""

    labels: reactive[Mapping[str, str]] = reactive({})
    """By action, for those that do not do just now what the table of keys calls them."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh(layout=True))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return sum(cell_len(part) for one in self._shown() for part in self._words(one))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        segments: list[Segment] = []
        room = width
        for binding in self._shown():
            key, label = self._words(binding)
            room -= cell_len(key) + cell_len(label)
            if room < 0:
                break
            clickable = Style(meta={"@click": f"screen.press('{binding.key}')", "tip": binding.tooltip})
            segments += [
                Segment(key, self.paint["accent"] + Style(bold=True) + clickable),
                Segment(label, self.paint["muted"] + clickable),
            ]
        return self.line(segments, width)

    def _words(self, binding: Binding) -> tuple[str, str]:
        """A key and what it does, where it does something else just now."""
        key = self.glyphs.keys(binding.key_display or key_name(binding.key))
        return f" {key} ", f"{self.labels.get(binding.action, binding.description)} "

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """What the key below the mouse does, in full."""
        tip = event.style.meta.get("tip")
        self.tooltip = Content(tip) if tip else None

    def _shown(self) -> list[Binding]:
        """Each action once; those of the focused pane first, help and quit always."""
        active = self.screen.active_bindings.values()
        own = [one.binding for one in active if one.binding.show and one.node is not self.screen]
        general = [one.binding for one in active if one.binding.show and one.node is self.screen]
        unique: dict[str, Binding] = {}
        for binding in own + sorted(general, key=_rank):
            unique.setdefault(binding.action, binding)
        return list(unique.values())


def _rank(binding: Binding) -> tuple[bool, int]:
    """Help and quit first, then the order of the table."""
    return binding.action not in ("help", "quit_or_back"), PLACES.get(binding.id or "", 0)
