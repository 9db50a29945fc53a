"""Metrics against a script that shares no code with the trainer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.trainer import recompute
from tests.trainer.trainings import train, words
from trainer.metrics import classification_metrics
from trainer.probabilities import log_probabilities

LOGITS = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 1.5], [0.2, 0.1]], dtype=np.float32)


def check(results: Path) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, recompute.__file__, str(results)]
    return subprocess.run(script, capture_output=True, text=True, check=False)


@pytest.mark.training
def test_reported_metrics_are_those_of_the_predictions(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data), tmp_path)
    results = run.folder / "results" / "run"
    checked = check(results)
    assert checked.returncode == 0, checked.stdout
    shuffled = tmp_path / "shuffled"
    shutil.copytree(results, shuffled)
    rows = [json.loads(line) for line in (shuffled / "generated_predictions.jsonl").read_text().splitlines()]
    other = next(row for row in rows if row["true_label"] != rows[0]["true_label"])
    rows[0]["logits"], other["logits"] = other["logits"], rows[0]["logits"]
    (shuffled / "generated_predictions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert check(shuffled).returncode == 1


def test_binary_metrics_name_the_second_class() -> None:
    found = classification_metrics(LOGITS, np.array([0, 1, 0, 1]))
    assert (found["tp"], found["fp"], found["fn"], found["tn"]) == (1, 1, 1, 1)
    assert found["f1"] == found["precision"] == found["recall"] == found["accuracy"] == 0.5
    assert found["auroc"] == 0.75  # three of four pairs are in the right order
    assert found["n"] == 4


def test_one_class_predicted_is_no_error() -> None:
    collapsed = np.array([[1.0, 0.0]] * 3)
    found = classification_metrics(collapsed, np.array([0, 1, 0]))
    assert (found["f1"], found["precision"], found["mcc"]) == (0.0, 0.0, 0.0)


def test_one_class_of_truth_has_no_auroc() -> None:
    found = classification_metrics(LOGITS, np.array([1, 1, 1, 1]))
    assert found["auroc"] is None
    assert found["balanced_accuracy"] == 0.5


def test_more_than_two_classes_are_averaged() -> None:
    logits = np.eye(3)[[0, 1, 2, 1]]
    found = classification_metrics(logits, np.array([0, 1, 2, 2]))
    assert found["accuracy"] == 0.75
    assert found["f1"] == found["f1_macro"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert "tp" not in found


def test_a_class_that_occurs_nowhere_is_in_no_mean() -> None:
    known = classification_metrics(np.eye(3)[[0, 1, 2, 1]], np.array([0, 1, 2, 2]))
    found = classification_metrics(np.eye(4)[[0, 1, 2, 1]], np.array([0, 1, 2, 2]))
    names = ("f1", "f1_macro", "precision", "recall")
    assert [found[name] for name in names] == [known[name] for name in names]
    alone = classification_metrics(np.array([[1.0, 0.0]] * 3), np.array([0, 0, 0]))
    assert alone["f1_macro"] == 1.0


def test_large_logits_do_not_overflow() -> None:
    assert np.isfinite(log_probabilities(np.array([[1e4, -1e4], [0.0, 0.0]]))).all()
