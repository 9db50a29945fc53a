"""What goes into a comparison: every run with its configuration, results and predictions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from lrdash.errors import ResultsError
from lrdash.results.documents import Labels, RunResults
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import Predictions, PredictionStore
from lrdash.results.values import number
from lrdash.sweep import paths
from lrdash.sweep.labels import RATES, run_labels
from lrdash.sweep.spec import Args, Run, Scalar, Sweep

SEED_KEYS = ("seed", "data_seed")
NO_CONFIGURATION = frozenset(("output_dir", "logging_dir", "run_name", "results_dir"))
"""Arguments that say where a run writes, or how it is called."""
FACTORS = frozenset(
    ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps")
)
"""How a batch was divided. Another division trains the same."""


@dataclass(frozen=True)
class Candidate:
    """One run as the comparison sees it."""

    run: str
    label: str
    group: str | None = None
    """Runs of one group are scored on the same rows; of those without a group nobody says so."""
    index: int | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    processes: int = 1
    results: RunResults = field(default_factory=RunResults)
    predictions: Predictions | None = None
    problem: str | None = None
    """Why the predictions cannot be used, where there are some."""

    @property
    def learning_rate(self) -> float | None:
        return number(self.args.get("learning_rate"))

    @property
    def backbone_rate(self) -> float | None:
        """The backbone's own rate; None for a uniform run."""
        return number(self.args.get("cls_backbone_learning_rate"))

    @property
    def seed(self) -> Any:
        return self.args.get("seed")

    @property
    def configuration(self) -> str:
        """Equal for runs that differ in their seed only."""
        named = sorted((key, value) for key, value in self.args.items() if key not in _NO_PART)
        return repr(named) if self.args else self.run


_NO_PART = NO_CONFIGURATION.union(SEED_KEYS)


def prediction_store() -> PredictionStore:
    """The store of this user, in the cache folder of the platform."""
    return PredictionStore(platformdirs.user_cache_path("lrdash") / "predictions")


def sweep_candidates(
    sweep: Sweep, reader: ResultsReader, store: PredictionStore | None
) -> tuple[Candidate, ...]:
    """Every run of a sweep, in its order; without predictions when `store` is None."""
    processes = {group.name: group.processes for group in sweep.groups}
    every = [_of_run(sweep, run, processes[run.group], reader) for run in sweep.runs]
    found = [one for group in sweep.groups for one in _relabelled(group.runs, every)]
    return with_predictions(found, store) if store else tuple(found)


def with_predictions(found: Sequence[Candidate], store: PredictionStore) -> tuple[Candidate, ...]:
    """The candidates with their predictions, or with the reason why they cannot be used."""
    wanted: dict[Path, Any] = {
        one.results.predictions: one.results.labels for one in found if one.results.predictions
    }
    read = store.read_all(wanted) if wanted else {}
    known = [_with_one(one, read.get(one.results.predictions or Path())) for one in found]
    return tuple(_with_all_classes(one, known, store) for one in known)


def _with_all_classes(one: Candidate, others: Sequence[Candidate], store: PredictionStore) -> Candidate:
    """With the classes of the group's other runs, where nobody names them and this run's rows hold only some.

    A run that predicts one class of a one-class sample would else be a classifier of its own kind.
    """
    mine = one.predictions
    if mine is None or one.results.labels.names:
        return one
    wider = [
        other.predictions.labels
        for other in others
        if other.group == one.group and other.predictions and set(other.predictions.labels) > set(mine.labels)
    ]
    if not wider:
        return one
    return replace(one, predictions=store.read(mine.path, Labels(names=max(wider, key=len))))


def _of_run(sweep: Sweep, run: Run, processes: int, reader: ResultsReader) -> Candidate:
    results = reader.read(paths.results_dir(sweep, run), paths.saves_dir(sweep, run))
    args = trained_args(run.args, results)
    return Candidate(run.name, run.label, run.group, run.index, args, processes, results)


def trained_args(asked: Args, results: RunResults) -> Args:
    """The sweep's arguments, with the values that the run was really started with (`submit --set`)."""
    trained = results.meta.args if results.meta else {}
    known = {*asked, *RATES, *SEED_KEYS} - FACTORS
    changed = {
        key: value
        for key, value in trained.items()
        if key in known and isinstance(value, Scalar) and not _is_same(asked.get(key), value)
    }
    return {**asked, **changed}


def _is_same(asked: object, trained: object) -> bool:
    """Whether one became the other: YAML's `no` is false, numbers may be quoted, `~` is a folder."""
    if None not in (numbers := (number(asked), number(trained))):
        return numbers[0] == numbers[1]
    if asked is False and trained == "no":
        return True
    return (os.path.expanduser(asked) if isinstance(asked, str) else asked) == trained


def _relabelled(runs: Sequence[Run], every: Sequence[Candidate]) -> list[Candidate]:
    """A group's candidates; one trained with other arguments than the sweep's is named by those."""
    found = [one for one in every if one.group == runs[0].group]
    if all(one.args == run.args for one, run in zip(found, runs, strict=True)):
        return found
    values: dict[str, set[str]] = {}
    for one in found:
        for key, value in one.args.items():
            values.setdefault(key, set()).add(repr(value))
    told = [  # the trainer's default of an argument that nobody gave tells runs apart only where it differs
        {key: value for key, value in one.args.items() if key in run.args or len(values[key]) > 1}
        for one, run in zip(found, runs, strict=True)
    ]
    labels = run_labels([one.run for one in found], told)
    return [replace(one, label=label) for one, label in zip(found, labels, strict=True)]


def _with_one(one: Candidate, read: Predictions | ResultsError | None) -> Candidate:
    if isinstance(read, ResultsError):
        return replace(one, problem=str(read))
    return replace(one, predictions=read)
