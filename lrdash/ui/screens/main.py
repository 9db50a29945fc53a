"""The screen: a status line, tabs, one view at a time, and the keys."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

from lrdash.monitor.snapshot import Snapshot
from lrdash.ui.bindings import bindings
from lrdash.ui.curves import run_name
from lrdash.ui.format import plain
from lrdash.ui.messages import RunOpened, RunSelected, TabChosen
from lrdash.ui.state import STREAMS, ScreenState, Stream, other_group, run_with_index
from lrdash.ui.views import make_view
from lrdash.ui.views.home import HomeView
from lrdash.ui.widgets.bars import TABS, KeyBar, TabBar
from lrdash.ui.widgets.run_table import RunTable
from lrdash.ui.widgets.status_bar import StatusBar

BREAKPOINTS = ((0, "-tiny"), (50, "-narrow"), (100, "-normal"), (120, "-wide"))
LOW_BREAKPOINTS = ((0, "-flat"), (12, "-low"), (20, "-tall"))


class MainScreen(Screen[None]):
    """Holds what is selected and gives every view the same state."""

    BINDINGS = bindings("everywhere")
    AUTO_FOCUS = "#runs"
    HORIZONTAL_BREAKPOINTS = list(BREAKPOINTS)
    VERTICAL_BREAKPOINTS = list(LOW_BREAKPOINTS)

    snapshot: reactive[Snapshot] = reactive(lambda: Snapshot(sweep="", taken_at="1970-01-01T00:00:00+00:00"))
    selected: reactive[str] = reactive("")
    stream: reactive[Stream] = reactive("out")
    tab: reactive[str] = reactive(TABS[0])

    def compose(self) -> ComposeResult:
        yield StatusBar(id="status")
        yield TabBar(id="tabs")
        with Container(id="body"):
            yield HomeView(id="home")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        self._show()
        self.call_after_refresh(self._fill)

    async def _fill(self) -> None:
        await self.query_one(HomeView).fill()
        self._show()

    # State

    @property
    def state(self) -> ScreenState:
        return ScreenState(self.snapshot, self.selected, self.stream)

    def watch_snapshot(self, snapshot: Snapshot) -> None:
        if not self.selected and snapshot.runs:
            self.selected = snapshot.runs[0].key
        self._show()

    def watch_selected(self) -> None:
        self._show()

    def watch_stream(self) -> None:
        self._show()

    def _show(self) -> None:
        if not self.is_mounted:
            return
        state = self.state
        run = state.run
        self.query_one(StatusBar).snapshot = state.snapshot
        self.query_one(TabBar).subject = plain(run_name(run)) if run else ""
        view = self.view
        if view is not None:
            view.show(state)  # type: ignore[attr-defined]

    @property
    def view(self) -> Widget | None:
        return next(iter(self.query(f"#{self.tab.lower()}")), None)

    # Tabs

    async def watch_tab(self, tab: str) -> None:
        if not self.is_mounted:
            return
        self.query_one(TabBar).active = tab
        if self.view is None:
            await self.query_one("#body").mount(make_view(tab))
        for view in self.query_one("#body").children:
            view.display = view.id == tab.lower()
        self._show()
        self._focus_first()

    def _focus_first(self) -> None:
        assert self.view is not None
        focusable = [widget for widget in self.view.query("*") if widget.focusable]
        if focusable:
            focusable[0].focus()

    @on(TabChosen)
    def _open_tab(self, event: TabChosen) -> None:
        self.tab = event.tab

    def action_tab(self, step: int) -> None:
        self.tab = TABS[(TABS.index(self.tab) + step) % len(TABS)]

    # Selection

    @on(RunSelected)
    def _select(self, event: RunSelected) -> None:
        if any(run.key == event.key for run in self.snapshot.runs):
            self.selected = event.key

    @on(RunOpened)
    def _open(self, event: RunOpened) -> None:
        self.selected = event.key
        self.tab = "Log"

    def action_select_index(self, index: int) -> None:
        self.selected = run_with_index(self.snapshot, self.selected, index) or self.selected

    def action_other_group(self) -> None:
        self.selected = other_group(self.snapshot, self.selected) or self.selected

    def action_other_stream(self) -> None:
        self.stream = STREAMS[(STREAMS.index(self.stream) + 1) % len(STREAMS)]

    # Panes

    def action_next_pane(self, step: int) -> None:
        (self.focus_next if step > 0 else self.focus_previous)()

    def action_back(self) -> None:
        if self.tab != TABS[0]:
            self.tab = TABS[0]
        else:
            self.query_one(RunTable).focus()

    def action_quit_or_back(self) -> None:
        if self.tab != TABS[0]:
            self.tab = TABS[0]
        else:
            self.app.exit()

    def action_press(self, key: str) -> None:
        self.app.simulate_key(key)
