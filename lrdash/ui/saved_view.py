"""What the user made of the screen, kept between starts: one small file a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lrdash.kept import keep
from lrdash.ui.first_frame import view_path
from lrdash.ui.rows import SORT_KEYS, Arrangement
from lrdash.ui.state import STREAMS, TABS, UNITS, ChartView

if TYPE_CHECKING:
    from lrdash.ui.screens.main import MainScreen


class SavedView(msgspec.Struct, frozen=True):
    """Whatever is no longer there (a run, a theme) is passed over when it is restored."""

    tab: str = "Home"
    selected: str = ""
    stream: str = "out"
    sort: str = "index"
    reverse: bool = False
    folded: tuple[str, ...] = ()
    baselines: dict[str, str] = {}
    metric: int = 0
    unit: str = "epoch"
    log: bool = False
    solo: str = ""
    dimmed: tuple[str, ...] = ()
    theme: str = ""


class ViewFile:
    """Where the view of one sweep file is kept."""

    def __init__(self, sweep_file: Path) -> None:
        self.path = view_path(sweep_file)
        self.view = self._read()

    def _read(self) -> SavedView:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=SavedView)
        except (OSError, msgspec.DecodeError):
            return SavedView()  # the first start, or a file of another version

    def restore(self, screen: MainScreen) -> None:
        """Make the screen what it was; nothing that is gone comes back."""
        view, keys = self.view, frozenset(run.key for run in screen.snapshot.runs)
        if view.selected in keys:
            screen.selected = view.selected
        screen.stream = next((stream for stream in STREAMS if stream == view.stream), screen.stream)
        screen.baselines = {group: key for group, key in view.baselines.items() if key in keys}
        sort = view.sort if view.sort in SORT_KEYS else "index"
        screen.table.arrangement = Arrangement(sort, view.reverse, folded=frozenset(view.folded))
        unit = view.unit if view.unit in UNITS else "epoch"
        screen.chart_view = ChartView(
            metric=view.metric,
            unit=unit,
            log=view.log,
            solo=view.solo if view.solo in keys else "",
            dimmed=keys.intersection(view.dimmed),
        )
        if view.tab in TABS:
            screen.tab = view.tab

    def save(self, screen: MainScreen) -> None:
        keep(self.path, msgspec.json.encode(capture(screen, self.view)))


def capture(screen: MainScreen, before: SavedView) -> SavedView:
    """The view as it stands; a terminal without colours says nothing about the theme that was chosen."""
    arrangement, chart = screen.table.arrangement, screen.chart_view
    return SavedView(
        tab=screen.tab,
        selected=screen.selected,
        stream=screen.stream,
        sort=arrangement.sort,
        reverse=arrangement.reverse,
        folded=tuple(sorted(arrangement.folded)),
        baselines=dict(screen.baselines),
        metric=chart.metric,
        unit=chart.unit,
        log=chart.log,
        solo=chart.solo,
        dimmed=tuple(sorted(chart.dimmed)),
        theme=before.theme if screen.app.no_color else screen.app.theme,
    )
