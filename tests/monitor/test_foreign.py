"""Folders without a sweep file, watched: what is read, how fresh it is, and what appears later."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lrdash.monitor.foreign import SEARCH_SECONDS, ForeignMonitor, find_logs, foreign_snapshot

STATE = {
    "global_step": 50,
    "max_steps": 300,
    "num_train_epochs": 6,
    "log_history": [
        {"loss": 0.6, "learning_rate": 2e-5, "epoch": 1.0, "step": 50},
        {"eval_loss": 0.5, "eval_accuracy": 0.7, "epoch": 1.0, "step": 50},
    ],
}


def write_stock_run(folder: Path) -> Path:
    """A run of transformers' own Trainer after its first epoch."""
    folder.mkdir(parents=True)
    state = folder / "trainer_state.json"
    state.write_text(json.dumps(STATE))
    return state


def test_a_tokenizers_files_are_no_log(tmp_path: Path) -> None:
    for name in ("vocab.txt", "merges.txt"):
        (tmp_path / name).write_text("CUDA out of memory\n")
    assert find_logs(tmp_path).out is None
    (tmp_path / "train_log.txt").write_text("x\n")
    assert find_logs(tmp_path).out == str(tmp_path / "train_log.txt")


def test_a_log_that_goes_while_it_is_looked_at_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("old.out", "rotated.out"):
        (tmp_path / name).write_text("x\n")
    look = Path.stat

    def look_once(path: Path, **options: bool) -> os.stat_result:
        found = look(path, **options)
        if path.name == "rotated.out":
            path.unlink()
        return found

    monkeypatch.setattr(Path, "stat", look_once)
    assert find_logs(tmp_path).out is not None
    assert find_logs(tmp_path).out == str(tmp_path / "old.out")


def test_a_stock_run_says_how_far_it_goes(tmp_path: Path) -> None:
    write_stock_run(tmp_path / "run")
    (run,) = foreign_snapshot([tmp_path]).runs
    progress = run.progress
    assert progress is not None
    assert (progress.epoch, progress.epochs, progress.step, progress.steps) == (1.0, 6, 50, 300)


def test_only_a_run_that_goes_on_is_said_to_end(tmp_path: Path) -> None:
    """No queue knows whether it runs: its files do."""
    log = tmp_path / "run" / "trainer_log.jsonl"
    log.parent.mkdir()
    rows = [
        {
            "current_steps": step,
            "total_steps": 300,
            "loss": 0.5,
            "epoch": step / 100,
            "elapsed_time": 2 * step,
        }
        for step in range(10, 310, 10)
    ]

    def seconds_to_the_end() -> float | None:
        progress = foreign_snapshot([tmp_path]).runs[0].progress
        return progress.eta_seconds if progress else None

    log.write_text("".join(json.dumps(row) + "\n" for row in rows[:12]))
    assert seconds_to_the_end() == pytest.approx(360, rel=0.15)
    os.utime(log, (1e9, 1e9))  # killed long ago
    assert seconds_to_the_end() is None
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert seconds_to_the_end() is None


def test_a_half_written_file_is_no_fresh_one(tmp_path: Path) -> None:
    state = write_stock_run(tmp_path / "run")
    monitor = ForeignMonitor([tmp_path])
    assert monitor.poll_files().sources.results.state == "fresh"
    whole = state.read_text()
    state.write_text(whole[:-20])
    snapshot = monitor.poll_files()
    assert len(snapshot.runs[0].metrics.epochs) == 1  # the last good read
    assert snapshot.sources.results.state == "stale"
    assert "trainer_state.json" in (snapshot.sources.results.error or "")
    state.write_text(whole)
    assert monitor.poll_files().sources.results.state == "fresh"


def test_a_new_run_appears(tmp_path: Path) -> None:
    now = 1000.0
    write_stock_run(tmp_path / "a")
    monitor = ForeignMonitor([tmp_path], lambda: now)
    write_stock_run(tmp_path / "b")
    assert [run.run for run in monitor.poll_files().runs] == ["a"]
    now += SEARCH_SECONDS
    assert [run.run for run in monitor.poll_files().runs] == ["a", "b"]
    (tmp_path / "a" / "trainer_state.json").unlink()
    (tmp_path / "b" / "trainer_state.json").unlink()
    now += SEARCH_SECONDS
    snapshot = monitor.poll_files()
    assert [run.run for run in snapshot.runs] == ["a", "b"]
    assert "no run in it" in (snapshot.sources.results.error or "")
