"""Which sweep and which runs are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.errors import UsageError
from lrdash.sweep.find import find_run, find_runs, find_sweep_files
from lrdash.sweep.labels import format_rate, run_labels
from lrdash.sweep.load import load_sweep
from tests.conftest import ROOT
from tests.sweeps import write_sweep


def test_the_nearest_directory_upwards_decides(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    assert find_sweep_files(inner) == [tmp_path / "sbatch/tiny/sweep.yaml"]
    write_sweep(tmp_path / "a")
    assert find_sweep_files(inner) == [tmp_path / "a/sbatch/tiny/sweep.yaml"]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("text:2", "text:2"),
        ("vision_trainagreeing_lr_2e5", "vision:0"),
        ("vision_trainagreeing_lr_2e5_backbone_2e6", "vision:2"),
        ("text_trainagreeing_lr_2e6", "text:1"),
    ],
)
def test_a_run_by_key_name_or_part(words: str, key: str) -> None:
    assert find_run(load_sweep(ROOT / "sbatch/final_sweep_v7/sweep.yaml"), words).key == key


@pytest.mark.parametrize(
    ("words", "said"), [("backbone", "means several runs"), ("audio", "is no run"), ("", "means several")]
)
def test_a_run_that_is_not_clear(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_run(load_sweep(ROOT / "sbatch/final_sweep_v7/sweep.yaml"), words)


def test_runs_in_the_order_of_the_sweep_each_once(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, groups=("text", "vision"))
    assert [run.key for run in find_runs(sweep, ["vision:0", "text:1", "text_1"])] == ["text:1", "vision:0"]


def test_labels_say_only_what_differs() -> None:
    args = [
        {"learning_rate": 2e-5, "seed": 1, "bf16": True},
        {"learning_rate": 2e-5, "seed": 2, "bf16": True},
    ]
    assert run_labels(["a", "b"], args) == ["seed=1", "seed=2"]
    assert run_labels(["a"], args[:1]) == ["a"]


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (2e-5, "2e-5"),
        (1e-4, "1e-4"),
        (2.5e-4, "2.5e-4"),
        (0.001, "0.001"),
        (1.5e-6, "1.5e-6"),
        (1e-10, "1e-10"),
        (3.0, "3"),
    ],
)
def test_rates_as_people_write_them(rate: float, text: str) -> None:
    assert format_rate(rate) == text
    assert float(text) == rate
