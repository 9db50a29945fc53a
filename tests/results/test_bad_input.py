"""The comparison on bad input: the right answer or a plain refusal with the reason, never a wrong number.

Half-written and malformed files: test_history.py, test_predictions.py and test_fuzz.py.
"""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lrdash.results.candidates import Candidate, with_predictions
from lrdash.results.compare import compare
from lrdash.results.comparison import GroupComparison, RunSummary
from lrdash.results.documents import Labels, RunResults, epoch_rows
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from tests.benchmarks.results import PEAK
from tests.results.making import LABELS, epoch_row, prediction_lines, results_dir, write_epochs, write_lines


def group_of(tmp_path: Path, *files: list[dict[str, Any]]) -> GroupComparison:
    """The comparison of runs that have these predictions and nothing else."""
    runs = []
    for at, lines in enumerate(files):
        path = write_lines(tmp_path / f"run{at}" / "generated_predictions.jsonl", lines)
        runs.append(Candidate(f"run{at}", f"run{at}", "text", at, results=RunResults(predictions=path)))
    return compare(with_predictions(runs, PredictionStore())).groups[0]


def all_numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for one in value.values() for number in all_numbers(one)]
    if isinstance(value, list | tuple):
        return [number for one in value for number in all_numbers(one)]
    return [value] if isinstance(value, float) else []


def test_no_test_rows_say_so(tmp_path: Path) -> None:
    group = group_of(tmp_path, [], [])
    assert [run.accuracy for run in group.runs] == [None, None]
    assert "no test rows" in group.runs[0].notes
    assert group.pairs == ()
    assert group.conclusion == ("No results yet.",)


def test_one_test_row_has_wide_intervals(tmp_path: Path) -> None:
    group = group_of(tmp_path, prediction_lines(1, 1.0), prediction_lines(1, 0.0))
    accuracy = group.runs[0].accuracy
    assert accuracy is not None
    assert (accuracy.value, accuracy.high) == (1.0, 1.0)
    assert accuracy.low == pytest.approx(0.2065, abs=1e-4)
    assert group.pairs[0].p == 1.0
    assert not group.pairs[0].significant


def test_zero_discordant_pairs_are_no_evidence(tmp_path: Path) -> None:
    lines = prediction_lines(100, 0.8)
    (pair,) = group_of(tmp_path, lines, lines).pairs
    assert (pair.only_run, pair.only_other, pair.p, pair.accuracy.value, pair.f1.value) == (
        0,
        0,
        1.0,
        0.0,
        0.0,
    )
    assert pair.accuracy.low is not None
    assert pair.accuracy.low < 0
    assert pair.detectable_gap == pytest.approx(0.06)


def test_one_class_only_leaves_undefined_what_is(tmp_path: Path) -> None:
    lines = [
        {**row, "true_label": LABELS[0], "predicted_label": LABELS[0]} for row in prediction_lines(50, 1.0)
    ]
    group = group_of(tmp_path, lines)
    (run,) = group.runs
    assert run.accuracy is not None
    assert (run.accuracy.value, run.majority) == (1.0, 1.0)
    assert (run.mcc, run.auroc) == (None, None)
    assert run.collapsed


def test_a_collapsed_run_is_flagged(tmp_path: Path) -> None:
    lines = [
        {**row, "predicted_label": LABELS[1], "probabilities": [0.4, 0.6]}
        for row in prediction_lines(50, 1.0)
    ]
    group = group_of(tmp_path, lines, prediction_lines(50, 0.9))
    assert [run.collapsed for run in group.runs] == [True, False]
    assert group.runs[0].mcc == 0.0
    assert "run0 predicts one class for every row: collapsed." in group.caveats


def test_different_test_sets_are_not_compared(tmp_path: Path) -> None:
    group = group_of(tmp_path, prediction_lines(50, 0.9), prediction_lines(50, 0.8, prefix="other"))
    assert group.pairs == ()
    assert group.refused == (
        "run1 against run0: different test sets: 50 of 50 rows are in one only, the first is 'other0'",
    )
    assert "their rows cannot be paired" in group.conclusion[0]
    assert all(run.accuracy for run in group.runs)


