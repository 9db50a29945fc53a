"""Result folders as the trainer writes them, with chosen numbers."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LABELS = ("concurrency", "internet")
SWEEP = "demo"

SWEEP_YAML = """
name: demo
root: ../..
args: {stage: cls, num_train_epochs: 6, seed: 42}
groups:
  text:
    script: text.sbatch
    processes: 2
    runs:
      - {name: text_lr_2e5, args: {learning_rate: 2.0e-5}}
      - {name: text_lr_2e6, args: {learning_rate: 2.0e-6}}
      - {name: text_lr_2e5_backbone_2e6, args: {learning_rate: 2.0e-5, cls_backbone_learning_rate: 2.0e-6}}
"""


def write_sweep(root: Path) -> Path:
    """A sweep file for three text runs; returns it."""
    path = root / "sbatch" / "demo" / "sweep.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SWEEP_YAML)
    return path


def results_dir(root: Path, run: str) -> Path:
    return root / "results" / SWEEP / run


def prediction_lines(n: int, accuracy: float, seed: int = 0, prefix: str = "row") -> list[dict[str, Any]]:
    """Rows with a known share of right answers, alternating classes, each with an id and a text."""
    rng = random.Random(seed)
    right = set(rng.sample(range(n), round(accuracy * n)))
    rows = []
    for at in range(n):
        truth = at % 2
        guess = truth if at in right else 1 - truth
        margin = rng.uniform(0.1, 3.0) * (1 if guess else -1)
        p = 1 / (1 + math.exp(-margin))
        rows.append(
            {
                "logits": [0.0, margin],
                "probabilities": [1 - p, p],
                "predicted_label": LABELS[guess],
                "true_label": LABELS[truth],
                "id": f"{prefix}{at}",
                "text": f'Some text of row {at}, with \\ and " and ü.',
                "year": 2020 + at % 3,
            }
        )
    return rows


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def epoch_row(epoch: int, accuracy: float, eval_loss: float, loss: float, n: int = 200) -> dict[str, Any]:
    return {
        "epoch": float(epoch),
        "step": 50 * epoch,
        "loss": loss,
        "eval_loss": eval_loss,
        "eval_accuracy": accuracy,
        "eval_f1": accuracy - 0.005,
        "eval_n": n,
        "learning_rate": 2e-5,
        "cls_backbone_learning_rate": 2e-5,
        "epoch_runtime": 5.0,
    }


def write_epochs(folder: Path, rows: Sequence[dict[str, Any]], n: int = 200, **flat: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        **flat,
        "epochs": list(rows),
        "lrdash": {
            "schema": 1,
            "attempt": {"job": "123_0", "restart": 0},
            "selected_on": "test",
            "positive_label": LABELS[1],
            "label_names": list(LABELS),
            "n_test": n,
        },
    }
    (folder / "all_results.json").write_text(json.dumps(document))


def write_run(root: Path, run: str, accuracies: Sequence[float], seed: int = 0, n: int = 200) -> Path:
    """A finished run whose last accuracy is the predictions' own."""
    folder = results_dir(root, run)
    last = accuracies[-1]
    rows = [
        epoch_row(at, accuracy, 0.7 - 0.05 * at * accuracy, 0.7 - 0.08 * at, n)
        for at, accuracy in enumerate(accuracies, 1)
    ]
    write_epochs(folder, rows, n, train_loss=0.4, train_runtime=3600.0, predict_accuracy=last)
    lines = prediction_lines(n, last, seed)
    write_lines(folder / "generated_predictions.jsonl", lines)
    predict = {"predict_accuracy": last, "predict_f1": _f1(lines), "predict_loss": 0.4}
    (folder / "predict_results.json").write_text(json.dumps(predict))
    return folder


def _f1(lines: Sequence[dict[str, Any]]) -> float:
    said = [row["predicted_label"] == LABELS[1] for row in lines]
    true = [row["true_label"] == LABELS[1] for row in lines]
    hits = sum(one and other for one, other in zip(said, true, strict=True))
    return 2 * hits / (sum(said) + sum(true))


def write_finished_sweep(root: Path) -> Path:
    """Three finished runs: 2e-5 far above the two others, which are near each other."""
    path = write_sweep(root)
    write_run(root, "text_lr_2e5", (0.7, 0.85, 0.92, 0.945, 0.95, 0.95), seed=1)
    write_run(root, "text_lr_2e6", (0.5, 0.53, 0.56, 0.59, 0.61, 0.62), seed=2)
    write_run(root, "text_lr_2e5_backbone_2e6", (0.51, 0.55, 0.58, 0.61, 0.63, 0.645), seed=3)
    return path


def write_meta(folder: Path, **arguments: Any) -> None:
    (folder / "run_meta.json").write_text(json.dumps({"arguments": arguments}))
