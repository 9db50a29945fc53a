"""Messages that cross widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from lrdash.monitor.snapshot import Evidence
    from lrdash.ui.widgets.chart import Chart


@dataclass
class RunSelected(Message):
    """The cursor is on another run."""

    key: str


@dataclass
class RunOpened(Message):
    """A run was chosen with enter or a double click."""

    key: str
    at: Evidence | None = None
    """The line of its log that is to be seen; None: where it was left, or the end."""


@dataclass
class RowsOpened(Message):
    """The test rows behind a run, or behind a run against another one, were asked for."""

    run: str
    other: str | None


@dataclass
class EpochAsked(Message):
    """Another epoch is to be compared: the next one, the one before, or with 0 the last or the best."""

    step: int


@dataclass
class TabChosen(Message):
    """A tab was clicked."""

    tab: str


@dataclass
class ChartChanged(Message):
    """Key or mouse chose another metric, unit or crosshair; the chart's view may have gone on since."""

    chart: Chart
