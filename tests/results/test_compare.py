"""The comparison of a sweep's runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.results.candidates import Candidate, sweep_candidates
from lrdash.results.compare import compare
from lrdash.results.comparison import Comparison
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from lrdash.sweep.load import load_sweep
from tests.results.making import write_finished_sweep, write_run, write_sweep


def candidates_of(sweep_file: Path) -> tuple[Candidate, ...]:
    return sweep_candidates(load_sweep(sweep_file), ResultsReader(), PredictionStore())


def comparison_of(sweep_file: Path, **options: object) -> Comparison:
    return compare(candidates_of(sweep_file), sweep="demo", **options)  # type: ignore[arg-type]


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
