"""Reading result folders: precedence, half-written files, attempts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lrdash.results.documents import epoch_rows
from lrdash.results.history import ResultsReader
from tests.results.making import epoch_row, write_epochs, write_lines

HISTORY = [
    {"loss": 0.70, "grad_norm": 1.2, "learning_rate": 1e-5, "epoch": 0.5, "step": 5},
    {"loss": 0.60, "grad_norm": 1.1, "learning_rate": 2e-5, "epoch": 1.0, "step": 10},
    {"eval_loss": 0.5, "eval_accuracy": 0.8, "epoch": 0.9992, "step": 10},
    {"loss": 0.40, "grad_norm": 1.0, "learning_rate": 1e-5, "epoch": 2.0, "step": 20},
    {"eval_loss": 0.45, "eval_accuracy": 0.82, "epoch": 2.0, "step": 20},
    {"train_loss": 0.5, "train_runtime": 9.0, "epoch": 2.0, "step": 20},
]


def write_state(folder: Path, step: int, history: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({"global_step": step, "log_history": history or HISTORY}))
    return path


def test_epochs_of_a_log_history_have_their_mean_training_loss() -> None:
    first, second = epoch_rows(HISTORY)
    assert first["epoch"] == 1.0
    assert first["loss"] == pytest.approx(0.65)
    assert first["learning_rate"] == 2e-5
    assert second["eval_accuracy"] == 0.82


def test_all_results_goes_before_the_state_and_the_state_before_the_log(tmp_path: Path) -> None:
    results, saves, reader = tmp_path / "results", tmp_path / "saves", ResultsReader()
    results.mkdir()
    log = {"current_steps": 10, "total_steps": 20, "eval_loss": 0.9, "epoch": 1.0}
    write_lines(saves / "trainer_log.jsonl", [log])
    assert reader.read(results, saves).source == "trainer_log.jsonl"
    write_state(saves / "checkpoint-10", 10, HISTORY[:3])
    write_state(saves / "checkpoint-20", 20)
    read = reader.read(results, saves)
    assert (read.source, len(read.epochs)) == ("trainer_state.json", 2)
    write_epochs(results, [epoch_row(1, 0.7, 0.6, 0.6)])
    read = reader.read(results, saves)
    assert (read.source, len(read.epochs)) == ("all_results.json", 1)
    assert read.attempt == ("123_0", 0)


def test_flat_results_are_a_single_end_point(tmp_path: Path) -> None:
    (tmp_path / "all_results.json").write_text('{"epoch": 3.0, "eval_accuracy": 0.9, "eval_loss": 0.3}')
    read = ResultsReader().read(tmp_path, tmp_path)
    assert [row["epoch"] for row in read.epochs] == [3.0]
    assert read.best == read.last


@pytest.mark.parametrize("wrap", [list, lambda rows: {str(at): row for at, row in enumerate(rows)}])
def test_epochs_may_be_a_list_or_a_mapping(tmp_path: Path, wrap: Any) -> None:
    rows = [epoch_row(1, 0.7, 0.6, 0.6), epoch_row(2, 0.8, 0.5, 0.5)]
    (tmp_path / "all_results.json").write_text(json.dumps({"epochs": wrap(rows)}))
    assert [row["epoch"] for row in ResultsReader().read(tmp_path, tmp_path).epochs] == [1.0, 2.0]


def test_a_half_written_file_shows_what_it_last_said(tmp_path: Path) -> None:
    reader = ResultsReader()
    write_epochs(tmp_path, [epoch_row(1, 0.7, 0.6, 0.6)])
    whole = (tmp_path / "all_results.json").read_text()
    assert reader.read(tmp_path, tmp_path).error is None
    (tmp_path / "all_results.json").write_text(whole[: len(whole) // 2])
    read = reader.read(tmp_path, tmp_path)
    assert len(read.epochs) == 1
    assert read.error is not None
    assert "all_results.json" in read.error
    (tmp_path / "all_results.json").write_text(whole)
    assert reader.read(tmp_path, tmp_path).error is None


def test_unchanged_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_epochs(tmp_path, [epoch_row(1, 0.7, 0.6, 0.6)])
    reader = ResultsReader()
    before = reader.read(tmp_path, tmp_path)
    monkeypatch.setattr("lrdash.results.history.read_json", lambda path: pytest.fail(f"read {path} again"))
    assert reader.read(tmp_path, tmp_path) == before


def test_nan_and_infinity_are_not_numbers_and_text_numbers_are(tmp_path: Path) -> None:
    row = '{"epoch": "1", "step": 10, "eval_loss": NaN, "eval_accuracy": "0.75", "loss": Infinity}'
    (tmp_path / "all_results.json").write_text(f'{{"epochs": [{row}]}}')
    (read,) = ResultsReader().read(tmp_path, tmp_path).epochs
    assert read == {"epoch": 1.0, "step": 10, "eval_loss": None, "eval_accuracy": 0.75, "loss": None}


def test_an_epoch_evaluated_twice_counts_as_it_was_last(tmp_path: Path) -> None:
    rows = [epoch_row(1, 0.7, 0.6, 0.6), epoch_row(2, 0.1, 0.9, 0.5), epoch_row(2, 0.8, 0.5, 0.5)]
    assert [row["eval_accuracy"] for row in epoch_rows(rows)] == [0.7, 0.8]


def test_a_state_from_before_a_fresh_start_is_not_this_attempts(tmp_path: Path) -> None:
    results, saves = tmp_path / "results", tmp_path / "saves"
    results.mkdir()
    os.utime(write_state(saves / "checkpoint-20", 20), (1e9, 1e9))
    meta = {"attempt": {"job": "5_0", "restart": 0, "started_at": "2026-11-23T09:00:00+00:00"}}
    (results / "run_meta.json").write_text(json.dumps(meta))
    assert ResultsReader().read(results, saves).epochs == ()
    assert len(ResultsReader().steps(results, saves)) == 0
    meta["attempt"]["resumed_from"] = "checkpoint-epoch1"
    (results / "run_meta.json").write_text(json.dumps(meta))
    assert len(ResultsReader().read(results, saves).epochs) == 2
    assert ResultsReader().steps(results, saves).steps[-1] == 20


def test_run_meta_is_read_as_the_trainer_writes_it(tmp_path: Path) -> None:
    (tmp_path / "run_meta.json").write_text(
        json.dumps(
            {
                "attempt": {"job": "123_2", "restart": 1, "started_at": "2026-11-23T09:00:00+00:00"},
                "arguments": {"learning_rate": 2e-5},
                "arguments_hash": "abc",
                "processes": 2,
                "datasets": {"train": {"rows": 800}, "eval": {"rows": 250}},
                "optimizer_groups": [
                    {"name": "head (decay)", "part": "head", "initial_lr": 2e-5},
                    {"name": "backbone (decay)", "part": "backbone", "initial_lr": 2e-6},
                ],
                "peak_memory": {"host_bytes": 1000, "gpu_bytes": None},
                "git_commit": "deadbeef",
            }
        )
    )
    meta = ResultsReader().read(tmp_path, tmp_path).meta
    assert meta is not None
    assert (meta.job, meta.restart, meta.args_hash, meta.processes) == ("123_2", 1, "abc", 2)
    assert meta.initial_lr == {"head (decay)": 2e-5, "backbone (decay)": 2e-6}
    assert meta.rows == {"train": 800, "eval": 250}
    assert meta.peak_bytes == {"host": 1000}
    assert meta.started_at == 1795424400.0


def test_best_is_the_first_of_equals_and_the_lowest_loss_without_accuracy(tmp_path: Path) -> None:
    write_epochs(tmp_path, [epoch_row(at, value, 0.5, 0.5) for at, value in enumerate((0.7, 0.9, 0.9), 1)])
    read = ResultsReader().read(tmp_path, tmp_path)
    assert read.best is not None
    assert read.best["epoch"] == 2
    rows = [{"epoch": at, "eval_loss": loss} for at, loss in enumerate((0.9, 0.4, 0.6), 1)]
    (tmp_path / "all_results.json").write_text(json.dumps({"epochs": rows}))
    read = ResultsReader().read(tmp_path, tmp_path)
    assert read.best is not None
    assert read.best["epoch"] == 2
