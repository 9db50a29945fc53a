"""The values that a run's result files hold, and how they are taken from parsed JSON."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lrdash.results.values import Row, number, numbers

EPOCH_TOLERANCE = 0.02
"""transformers ends an epoch at 0.9992 when its last batch is short; this near a whole epoch is its end."""


@dataclass(frozen=True)
class RunMeta:
    """How a run was carried out (run_meta.json); None and empty mean that the file does not say."""

    job: str | None = None
    """`123_2`; with `restart` it names the attempt."""
    restart: int = 0
    args: Mapping[str, Any] = field(default_factory=dict)
    args_hash: str | None = None
    initial_lr: Mapping[str, float] = field(default_factory=dict)
    """Optimizer group (`head (decay)`) -> its `initial_lr`, read back from the optimizer."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """`train` and `eval` -> rows of the data set."""
    peak_bytes: Mapping[str, int] = field(default_factory=dict)
    """`host` and `gpu`, of the first process."""
    processes: int | None = None
    git_commit: str | None = None
    started_at: float | None = None
    """Seconds since 1970."""
    resumed_from: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The whole file."""


@dataclass(frozen=True)
class Labels:
    """Which classes the metrics are about (`lrdash` in all_results.json)."""

    names: tuple[str, ...] = ()
    positive: str | None = None
    n_test: int | None = None
    selected_on: str | None = None


NO_LABELS = Labels()


@dataclass(frozen=True)
class RunResults:
    """One run's results at one moment; empty while nothing was written."""

    epochs: tuple[Row, ...] = ()
    predict: Row | None = None
    """predict_results.json as it is."""
    summary: Row = field(default_factory=dict)
    """The flat numbers of all_results.json (or of train_, eval_, test_ and predict_results.json)."""
    meta: RunMeta | None = None
    labels: Labels = NO_LABELS
    source: str | None = None
    """The file that `epochs` come from."""
    attempt: tuple[str, int] | None = None
    """Job and restart that wrote `epochs`, where the file says so."""
    planned_epochs: float | None = None
    """How many there will be, as transformers' trainer_state.json says."""
    modified: float | None = None
    """When the newest of the files was written; seconds since 1970."""
    error: str | None = None
    """Which files could not be read just now; their last good content is shown meanwhile."""
    predictions: Path | None = None
    """generated_predictions.jsonl, where there is one."""

    @property
    def last(self) -> Row | None:
        return self.epochs[-1] if self.epochs else None

    @property
    def best(self) -> Row | None:
        """The epoch of the highest accuracy, the earliest of equals; of the lowest loss without accuracy."""
        rated = [row for row in self.epochs if row.get("eval_accuracy") is not None]
        if rated:
            return max(rated, key=lambda row: row["eval_accuracy"] or 0.0)
        lossy = [row for row in self.epochs if row.get("eval_loss") is not None]
        return min(lossy, key=lambda row: row["eval_loss"] or 0.0, default=None)

    def epoch(self, which: str | int) -> Row | None:
        """The row of `last`, of `best` or of an epoch's number."""
        if which == "last":
            return self.last
        if which == "best":
            return self.best
        return next((row for row in self.epochs if row.get("epoch") == float(which)), None)

    def age_seconds(self, now: float | None = None) -> float | None:
        return None if self.modified is None else (time.time() if now is None else now) - self.modified


def epoch_rows(raw_rows: object) -> tuple[Row, ...]:
    """One row an evaluation, in order of epoch, from rows of a log_history.

    Training rows between two evaluations give the epoch its mean `loss` and its last rates, where the
    evaluation's own row has none. An epoch that was evaluated twice, after a resume or on another set,
    has one row: what the later evaluation says counts, and what only the earlier one says stays.
    """
    epochs: dict[float, Row] = {}
    training: list[Row] = []
    for row in _mappings(raw_rows):
        if not any(key.startswith("eval_") for key in row):
            training.append(row)
            continue
        epoch = _whole(row.get("epoch"))
        key = float(len(epochs) + 1) if epoch is None else epoch
        epochs[key] = {**epochs.get(key, {}), **_summary_of(training), **row, "epoch": key}
        training = []
    return tuple(epochs[key] for key in sorted(epochs))


