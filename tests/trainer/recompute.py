"""Recompute predict_results.json from generated_predictions.jsonl; imports neither package.

`python recompute.py RESULTS_DIR` prints the largest difference and exits 1 above 1e-12.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any


def recompute(rows: list[dict[str, Any]], names: list[str]) -> dict[str, float]:
    """Metrics of two classes from logits and true labels alone."""
    positive = names[1]
    truth = [str(row["true_label"]) == positive for row in rows]
    predicted = [row["logits"][1] > row["logits"][0] for row in rows]
    pairs = list(zip(truth, predicted, strict=True))
    tp, fp, fn, tn = (
        pairs.count(pair) for pair in ((True, True), (False, True), (True, False), (False, False))
    )
    losses = [_loss(row["logits"], int(is_positive)) for row, is_positive in zip(rows, truth, strict=True)]
    denominator = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "predict_n": len(rows),
        "predict_accuracy": (tp + tn) / len(rows),
        "predict_precision": tp / (tp + fp) if tp + fp else 0.0,
        "predict_recall": tp / (tp + fn) if tp + fn else 0.0,
        "predict_f1": 2 * tp / (2 * tp + fp + fn) if tp else 0.0,
        "predict_mcc": (tp * tn - fp * fn) / denominator if denominator else 0.0,
        "predict_balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
        "predict_auroc": _auroc([row["logits"][1] - row["logits"][0] for row in rows], truth),
        "predict_loss": math.fsum(losses) / len(losses),
        "predict_tp": tp,
        "predict_fp": fp,
        "predict_fn": fn,
        "predict_tn": tn,
    }


def _loss(logits: list[float], label: int) -> float:
    largest = max(logits)
    return math.log(sum(math.exp(logit - largest) for logit in logits)) - (logits[label] - largest)


def _auroc(scores: list[float], truth: list[bool]) -> float:
    """The share of pairs of a positive and a negative row that are in the right order."""
    positive = [score for score, is_positive in zip(scores, truth, strict=True) if is_positive]
    negative = [score for score, is_positive in zip(scores, truth, strict=True) if not is_positive]
    right = sum((a > b) + (a == b) / 2 for a in positive for b in negative)
    return right / (len(positive) * len(negative))


def largest_difference(results: Path) -> float:
    rows = [json.loads(line) for line in (results / "generated_predictions.jsonl").read_text().splitlines()]
    names = json.loads((results / "all_results.json").read_text())["lrdash"]["label_names"]
    reported = json.loads((results / "predict_results.json").read_text())
    return max(abs(reported[name] - value) for name, value in recompute(rows, names).items())


if __name__ == "__main__":
    difference = largest_difference(Path(sys.argv[1]))
    print(f"largest difference {difference:.1e}")
    sys.exit(difference > 1e-12)
