"""What every view is given to show: one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from lrdash.monitor.snapshot import RunStatus, Snapshot

if TYPE_CHECKING:
    from lrdash.results.comparison import Comparison, Which

Stream = Literal["out", "err", "both"]
UNITS = ("epoch", "step", "time", "tokens")
TABS = ("Home", "Log", "Metrics", "Compare", "Checks")
STREAMS: tuple[Stream, ...] = ("out", "err", "both")


class ChartView(msgspec.Struct, frozen=True):
    """What the user chose to see."""

    metric: int = 0
    unit: str = "epoch"
    log: bool = False
    solo: str = ""
    dimmed: frozenset[str] = frozenset()
    crosshair: float | None = None


class ScreenState(msgspec.Struct, frozen=True):
    """The newest snapshot and what the user selected in it."""

    snapshot: Snapshot
    selected: str = ""
    """Key of a run."""
    stream: Stream = "out"
    marked: frozenset[str] = frozenset()
    baselines: Mapping[str, str] = {}
    """Chosen baseline of a group; the first run where none was chosen."""

    comparison: Comparison | None = None
    """Of the newest results; None while it is being computed for the first time."""
    uncompared: str = ""
    """Why the newest results could not be compared."""

    @property
    def run(self) -> RunStatus | None:
        return next((run for run in self.snapshot.runs if run.key == self.selected), None)

    @property
    def contents(self) -> tuple[object, ...]:
        """What there is to draw: equal contents look the same, but for ages, which are told by the minute."""
        snapshot = self.snapshot
        return (
            snapshot.runs, snapshot.taken_at[:16], self.selected, self.stream, self.marked, self.baselines,
            self.comparison, self.uncompared,
        )  # fmt: skip


def another_epoch(epoch: Which, step: int, snapshot: Snapshot) -> Which:
    """By 0 from the last epoch to the best and back; else to one by its number, never beyond the newest."""
    if not step:
        return "best" if epoch == "last" else "last"
    rows = [run.metrics.epochs for run in snapshot.runs]
    newest = max((int(row["epoch"] or 0) for epochs in rows for row in epochs[-1:]), default=1)
    at = epoch if isinstance(epoch, int) else newest
    return min(max(at + step, 1), newest)


def other_group(snapshot: Snapshot, selected: str) -> str | None:
    """The run with the same array index (else the nearest) in the next group."""
    run = next((run for run in snapshot.runs if run.key == selected), None)
    groups = list(dict.fromkeys(run.group for run in snapshot.runs))
    if run is None or len(groups) < 2:
        return None
    group = groups[(groups.index(run.group) + 1) % len(groups)]
    candidates = [other for other in snapshot.runs if other.group == group]
    return min(candidates, key=lambda other: abs((other.index or 0) - (run.index or 0))).key


def run_with_index(snapshot: Snapshot, selected: str, index: int) -> str | None:
    """The run of the selected one's group (else of the first group) with an array index."""
    run = next((run for run in snapshot.runs if run.key == selected), None) or next(iter(snapshot.runs), None)
    if run is None:
        return None
    return next((one.key for one in snapshot.runs if one.group == run.group and one.index == index), None)