def parse_meta(raw: Mapping[str, Any]) -> RunMeta:
    """run_meta.json; what is missing or of another type is left unknown."""
    named = attempt_of(raw)
    attempt = _mapping(raw.get("attempt"))
    processes = number(raw.get("processes"))
    return RunMeta(
        job=named[0] if named else None,
        restart=named[1] if named else 0,
        args=_mapping(raw.get("arguments")),
        args_hash=_text(raw.get("arguments_hash")),
        initial_lr=_initial_lr(raw.get("optimizer_groups")),
        rows=_rows_of(raw.get("datasets")),
        peak_bytes=_bytes(raw.get("peak_memory")),
        processes=None if processes is None else int(processes),
        git_commit=_text(raw.get("git_commit")),
        started_at=_moment(attempt.get("started_at")),
        resumed_from=_text(attempt.get("resumed_from")),
        raw=raw,
    )


def parse_labels(raw: object) -> Labels:
    """The `lrdash` entry of all_results.json."""
    entry = _mapping(raw)
    names = entry.get("label_names")
    positive = entry.get("positive_label")
    n_test = number(entry.get("n_test"))
    return Labels(
        names=tuple(str(name) for name in names) if isinstance(names, list) else (),
        positive=None if positive is None else str(positive),
        n_test=None if n_test is None else int(n_test),
        selected_on=_text(entry.get("selected_on")),
    )


def attempt_of(raw: object) -> tuple[str, int] | None:
    """Job and restart of an entry with `attempt: {job, restart}`."""
    attempt = _mapping(_mapping(raw).get("attempt"))
    job = attempt.get("job")
    restart = number(attempt.get("restart"))
    return None if job is None else (str(job), int(restart or 0))


def _mappings(raw_rows: object) -> Iterable[Row]:
    if isinstance(raw_rows, Iterable) and not isinstance(raw_rows, str | bytes | Mapping):
        for raw in raw_rows:
            if isinstance(raw, dict):
                yield numbers(raw)


def _whole(epoch: float | None) -> float | None:
    if epoch is None:
        return None
    nearest = float(round(epoch))
    return nearest if nearest >= 1 and abs(epoch - nearest) <= EPOCH_TOLERANCE else round(epoch, 4)


def _summary_of(training: list[Row]) -> Row:
    losses = [loss for row in training if (loss := row.get("loss")) is not None]
    rates = {
        key: row[key]
        for row in training
        for key in ("learning_rate", "cls_backbone_learning_rate")
        if row.get(key) is not None
    }
    return {"loss": sum(losses) / len(losses), **rates} if losses else dict(rates)


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _initial_lr(raw: object) -> dict[str, float]:
    groups = [_mapping(group) for group in raw] if isinstance(raw, list) else []
    rates = {str(group.get("name")): number(group.get("initial_lr")) for group in groups}
    return {name: rate for name, rate in rates.items() if rate is not None}


def _rows_of(raw: object) -> dict[str, int]:
    counts = {split: number(_mapping(about).get("rows")) for split, about in _mapping(raw).items()}
    return {split: int(count) for split, count in counts.items() if count is not None}


def _bytes(raw: object) -> dict[str, int]:
    counts = {key.removesuffix("_bytes"): value for key, value in numbers(raw).items()}
    return {key: int(value) for key, value in counts.items() if value is not None}


def _text(raw: object) -> str | None:
    return raw if isinstance(raw, str) and raw else None


def _moment(raw: object) -> float | None:
    """Seconds since 1970, from a number or an ISO time."""
    if isinstance(raw, str):
        try:
            return datetime.fromisoformat(raw).timestamp()
        except ValueError:
            return number(raw)
    return number(raw)
