"""The rows of the run table: groups with a tally, and their runs; sorted, filtered, folded (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lrdash.monitor.snapshot import RunStatus, Snapshot
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.theme import TALLIES, WITHOUT_JOB, Look, state_look

SORT_KEYS = ("index", "state", "epoch", "loss", "acc", "F1", "label")
FOREIGN = "folders"
"""Heads the runs that belong to no group."""


def tally(runs: Sequence[RunStatus], glyphs: Glyphs) -> list[tuple[Look, int]]:
    """How many of the runs are in which kind of state."""
    looks = [_look(run, glyphs) for run in runs]
    counts = Counter(look.tally for look in looks)
    shown = {look.tally: look for look in looks}
    return [(shown[name], counts[name]) for name in TALLIES if name in counts]


def _look(run: RunStatus, glyphs: Glyphs) -> Look:
    """A folder was never meant to be submitted."""
    if run.state is None and run.group is None:
        return Look(glyphs.absent, "faint", WITHOUT_JOB)
    return state_look(run.state, glyphs)


class GroupRow(msgspec.Struct, frozen=True):
    """One array job."""

    name: str
    runs: tuple[RunStatus, ...]
    folded: bool = False

    @property
    def key(self) -> str:
        return f"{self.name}:"

    def tally(self, glyphs: Glyphs) -> list[tuple[Look, int]]:
        return tally(self.runs, glyphs)


class RunRow(msgspec.Struct, frozen=True):
    """One run."""

    run: RunStatus

    @property
    def key(self) -> str:
        return self.run.key


Row = GroupRow | RunRow


class Arrangement(msgspec.Struct, frozen=True):
    """What the user made of the order of rows."""

    sort: str = "index"
    reverse: bool = False
    filter: str = ""
    folded: frozenset[str] = frozenset()


def arrange(snapshot: Snapshot, arrangement: Arrangement) -> tuple[Row, ...]:
    """Groups in the order of the sweep, each followed by its runs unless it is folded."""
    groups: dict[str, list[RunStatus]] = {}
    for run in snapshot.runs:
        groups.setdefault(run.group or FOREIGN, []).append(run)
    rows: list[Row] = []
    for name, runs in groups.items():
        shown = [run for run in runs if _matches(run, arrangement.filter)]
        if not shown:
            continue
        folded = name in arrangement.folded
        rows.append(GroupRow(name, tuple(shown), folded))
        if not folded:
            rows.extend(RunRow(run) for run in _sorted(shown, arrangement))
    return tuple(rows)


def best_run(runs: Iterable[RunStatus]) -> RunStatus | None:
    """The run with the highest last accuracy."""
    known = [run for run in runs if metric(run, "eval_accuracy") is not None]
    return max(known, key=lambda run: metric(run, "eval_accuracy") or 0.0, default=None)


def metric(run: RunStatus, name: str) -> float | None:
    """A metric of the last finished epoch; of the final prediction where there were no epochs."""
    if run.metrics.last is not None:
        return run.metrics.last.get(name)
    if run.metrics.predict is not None:
        return run.metrics.predict.get(name.replace("eval_", "predict_"))
    return None


def baselines(snapshot: Snapshot, chosen: Mapping[str, str]) -> dict[str, str]:
    """The run of each group that the others are compared with: the chosen one, else the first."""
    first: dict[str, str] = {}
    for run in snapshot.runs:
        if (run.group or FOREIGN) not in first:
            first[run.group or FOREIGN] = run.key
    return {group: _chosen(snapshot, chosen.get(group)) or key for group, key in first.items()}


def _chosen(snapshot: Snapshot, key: str | None) -> str | None:
    return key if key is not None and any(run.key == key for run in snapshot.runs) else None


def _matches(run: RunStatus, words: str) -> bool:
    if not words:
        return True
    text = f"{run.run} {run.label} {run.group} {run.state} {run.index} {run.task or ''}".lower()
    return all(word in text for word in words.lower().split())


def _sorted(runs: list[RunStatus], arrangement: Arrangement) -> list[RunStatus]:
    """Stable; runs without a value come last, whichever way round."""
    if arrangement.sort == "index":
        return runs[::-1] if arrangement.reverse else runs
    values = {run.key: _sort_value(run, arrangement.sort) for run in runs}
    known = [run for run in runs if values[run.key] is not None]
    known.sort(key=lambda run: values[run.key], reverse=arrangement.reverse)  # type: ignore[arg-type, return-value]
    return known + [run for run in runs if values[run.key] is None]


def _sort_value(run: RunStatus, key: str) -> float | str | None:
    match key:
        case "state":
            return run.state
        case "epoch":
            return run.progress.epoch
        case "loss":
            return metric(run, "eval_loss")
        case "acc":
            return metric(run, "eval_accuracy")
        case "F1":
            return metric(run, "eval_f1")
        case _:
            return run.label
