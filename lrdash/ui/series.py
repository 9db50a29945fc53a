"""How a run looks wherever it is drawn: one colour and marker a configuration, one line style a group."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lrdash.monitor.snapshot import RunStatus
from lrdash.ui.glyphs import Glyphs


class SeriesLook(msgspec.Struct, frozen=True):
    """Told apart three times over: colour, marker shape, and filled or hollow."""

    colour: int = 0
    """Position of the configuration among all configurations of the sweep."""
    group: int = 0

    def marker(self, glyphs: Glyphs) -> str:
        shapes = glyphs.hollow_markers if self.group % 2 else glyphs.filled_markers
        return shapes[self.colour % len(shapes)]

    def swatch(self, glyphs: Glyphs) -> str:
        """Three cells of a legend: line, marker, line."""
        line = glyphs.dashed if self.group % 2 else glyphs.horizontal
        return f"{line}{self.marker(glyphs)}{line}"


def series_looks(runs: Sequence[RunStatus]) -> dict[str, SeriesLook]:
    """A look for each run, by key; stable as long as the sweep's runs are."""
    labels: dict[str, int] = {}
    groups: dict[str | None, int] = {}
    looks = {}
    for run in runs:
        colour = labels.setdefault(run.label or run.run, len(labels))
        looks[run.key] = SeriesLook(colour, groups.setdefault(run.group, len(groups)))
    return looks


def run_name(run: RunStatus) -> str:
    """`text 0  2e-5`."""
    place = f"{run.group} {run.index}  " if run.group is not None else ""
    return place + (run.label or run.run)