def test_duplicate_rows_are_not_paired(tmp_path: Path) -> None:
    lines = prediction_lines(50, 0.9)
    group = group_of(tmp_path, [*lines, lines[0]], [*lines, lines[0]])
    assert group.pairs == ()
    assert "row 'row0' stands twice (again at row 51)" in group.refused[0]


def test_text_is_never_compared_with_vision(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "generated_predictions.jsonl", prediction_lines(50, 0.9))
    results = RunResults(predictions=path)
    runs = [
        Candidate("t", "t", "text", 0, results=results),
        Candidate("v", "v", "vision", 0, results=results),
    ]
    groups = compare(with_predictions(runs, PredictionStore())).groups
    assert [(group.group, len(group.runs), group.pairs) for group in groups] == [
        ("text", 1, ()),
        ("vision", 1, ()),
    ]


def test_a_reported_metric_that_its_predictions_deny_is_said(tmp_path: Path) -> None:
    folder = results_dir(tmp_path, "a")
    write_lines(folder / "generated_predictions.jsonl", prediction_lines(200, 0.8))
    (folder / "predict_results.json").write_text('{"predict_accuracy": 0.95}')
    write_epochs(folder, [epoch_row(1, 0.95, 0.5, 0.5)], n=250)
    runs = [Candidate("a", "a", results=ResultsReader().read(folder, folder))]
    (run,) = compare(with_predictions(runs, PredictionStore())).runs
    assert run.accuracy is not None
    assert run.accuracy.value == 0.8
    assert "predict_results.json says accuracy 0.9500, its predictions say 0.8000" in run.notes
    assert "the test set has 250 rows, the predictions 200" in run.notes


def test_runs_at_different_epochs_are_not_comparable_yet(tmp_path: Path) -> None:
    runs = []
    for at, count in enumerate((3, 6)):
        rows = [epoch_row(epoch, 0.7, 0.5, 0.5) for epoch in range(1, count + 1)]
        write_epochs(tmp_path / str(at), rows)
        results = ResultsReader().read(tmp_path / str(at), tmp_path / str(at))
        runs.append(Candidate(str(at), f"run{at}", "text", at, results=results))
    (group,) = compare(runs).groups
    assert (
        group.caveats[0] == "The runs are at different epochs (run0 at 3 and run1 at 6): not comparable yet."
    )
    assert "Not tested" in group.conclusion[0]


def test_a_missing_epoch_is_not_replaced_by_another(tmp_path: Path) -> None:
    write_epochs(tmp_path, [epoch_row(1, 0.7, 0.5, 0.5)])
    runs = [Candidate("a", "a", results=ResultsReader().read(tmp_path, tmp_path))]
    (run,) = compare(runs, epoch=4).runs
    assert (run.epoch, run.accuracy) == (None, None)


def test_no_number_of_a_comparison_is_nan(tmp_path: Path) -> None:
    import msgspec

    lines = prediction_lines(40, 0.5)
    group = group_of(tmp_path, lines, [{**row, "predicted_label": LABELS[0]} for row in lines], lines[:1])
    numbers = all_numbers(msgspec.to_builtins(group))
    assert numbers
    assert all(math.isfinite(number) for number in numbers)


@pytest.mark.acceptance
def test_a_gigabyte_of_predictions_is_compared_in_little_memory(tmp_path: Path) -> None:
    """600,000 rows, 1 GB: what the comparison takes beyond its own start, in a process of its own."""
    lines = [json.dumps({**row, "id": "{id}", "text": "x" * 1500}) for row in prediction_lines(1000, 0.8)]
    path = tmp_path / "generated_predictions.jsonl"
    with path.open("w") as file:
        for at in range(600_000):
            file.write(lines[at % 1000].replace("{id}", str(at)) + "\n")
    assert path.stat().st_size > 1e9
    done = subprocess.run(
        [sys.executable, "-c", inspect.cleandoc(PEAK), str(path)], capture_output=True, text=True, check=True
    )
    mebibytes, rows = map(int, done.stdout.split())
    print(f"  {rows:,} rows indexed in {mebibytes} MiB")
    assert rows == 600_000
    assert mebibytes < 256


