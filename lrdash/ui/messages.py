"""Messages that cross widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from lrdash.monitor.snapshot import Snapshot
    from lrdash.results.comparison import Comparison
    from lrdash.results.steps import StepSeries
    from lrdash.ui.state import ChartView


@dataclass
class QueuePolled(Message):
    """A look at the queue has answered."""

    snapshot: Snapshot


@dataclass
class FilesPolled(Message):
    """Logs and results have been read."""

    snapshot: Snapshot


@dataclass
class RunSelected(Message):
    """The cursor is on another run."""

    key: str


@dataclass
class RunOpened(Message):
    """A run was chosen with enter or a double click."""

    key: str


@dataclass
class RowsOpened(Message):
    """The test rows behind a run, or behind a run against another one, were asked for."""

    run: str
    other: str | None


@dataclass
class TabChosen(Message):
    """A tab was clicked."""

    tab: str


@dataclass
class StepsRead(Message):
    """Training curves have been read on."""

    series: dict[str, StepSeries]


@dataclass
class Compared(Message):
    """The runs have been compared."""

    comparison: Comparison


@dataclass
class ChartChanged(Message):
    """Another metric, unit or crosshair is shown."""

    view: ChartView
