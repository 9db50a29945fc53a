"""What a finished demo workspace must hold: the experiment's files, read without lrdash or the trainer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SWEEP = "lr_experiment_v7"
CONFIGURATIONS = ("lr_2e5", "lr_2e6", "lr_2e5_backbone_2e6")
RUNS = tuple(f"{kind}_trainagreeing_{one}" for kind in ("text", "vision") for one in CONFIGURATIONS)
EPOCHS = 6
BATCH = 16
DIFFERS_BY_RUN = {"learning_rate", "cls_backbone_learning_rate", "output_dir", "results_dir"}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def predictions(root: Path, run: str) -> list[dict[str, Any]]:
    file = root / "results" / SWEEP / run / "generated_predictions.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def accuracy(root: Path, run: str) -> float:
    """Counted from the prediction rows."""
    rows = predictions(root, run)
    return sum(row["predicted_label"] == row["true_label"] for row in rows) / len(rows)


def check_run(root: Path, run: str, least_test_rows: int) -> None:
    """Every file of the results contract of one run."""
    results, saves = root / "results" / SWEEP / run, root / "saves" / SWEEP / run
    every = read_json(results / "all_results.json")
    assert [row["epoch"] for row in every["epochs"]] == list(range(1, EPOCHS + 1))
    rows = predictions(root, run)
    assert len(rows) >= least_test_rows
    assert every["lrdash"]["n_test"] == len(rows)
    for row in rows:
        assert {"logits", "probabilities", "predicted_label", "true_label"} <= row.keys()
        assert math.isclose(sum(row["probabilities"]), 1.0, abs_tol=1e-6)
    flat = read_json(results / "predict_results.json")
    assert all(isinstance(value, int | float) for value in flat.values())
    assert flat["predict_accuracy"] == every["predict_accuracy"]
    assert math.isclose(flat["predict_accuracy"], accuracy(root, run), abs_tol=1e-12)
    assert 0 <= flat["predict_f1"] <= 1
    assert (results / "trainer_log.jsonl").stat().st_size
    kept = sorted(path.name for path in saves.glob("checkpoint-*"))
    assert kept == [f"checkpoint-epoch{epoch}" for epoch in (4, 5, 6)]
    assert (saves / "cls_head.safetensors").is_file()


def check_group(root: Path, group: str) -> None:
    """The runs of one group differ in their rates and folders, and in nothing else."""
    metas = [
        read_json(root / "results" / SWEEP / run / "run_meta.json") for run in RUNS if run.startswith(group)
    ]
    first = metas[0]
    for meta in metas:
        assert differing(first["arguments"], meta["arguments"]) <= DIFFERS_BY_RUN
        for key in ("start_checkpoint", "datasets"):
            assert meta[key] == first[key], key
        rows = meta["datasets"]["train"]["rows"]
        assert meta["steps"] == EPOCHS * math.ceil(rows / BATCH)


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


JQ_LOOPS = r"""
for dir in results/lr_experiment_v7/*/; do
    echo "$(basename $dir):"
    jq '.predict_accuracy' "$dir/predict_results.json" 2>/dev/null || echo "Not available yet"
done
for dir in results/lr_experiment_v7/*/; do
    echo "$(basename $dir):"
    jq '.predict_f1' "$dir/predict_results.json" 2>/dev/null || echo "Not available yet"
done
"""
"""The experiment's two loops, as its owner wrote them."""
