"""Configurations over their seeds."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from lrdash.results import inference
from lrdash.results.candidates import sweep_candidates
from lrdash.results.compare import compare
from lrdash.results.comparison import GroupComparison
from lrdash.results.foreign import find_runs, foreign_candidates
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from lrdash.sweep.load import load_sweep
from tests.results.making import results_dir, write_meta, write_run

RATES = {"2e5": 2e-5, "2e6": 2e-6}


def group_over_seeds(root: Path, seeds: int, gap: float = 0.2) -> GroupComparison:
    runs = [f"{{name: r{rate}_s{seed}, args: {{learning_rate: {value!r}, seed: {seed}}}}}"
            for rate, value in RATES.items() for seed in range(seeds)]  # fmt: skip
    path = root / "sbatch" / "demo" / "sweep.yaml"
    path.parent.mkdir(parents=True)
    listed = "".join(f"      - {run}\n" for run in runs)
    head = "name: demo\nroot: ../..\ngroups:\n  text:\n    script: t.sbatch\n    processes: 1\n    runs:\n"
    path.write_text(head + listed)
    for seed in range(seeds):
        write_run(root, f"r2e5_s{seed}", (0.5, 0.8 + seed / 100), seed=seed)
        write_run(root, f"r2e6_s{seed}", (0.5, 0.8 - gap + seed / 100), seed=10 + seed)
    return group_of(root)


def group_of(root: Path) -> GroupComparison:
    sweep = load_sweep(root / "sbatch" / "demo" / "sweep.yaml")
    return compare(sweep_candidates(sweep, ResultsReader(), PredictionStore())).groups[0]


def test_seeds_are_one_configuration_with_mean_and_range(tmp_path: Path) -> None:
    group = group_over_seeds(tmp_path, 3)
    first, second = group.configurations
    assert (first.label, len(first.runs)) == ("2e-5", 3)
    assert (first.mean, first.low, first.high) == (pytest.approx(0.81), 0.8, 0.82)
    assert second.label == "2e-6"
    assert "One seed" not in " ".join(group.caveats)


def test_three_seeds_each_cannot_be_significant_and_that_is_said(tmp_path: Path) -> None:
    group = group_over_seeds(tmp_path, 3)
    (pair,) = group.seed_pairs
    assert (pair.first, pair.second, pair.p, pair.smallest_p) == ("2e-6", "2e-5", 0.1, 0.1)
    assert group.conclusion[-1].endswith("So few seeds cannot give less than p = 0.1.")


def test_four_seeds_each_can(tmp_path: Path) -> None:
    group = group_over_seeds(tmp_path, 4)
    assert group.seed_pairs[0].p == pytest.approx(2 / 70)
    assert group.conclusion[-1].startswith("Over seeds, 2e-6 is below 2e-5 (−20.0 points")


def test_the_permutation_test_equals_scipys() -> None:
    rng = random.Random(4)
    for _ in range(40):
        first = [round(rng.gauss(0.7, 0.05), 2) for _ in range(rng.randint(2, 5))]
        second = [round(rng.gauss(0.74, 0.05), 2) for _ in range(rng.randint(2, 5))]
        oracle = scipy.stats.permutation_test(
            (first, second),
            lambda x, y: abs(np.mean(x) - np.mean(y)),
            alternative="greater",
            n_resamples=np.inf,
        )
        assert inference.permutation_test(first, second) == pytest.approx(oracle.pvalue, abs=1e-12)


def test_many_seeds_are_sampled_from_their_divisions() -> None:
    rng = random.Random(4)
    first, second = [rng.gauss(0.0, 1.0) for _ in range(15)], [rng.gauss(0.9, 1.0) for _ in range(15)]
    oracle = scipy.stats.permutation_test(
        (first, second),
        lambda x, y: abs(np.mean(x) - np.mean(y)),
        alternative="greater",
        n_resamples=20_000,
        rng=1,
    )
    assert inference.permutation_test(first, second) == pytest.approx(oracle.pvalue, abs=0.015)
    assert inference.permutation_test([0.5], [0.6]) is None


def test_only_seeds_with_results_are_counted(tmp_path: Path) -> None:
    group = group_over_seeds(tmp_path, 3)
    for run in ("r2e5_s1", "r2e5_s2"):
        shutil.rmtree(results_dir(tmp_path, run))
    group = group_of(tmp_path)
    assert group.configurations[0].seeds == ("0",)
    said = " ".join(group.conclusion)
    assert "2e-5 has one seed (0): accuracy 0.800; 2 seeds not counted: behind, or without results." in said


def test_a_seed_that_is_behind_is_not_counted(tmp_path: Path) -> None:
    group_over_seeds(tmp_path, 3)
    write_run(tmp_path, "r2e5_s2", (0.1,))
    group = group_of(tmp_path)
    assert group.configurations[0].accuracies == (0.8, 0.81)
    assert group.seed_pairs[0].difference == pytest.approx(0.61 - 0.805)
    assert "2e-5 over 2 seeds: mean accuracy 0.805 (0.800 to 0.810); 1 seed not counted" in " ".join(
        group.conclusion
    )


def test_configurations_at_different_epochs_are_not_tested(tmp_path: Path) -> None:
    group_over_seeds(tmp_path, 2)
    for seed in range(2):
        write_run(tmp_path, f"r2e5_s{seed}", (0.8,))
    assert group_of(tmp_path).seed_pairs == ()


def test_seeds_of_one_configuration_are_never_a_pair(tmp_path: Path) -> None:
    group = group_over_seeds(tmp_path, 2)
    assert {(pair.run[:4], pair.other[:4]) for pair in group.pairs} == {("r2e6", "r2e5")}
    assert len(group.pairs) == 4


def test_the_questions_say_which_seed_they_are_about(tmp_path: Path) -> None:
    group = group_over_seeds(tmp_path, 2)
    slower = group.answers[0]
    assert slower.text.startswith("Of the runs with seed 0: ")
    assert "2e-6 (seed=0) is worse than 2e-5 (seed=0)" in slower.text


def test_our_own_folders_that_differ_in_their_seed_are_one_configuration(tmp_path: Path) -> None:
    for seed in (1, 2):
        folder = write_run(tmp_path, f"s{seed}", (0.7, 0.8), seed=seed)
        write_meta(folder, learning_rate=2e-5, seed=seed, output_dir=f"saves/s{seed}", results_dir=f"s{seed}")
    found = foreign_candidates(find_runs([tmp_path]), ResultsReader(), PredictionStore())
    (group,) = compare(found).groups
    assert [len(one.runs) for one in group.configurations] == [2]
    assert group.pairs == ()


def test_runs_with_the_same_seed_are_no_seeds_of_one_configuration(tmp_path: Path) -> None:
    """They differ in something that their arguments do not say, another model perhaps."""
    for name in ("a", "b"):
        write_meta(write_run(tmp_path, name, (0.7, 0.8), seed=1), learning_rate=2e-5, seed=42)
    found = foreign_candidates(find_runs([tmp_path]), ResultsReader(), PredictionStore())
    (group,) = compare(found).groups
    assert (group.configurations, len(group.pairs)) == ((), 1)