def only_run(tmp_path: Path, row: dict[str, Any], n: int = 200) -> RunSummary:
    write_epochs(tmp_path, [row], n)
    results = ResultsReader().read(tmp_path, tmp_path)
    return compare([Candidate("a", "a", "text", 0, results=results)]).runs[0]


def test_an_accuracy_in_per_cent_is_left_out_and_said(tmp_path: Path) -> None:
    run = only_run(tmp_path, epoch_row(1, 87.5, 0.5, 0.5))
    assert run.accuracy is None
    assert run.notes == ("eval_accuracy is 87.5, which is no share between 0 and 1; it is left out",)


def test_impossible_counts_give_no_interval(tmp_path: Path) -> None:
    counts = {"eval_n": -200, "eval_tn": 50, "eval_fp": -1, "eval_fn": 20, "eval_tp": 80}
    run = only_run(tmp_path, {**epoch_row(1, 0.875, 0.5, 0.5), **counts}, n=0)
    assert run.accuracy is not None
    assert (run.accuracy.value, run.accuracy.low, run.n, run.confusion) == (0.875, None, None, None)
    assert run.notes[0] == "eval_n is -200, which is no number of rows; it is left out"
    assert run.notes[1] == "eval_fp is -1, which is no number of rows; it is left out"


def with_named_probabilities(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "probabilities": dict(zip(LABELS, row["probabilities"], strict=True))} for row in lines]


@pytest.mark.parametrize("names", [LABELS, LABELS[::-1]])
def test_probabilities_by_name_are_those_of_their_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    """Whatever the order in which the label names are given."""
    lines = with_named_probabilities(prediction_lines(200, 1.0))
    path = write_lines(tmp_path / "generated_predictions.jsonl", lines)
    predictions = PredictionStore().read(path, Labels(names=names, positive=LABELS[1]))
    assert predictions.index.quality.auroc == 1.0
    at = names.index(LABELS[1])
    assert predictions.probabilities[at] == lines[0]["probabilities"][LABELS[1]]


def test_probabilities_of_other_classes_are_not_used(tmp_path: Path) -> None:
    lines = with_named_probabilities(prediction_lines(20, 1.0))
    lines[7]["probabilities"] = {LABELS[0]: 0.5, "other": 0.5}
    path = write_lines(tmp_path / "generated_predictions.jsonl", lines)
    index = PredictionStore().read(path, Labels(names=LABELS)).index
    assert (index.quality.auroc, index.probabilities) == (None, b"")
    assert index.notes == ("no probability metrics: row 8 has not the classes concurrency, internet",)
    named_otherwise = tmp_path / "others.jsonl"
    rows = [{**row, "predicted_label": 0, "true_label": 0} for row in lines[:3]]
    write_lines(named_otherwise, rows)
    assert PredictionStore().read(named_otherwise, Labels(names=("no", "yes"))).index.notes == (
        "no probability metrics: they are of concurrency, internet, the label names are no, yes",
    )


def test_an_epoch_that_was_evaluated_on_two_sets_has_both() -> None:
    rows = epoch_rows(
        [
            {"loss": 0.6, "learning_rate": 2e-5, "epoch": 1.0, "step": 50},
            {"eval_a_accuracy": 0.7, "eval_a_loss": 0.5, "epoch": 1.0, "step": 50},
            {"eval_b_accuracy": 0.8, "epoch": 1.0, "step": 50},
        ]
    )
    (row,) = rows
    assert (row["loss"], row["learning_rate"]) == (0.6, 2e-5)
    assert (row["eval_a_accuracy"], row["eval_a_loss"], row["eval_b_accuracy"]) == (0.7, 0.5, 0.8)
