"""cancel, hold, release, requeue, time-limit and submit --failed as commands, on a real cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.experiment import FOLDER, Clone
from tests.waiting import wait_until

WAITS = "import time; time.sleep(600)"
FIRST_FAILS = """
import os, sys
from pathlib import Path
mark = Path("failed-once-" + os.environ["SLURM_ARRAY_TASK_ID"])
if not mark.exists():
    mark.touch()
    sys.exit(3)
print("args", sys.argv)
"""


@pytest.fixture
def clone(tmp_path: Path, slurm_cluster: Cluster) -> Clone:
    return Clone(tmp_path / "clone", slurm_cluster)


def submit(clone: Clone, *words: str) -> str:
    finished = clone.lrdash("submit", "--group", "text", *words)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()[-1]


def done(clone: Clone, *words: str) -> str:
    finished = clone.lrdash(*words, "--yes")
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_hold_and_release_one_index(clone: Clone) -> None:
    clone.run_program(WAITS)
    job = submit(clone, "--index", "0,2", "--", "--begin=now+1hour")
    assert done(clone, "hold", "text:2") == f"held: {job}_2"
    assert "JobHeld" in clone.cluster.run("squeue", "-h", "-r", "-j", job, "-o", "%i %r")
    assert done(clone, "release", "text:2") == f"released: {job}_2"


def test_a_time_limit_that_is_changed(clone: Clone) -> None:
    clone.run_program(WAITS)
    job = submit(clone, "--index", "1", "--", "--hold")
    assert done(clone, "time-limit", "2:00:00", "text:1") == f"given the new time limit: {job}_1"
    assert clone.cluster.run("squeue", "-h", "-j", job, "-o", "%l").strip() == "2:00:00"


def test_requeue_starts_the_run_again(clone: Clone) -> None:
    clone.run_program(WAITS)
    job = submit(clone, "--index", "1")
    wait_until(lambda: "restart=0" in clone.log(f"{job}_1"), 30)
    assert done(clone, "requeue", "text:1") == f"requeued: {job}_1"
    wait_until(lambda: "restart=1" in clone.log(f"{job}_1"), 60)
    assert done(clone, "cancel", "text:1") == f"cancelled: {job}_1"


def test_a_run_that_waits_cannot_be_requeued(clone: Clone) -> None:
    clone.run_program(WAITS)
    job = submit(clone, "--index", "1", "--", "--hold")
    finished = clone.lrdash("requeue", "text:1", "--yes")
    assert finished.returncode == 1
    assert f"{job}_1 is PENDING" in finished.stderr


def test_only_what_failed_is_submitted_again_with_its_changes(clone: Clone) -> None:
    clone.run_program(FIRST_FAILS)
    (clone.root / "failed-once-0").touch()
    first = submit(clone)
    assert clone.wait_for_end([first], 60) == ["COMPLETED", "FAILED", "FAILED"]
    finished = clone.lrdash("submit", "--failed", "--set", "seed=7")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("text [1,2]: job ")
    second = finished.stdout.split()[-1]
    assert clone.wait_for_end([second], 60) == ["COMPLETED", "COMPLETED"]
    assert "'--seed', '7'" in clone.log(f"{second}_2")
    assert not (clone.root / f"logs/lr_experiment_v7/{second}_0.out").exists()
    assert (clone.root / FOLDER / "sweep.yaml").read_text().count("seed: 42") == 1
    again = clone.lrdash("submit", "--failed")
    assert again.returncode == 2
    assert "--failed: none of these runs has failed" in again.stderr
