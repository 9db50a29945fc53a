"""Acting on tasks and cleaning up, through the command line and the local scheduler."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdash.scheduler.local import LocalScheduler
from lrdash.sweep.spec import Sweep
from tests.sweeps import write_sweep
from tests.waiting import wait_until

WAITS = "import time; time.sleep(600)"


def lrdash(sweep: Sweep, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lrdash", *words]
    return subprocess.run(
        command, cwd=sweep.root, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sweep]:
    sweep = write_sweep(tmp_path, WAITS)
    finished = lrdash(sweep, "submit", "--scheduler", "local")
    assert finished.returncode == 0, finished.stderr
    scheduler = LocalScheduler(sweep)
    wait_until(lambda: scheduler.read_queue().tasks[0].state == "RUNNING")
    yield sweep
    scheduler.cancel([task.id for task in scheduler.read_queue().tasks])
    wait_until(lambda: all(task.is_finished for task in scheduler.read_queue().tasks))


def test_nothing_is_cancelled_unasked(running: Sweep) -> None:
    finished = lrdash(running, "cancel", "text:1")
    assert finished.returncode == 2
    assert "Nobody can answer here: give --yes" in finished.stderr
    assert all(not task.is_finished for task in LocalScheduler(running).read_queue().tasks)


def test_cancel_one_index(running: Sweep) -> None:
    finished = lrdash(running, "cancel", "text:1", "--yes")
    assert (finished.returncode, finished.stdout) == (0, "cancelled: 1_1\n"), finished.stderr
    scheduler = LocalScheduler(running)
    wait_until(lambda: [task.state for task in scheduler.read_queue().tasks][1] == "CANCELLED")
    assert not scheduler.read_queue().tasks[0].is_finished
    again = lrdash(running, "cancel", "text:1", "--yes")
    assert again.returncode == 2
    assert "text:1 text_1 is CANCELLED: it cannot be cancelled" in again.stderr


def test_what_has_ended_is_left_out_of_a_group(running: Sweep) -> None:
    assert lrdash(running, "cancel", "text:1", "--yes").returncode == 0
    wait_until(lambda: LocalScheduler(running).read_queue().tasks[1].state == "CANCELLED")
    finished = lrdash(running, "cancel", "text", "--yes")
    assert (finished.returncode, finished.stdout) == (0, "cancelled: 1_0\n"), finished.stderr
    assert "note     text:1 text_1 is CANCELLED: it cannot be cancelled" in finished.stderr
    wait_until(lambda: all(task.is_finished for task in LocalScheduler(running).read_queue().tasks))
    again = lrdash(running, "cancel", "text", "--yes")
    assert "none of these runs can be cancelled: they are CANCELLED: text:0, text:1" in again.stderr


def test_a_group_stands_for_its_runs(running: Sweep) -> None:
    assert lrdash(running, "cancel", "text", "--yes").stdout == "cancelled: 1_0, 1_1\n"


@pytest.mark.parametrize(
    "words", [("hold", "text:1"), ("requeue", "text:0"), ("time-limit", "2:00", "text:0")]
)
def test_the_rest_says_that_it_needs_slurm(running: Sweep, words: tuple[str, ...]) -> None:
    finished = lrdash(running, *words, "--yes")
    assert finished.returncode == 2
    assert "needs Slurm" in finished.stderr


def test_a_run_that_was_never_submitted(tmp_path: Path) -> None:
    finished = lrdash(write_sweep(tmp_path), "cancel", "text:0", "--yes", "--scheduler", "local")
    assert finished.returncode == 2
    assert "text:0 text_0 is not in the queue: it cannot be cancelled" in finished.stderr


def test_what_runs_is_not_cleaned_whatever_scheduler_is_named(running: Sweep) -> None:
    finished = lrdash(running, "clean", "text:0", "--yes", "--scheduler", "slurm")
    assert finished.returncode == 2
    assert "text:0 text_0 is RUNNING: clean it when it has ended" in finished.stderr


@pytest.fixture
def finished_run(tmp_path: Path) -> Sweep:
    sweep = write_sweep(tmp_path)
    saves = tmp_path / "saves/tiny/text_0"
    for step, name in ((10, "checkpoint-epoch9"), (20, "checkpoint-epoch10"), (15, "checkpoint-15")):
        folder = saves / name
        folder.mkdir(parents=True)
        (folder / "complete").write_text(f'{{"step": {step}}}')
        (folder / "model.safetensors").write_bytes(b"x" * 1000)
        (folder / "optimizer.safetensors").write_bytes(b"x" * 2000)
    (saves / ".trash-checkpoint-epoch8").mkdir()
    (saves / "model.safetensors").write_bytes(b"x")
    (saves / "cls_head.safetensors").write_bytes(b"x")
    results = tmp_path / "results/tiny/text_0"
    results.mkdir(parents=True)
    (results / "predict_results.json").write_text("{}")
    return sweep


def files(sweep: Sweep) -> set[str]:
    saves = sweep.root / "saves/tiny/text_0"
    return {str(path.relative_to(saves)) for path in saves.rglob("*") if path.is_file()}


def test_clean_keeps_the_model_the_head_and_the_newest_checkpoint(finished_run: Sweep) -> None:
    before = files(finished_run)
    listed = lrdash(finished_run, "clean", "text:0", "--dry-run", "--scheduler", "local")
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 4
    assert files(finished_run) == before
    assert "give --yes" in lrdash(finished_run, "clean", "text:0", "--scheduler", "local").stderr
    done = lrdash(finished_run, "clean", "text:0", "--yes", "--scheduler", "local")
    assert done.returncode == 0, done.stderr
    newest = {"checkpoint-epoch10/complete", "checkpoint-epoch10/model.safetensors"}
    assert files(finished_run) == {"model.safetensors", "cls_head.safetensors", *newest}
    assert not (finished_run.root / "saves/tiny/text_0/.trash-checkpoint-epoch8").exists()
    assert (
        "Nothing to remove" in lrdash(finished_run, "clean", "text:0", "--yes", "--scheduler", "local").stderr
    )


def test_a_run_that_has_not_finished_is_not_cleaned(finished_run: Sweep) -> None:
    refused = lrdash(finished_run, "clean", "text:1", "--yes", "--scheduler", "local")
    assert refused.returncode == 2
    assert "text:1 text_1 has no predict_results.json" in refused.stderr


def test_a_link_out_of_the_folder_loses_only_itself(finished_run: Sweep, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (finished_run.root / "saves/tiny/text_0/checkpoint-3").symlink_to(outside)
    done = lrdash(finished_run, "clean", "text:0", "--yes", "--scheduler", "local")
    assert done.returncode == 0, done.stderr
    assert (outside / "precious").exists()
