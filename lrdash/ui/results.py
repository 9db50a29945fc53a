"""The results behind the screen, of a sweep or of folders without one. Methods block: for thread workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lrdash.results.candidates import Candidate
    from lrdash.results.comparison import Comparison, GroupComparison
    from lrdash.results.foreign import ForeignRun
    from lrdash.results.steps import StepSeries

CURVE = "trainer_log.jsonl"


class Results(ABC):
    """What can be shown of runs without a scheduler; modules are imported when they are first needed."""

    name: str
    """Of the sweep or the folders, for titles."""
    listener: Callable[[Comparison], None] | None = None
    """Hears of every comparison that is made."""

    @abstractmethod
    def read_steps(self, keys: Collection[str]) -> dict[str, StepSeries]:
        """The training curves of some runs, by key."""

    def curve_files(self) -> dict[str, Path]:
        """Where the training curve of a run is written, by key."""
        return {}

    @abstractmethod
    def candidates(self) -> tuple[Candidate, ...]:
        """Every run with its predictions, for comparisons and the prediction browser."""

    def reported(self) -> tuple[Candidate, ...]:
        """Every run that a report of the comparison names."""
        return self.candidates()

    @abstractmethod
    def run_names(self) -> Mapping[str, str]:
        """The name of every run, by key."""

    def compare(self, baselines: Mapping[str, str], epoch: str | int = "last") -> Comparison:
        """Each group with its own baseline: that of `baselines`' values (keys of runs) which is in it."""
        import msgspec

        from lrdash.results.compare import compare

        candidates, whole = self.candidates(), compare([], sweep=self.name, epoch=epoch)
        names = self.run_names()
        chosen = {names.get(key) for key in baselines.values()}
        groups: list[GroupComparison] = []
        for group in dict.fromkeys(one.group for one in candidates):
            mine = [one for one in candidates if one.group == group]
            base = next((one.run for one in mine if one.run in chosen), None)
            groups += compare(mine, sweep=self.name, baseline=base, epoch=epoch).groups
        comparison = msgspec.structs.replace(whole, groups=tuple(groups))
        if self.listener is not None:
            self.listener(comparison)
        return comparison


class FolderResults(Results):
    """Of runs without a sweep file; a group is what was predicted on the same rows."""

    def __init__(self, name: str, find: Callable[[], Sequence[ForeignRun]]) -> None:
        """`find` answers with the runs that are known now: new ones appear while the screen is open."""
        self.name = name
        self._find = find

    @property
    def _runs(self) -> Mapping[str, ForeignRun]:
        return {run.name: run for run in self._find()}

    def read_steps(self, keys: Collection[str]) -> dict[str, StepSeries]:
        from lrdash.results.history import ResultsReader

        reader = ResultsReader()
        found = [run for name, run in self._runs.items() if name in keys]
        return {run.name: reader.steps(run.folder, run.folder) for run in found}

    def curve_files(self) -> dict[str, Path]:
        return {name: run.folder / CURVE for name, run in self._runs.items()}

    def candidates(self) -> tuple[Candidate, ...]:
        from lrdash.results.candidates import prediction_store
        from lrdash.results.foreign import foreign_candidates
        from lrdash.results.history import ResultsReader

        return foreign_candidates(list(self._runs.values()), ResultsReader(), prediction_store())

    def run_names(self) -> dict[str, str]:
        return {name: name for name in self._runs}
