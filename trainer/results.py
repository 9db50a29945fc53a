"""The files of results_dir, which docs/results-formats.md describes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.examples import Labels
from trainer.data.rows import Label
from trainer.data.sources import Row
from trainer.files import (
    end_at_a_whole_line,
    half_written,
    naming,
    read_json,
    replacing,
    without_nan,
    write_json,
)
from trainer.probabilities import Array, log_probabilities

SCHEMA = 1
ALL_RESULTS = "all_results.json"
EVAL_RESULTS = "eval_results.json"
PREDICT_RESULTS = "predict_results.json"
PREDICTIONS = "generated_predictions.jsonl"
TRAINER_LOG = "trainer_log.jsonl"
RUN_META = "run_meta.json"
FILES = (ALL_RESULTS, EVAL_RESULTS, PREDICT_RESULTS, PREDICTIONS, TRAINER_LOG, RUN_META)
_OWN_COLUMNS = ("logits", "probabilities", "predicted_label", "true_label")


def clear_leftovers(folder: Path) -> None:
    """Remove what a kill left half written."""
    for path in half_written(folder, FILES):
        path.unlink()


class AllResults:
    """all_results.json: transformers' flat keys, a row an epoch, what they mean. Rewritten at each change."""

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self._path = folder / ALL_RESULTS
        self._about = {"schema": SCHEMA, **about}
        self._flat: dict[str, Any] = {}
        self.epochs: list[dict[str, Any]] = []

    def inherit(self, step: int) -> None:
        """Take over the epochs of the attempt that this one resumes, up to its checkpoint."""
        earlier = read_json(self._path) or {}
        rows = earlier.get("epochs")
        self.epochs = [row for row in rows if row["step"] <= step] if isinstance(rows, list) else []

    def adopt(self) -> None:
        """Take over all that is there, whose training it is as well."""
        self._flat = read_json(self._path) or {}
        self.epochs = self._flat.pop("epochs", [])
        self._about = self._flat.pop("lrdash", self._about)

    @staticmethod
    def read_evaluated(folder: Path, step: int) -> bool:
        """Whether an earlier attempt evaluated at this step."""
        rows = (read_json(folder / ALL_RESULTS) or {}).get("epochs") or []
        return any(row.get("step") == step and "eval_loss" in row for row in rows)

    def add_epoch(self, row: Mapping[str, Any]) -> None:
        self.epochs = [earlier for earlier in self.epochs if earlier["step"] != row["step"]] + [dict(row)]
        self.update({key: value for key, value in row.items() if key.startswith("eval_") or key == "epoch"})

    def mean_loss(self) -> float | None:
        """Mean training loss of all epochs, also of earlier attempts; None if one is not known."""
        losses = [row.get("loss") for row in self.epochs]
        known = [loss for loss in losses if loss is not None]
        whole = bool(self.epochs) and len(known) == round(self.epochs[-1]["epoch"])
        return sum(known) / len(known) if whole else None

    def update(self, flat: Mapping[str, Any]) -> None:
        self._flat.update(flat)
        write_json(self._path, {**self._flat, "epochs": self.epochs, "lrdash": self._about})


class TrainerLog:
    """trainer_log.jsonl: LLaMA-Factory's keys, the rates, and throughput; a line a logging step, appended."""

    def __init__(self, folder: Path, total_steps: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / TRAINER_LOG
        end_at_a_whole_line(self._path)
        self._total = total_steps
        self._started = time.monotonic()
        self._first_step: int | None = None

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        self._first_step = step - 1 if self._first_step is None else self._first_step
        elapsed = time.monotonic() - self._started
        remaining = elapsed / max(step - self._first_step, 1) * (self._total - step)
        row = {
            "current_steps": step,
            "total_steps": self._total,
            **values,
            "percentage": round(100 * step / self._total, 2),
            "elapsed_time": _clock(elapsed),
            "remaining_time": _clock(remaining),
        }
        with naming(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(without_nan(row), allow_nan=False) + "\n")


def _clock(seconds: float) -> str:
    """`0:01:23`, as Python prints a timedelta under a day."""
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def write_predictions(
    folder: Path, rows: Sequence[Row], truth: Sequence[Label], logits: Array, labels: Labels
) -> None:
    """generated_predictions.jsonl: a line a test row in data set order, every column of the data set kept."""
    probabilities = np.exp(log_probabilities(logits))
    with replacing(folder / PREDICTIONS) as file:
        for row, label, row_logits, row_probabilities in zip(rows, truth, logits, probabilities, strict=True):
            prediction = {
                "logits": row_logits.tolist(),
                "probabilities": row_probabilities.tolist(),
                "predicted_label": labels.values[int(row_logits.argmax())],
                "true_label": label,
            } | _metadata(row)
            file.write(json.dumps(without_nan(prediction), ensure_ascii=False, default=_plain) + "\n")


def _metadata(row: Row) -> dict[str, Any]:
    return {
        f"metadata.{key}" if key in _OWN_COLUMNS else key: _without_bytes(value) for key, value in row.items()
    }


def _without_bytes(value: Any) -> Any:
    """Images as their paths: `{"bytes": …, "path": "a.png"}` becomes `"a.png"`."""
    if isinstance(value, bytes):
        return None
    if isinstance(value, dict):
        return (
            value.get("path")
            if "bytes" in value
            else {key: _without_bytes(item) for key, item in value.items()}
        )
    return [_without_bytes(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> str:
    """Dates and decimals of a parquet file."""
    return str(value)


def set_aside(folder: Path) -> None:
    """Move an earlier run's files to `.previous` beside the results: not this run's, and not lost."""
    job = ((read_json(folder / RUN_META) or {}).get("attempt") or {}).get("job", "unknown")
    present = [folder / name for name in FILES if (folder / name).exists()]
    if not present:
        return
    base = folder.parent / ".previous"
    target = base / f"{folder.name}-{job}"
    number = 1
    while target.exists():
        number += 1
        target = base / f"{folder.name}-{job}-{number}"
    target.mkdir(parents=True)
    for path in present:
        path.rename(target / path.name)
