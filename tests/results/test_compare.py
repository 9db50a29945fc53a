"""The comparison of a sweep's runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lrdash.results.candidates import Candidate, sweep_candidates
from lrdash.results.compare import compare
from lrdash.results.comparison import Comparison
from lrdash.results.documents import Labels, RunResults
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from lrdash.sweep.load import load_sweep
from tests.results.making import (
    epoch_row,
    results_dir,
    write_finished_sweep,
    write_meta,
    write_run,
    write_sweep,
)


def candidates_of(sweep_file: Path) -> tuple[Candidate, ...]:
    return sweep_candidates(load_sweep(sweep_file), ResultsReader(), PredictionStore())


def comparison_of(sweep_file: Path, **options: object) -> Comparison:
    return compare(candidates_of(sweep_file), sweep="demo", **options)  # type: ignore[arg-type]


def test_what_the_trainer_makes_of_a_value_tells_no_runs_apart(tmp_path: Path) -> None:
    sweep_file = write_sweep(tmp_path)
    asked = "seed: 42, save_strategy: no, cutoff_len: '2048', model_name_or_path: ~/models/text"
    sweep_file.write_text(sweep_file.read_text().replace("seed: 42", asked))
    folder = results_dir(tmp_path, "text_lr_2e5")
    folder.mkdir(parents=True)
    made = {"save_strategy": "no", "cutoff_len": 2048, "model_name_or_path": f"{Path.home()}/models/text"}
    (folder / "run_meta.json").write_text(json.dumps({"arguments": {**made, "learning_rate": 2e-5}}))
    assert [one.label for one in candidates_of(sweep_file)] == ["2e-5", "2e-6", "2e-5, backbone 2e-6"]


def test_a_finished_sweep_is_concluded_in_words(tmp_path: Path) -> None:
    (group,) = comparison_of(write_finished_sweep(tmp_path)).groups
    assert group.conclusion[0] == "2e-5 has the highest accuracy, 0.950: above 2e-6 and 2e-5 (backbone 2e-6)."
    pair = group.between("text_lr_2e6", "text_lr_2e5_backbone_2e6")
    assert pair is not None
    assert not pair.significant
    assert pair.accuracy.value == pytest.approx(-0.025)
    assert [answer.verdict for answer in group.answers][2] == "no: worse than 2e-5"


def test_equal_runs_show_no_evidence_of_a_difference(tmp_path: Path) -> None:
    sweep_file = write_sweep(tmp_path)
    for run in ("text_lr_2e5", "text_lr_2e6", "text_lr_2e5_backbone_2e6"):
        write_run(tmp_path, run, (0.7, 0.8, 0.8), seed=1)
    (group,) = comparison_of(sweep_file).groups
    assert [pair.p for pair in group.pairs] == [1.0, 1.0, 1.0]
    assert "No evidence of a difference" in group.conclusion[0]
    assert group.answers[2].verdict == "no evidence of a difference"


def test_before_any_result_every_run_is_there(tmp_path: Path) -> None:
    (group,) = comparison_of(write_sweep(tmp_path)).groups
    assert len(group.runs) == 3
    assert group.conclusion == ("No results yet.",)


def test_a_run_is_what_it_was_trained_with(tmp_path: Path) -> None:
    """`submit --set` changes arguments that the sweep file goes on naming."""
    sweep_file = write_finished_sweep(tmp_path)
    folder = results_dir(tmp_path, "text_lr_2e5")
    write_meta(folder, learning_rate=5e-6, seed=7, cls_backbone_learning_rate=None, stage="cls", bf16=False)
    (group,) = comparison_of(sweep_file).groups
    assert [run.label for run in group.runs] == [
        "5e-6, seed=7", "2e-6, seed=42", "2e-5, backbone 2e-6, seed=42",
    ]  # fmt: skip
    assert (group.runs[0].learning_rate, group.runs[0].seed) == (5e-6, 7)


def test_the_trainers_own_defaults_name_no_run(tmp_path: Path) -> None:
    """Of a sweep that names no seed, runs that have not started would else differ from those that have."""
    sweep_file = write_finished_sweep(tmp_path)
    sweep_file.write_text(sweep_file.read_text().replace(", seed: 42", ""))
    write_meta(results_dir(tmp_path, "text_lr_2e5"), learning_rate=2e-5, seed=42)
    labels = [run.label for run in comparison_of(sweep_file).runs]
    assert labels == ["2e-5", "2e-6", "2e-5, backbone 2e-6"]


def test_classes_of_an_epochs_counts_have_the_positive_one_last(tmp_path: Path) -> None:
    labels = Labels(names=("accept", "reject"), positive="accept")
    row = {**epoch_row(1, 0.7, 0.5, 0.5), "eval_tn": 40, "eval_fp": 10, "eval_fn": 20, "eval_tp": 30}
    (run,) = compare([Candidate("a", "a", "text", results=RunResults(epochs=(row,), labels=labels))]).runs
    assert run.labels == ("reject", "accept")
    (run,) = compare([Candidate("a", "a", "text", results=RunResults(epochs=(row,)))]).runs
    assert run.labels == ("0", "1")


def test_best_epochs_of_finished_runs_may_differ(tmp_path: Path) -> None:
    sweep_file = write_sweep(tmp_path)
    write_run(tmp_path, "text_lr_2e5", (0.7, 0.9, 0.8), seed=1)
    write_run(tmp_path, "text_lr_2e6", (0.5, 0.6, 0.7), seed=2)
    assert "different epochs" not in " ".join(comparison_of(sweep_file, epoch="best").groups[0].caveats)
