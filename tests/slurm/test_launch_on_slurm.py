"""launch on the node of a real cluster: requeue under its guards, ports, cancellation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import hold_training_lock
from tests.slurm.cluster import Cluster
from tests.slurm.experiment import FOLDER, Clone
from tests.waiting import wait_until

COUNTS = """
import json, os, signal, sys, time
from pathlib import Path
saves = Path(sys.argv[sys.argv.index("--output_dir") + 1])
done = [json.loads(f.read_text())["step"] for f in saves.glob("checkpoint-*/complete")]
step = max(done, default=0)
stopped = []
signal.signal(signal.SIGUSR1, lambda *_: stopped.append(1))
print("starting at step", step, flush=True)
while step < 60:
    time.sleep(0.05)
    step += STEPS
    if stopped:
        folder = saves / ("checkpoint-%d" % step)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "complete").write_text(json.dumps({"step": step}))
        print("saved at step", step, flush=True)
        sys.exit(75)
    if START_ONLY and step >= START_ONLY:
        time.sleep(600)
print("finished at step", step, flush=True)
"""
LISTENS = """
import os, socket, time
with socket.socket() as server:
    server.bind(("", int(os.environ["MASTER_PORT"])))
    server.listen()
    time.sleep(1.0)
    print("listened on", os.environ["MASTER_PORT"])
"""


@pytest.fixture
def clone(tmp_path: Path, slurm_cluster: Cluster) -> Clone:
    return Clone(tmp_path / "clone", slurm_cluster)


def submit(clone: Clone, *words: str) -> str:
    finished = clone.lrdash("submit", "--group", "text", "--index", "1", *words)
    assert finished.returncode == 0, finished.stderr
    return f"{finished.stdout.split()[-1]}_1"


def warn(clone: Clone, task: str) -> None:
    """What Slurm sends ten minutes before the time limit: SIGUSR1 to the batch process only."""
    clone.cluster.run("scancel", "--signal=USR1", "--batch", task)


def said(clone: Clone, task: str, pattern: str) -> list[str]:
    """What a run printed; the command that is echoed before it does not match a whole line."""
    return re.findall(f"^{pattern}$", clone.log(task), re.MULTILINE)


def wait_until_said(clone: Clone, task: str, pattern: str, times: int = 1) -> None:
    wait_until(lambda: len(said(clone, task, pattern)) == times, 60, f"{pattern} in {task}")


def test_a_warned_run_goes_on_from_its_marker(clone: Clone) -> None:
    clone.run_program(COUNTS.replace("STEPS", "1").replace("START_ONLY", "0"))
    task = submit(clone)
    wait_until_said(clone, task, r"starting at step \d+")
    warn(clone, task)
    assert clone.wait_for_end([task.partition("_")[0]], 60) == ["COMPLETED"]
    check_counted(clone, task, restarts=1)


def check_counted(clone: Clone, task: str, restarts: int) -> None:
    saved = said(clone, task, r"saved at step (\d+)")
    assert said(clone, task, r"starting at step (\d+)") == ["0", *saved]
    assert clone.log(task).splitlines()[-1].startswith("finished at step")
    assert re.findall(r" restart=(\d) ", clone.log(task)) == [str(number) for number in range(restarts + 1)]


@pytest.mark.acceptance
def test_a_time_limit_reached_twice(clone: Clone) -> None:
    """One minute each, the warning half a minute before: Slurm looks every 30 s."""
    slow = COUNTS.replace("STEPS", "1").replace("START_ONLY", "0").replace("< 60", "< 2200")
    clone.run_program(slow)
    task = submit(clone, "--", "--time=1", "--signal=B:USR1@30")
    assert clone.wait_for_end([task.partition("_")[0]], 600)[0] == "COMPLETED"
    restarts = len(said(clone, task, r"saved at step \d+"))
    assert restarts >= 2
    check_counted(clone, task, restarts)


@pytest.mark.acceptance
@pytest.mark.training
def test_a_training_warned_twice_ends_like_one_that_was_left_alone(
    clone: Clone, demo_data: Path, tmp_path: Path
) -> None:
    alone = Clone(tmp_path / "alone", clone.cluster)
    with hold_training_lock():
        for each in (clone, alone):
            each.train_tiny(demo_data, epochs=12)
        tasks = {"alone": submit(alone)}
        assert alone.wait_for_end([tasks["alone"].partition("_")[0]], 300) == ["COMPLETED"]
        task = submit(clone)
        for attempt, epoch in enumerate((2, 6), 1):
            wait_until(lambda epoch=epoch: len(epochs(clone)) >= epoch, 200, f"epoch {epoch}")  # type: ignore[misc]
            warn(clone, task)
            wait_until_said(clone, task, r"lrdash: requeued to go on from step \d+", attempt)
        assert clone.wait_for_end([task.partition("_")[0]], 300) == ["COMPLETED"]
    assert re.findall(r" restart=(\d) ", clone.log(task)) == ["0", "1", "2"]
    for ours, theirs in zip(epochs(clone), epochs(alone), strict=True):
        assert ours["step"] == theirs["step"]
        assert ours["eval_loss"] == pytest.approx(theirs["eval_loss"], rel=1e-4)
        assert ours["eval_accuracy"] == theirs["eval_accuracy"]


def epochs(clone: Clone) -> list[dict[str, Any]]:
    file = clone.root / "results/lr_experiment_v7/text_trainagreeing_lr_2e6/all_results.json"
    rows: list[dict[str, Any]] = json.loads(file.read_text())["epochs"] if file.exists() else []
    return rows


def test_no_progress_no_loop(clone: Clone) -> None:
    clone.run_program(COUNTS.replace("STEPS", "0").replace("START_ONLY", "0"))
    task = submit(clone)
    wait_until_said(clone, task, r"starting at step \d+")
    warn(clone, task)
    assert clone.wait_for_end([task.partition("_")[0]], 60) == ["FAILED"]
    assert "lrdash: not requeued: step 0 was saved before this start" in clone.log(task)


def test_a_cancelled_run_stays_cancelled(clone: Clone) -> None:
    clone.run_program(COUNTS.replace("STEPS", "1").replace("START_ONLY", "5"))
    task = submit(clone)
    wait_until_said(clone, task, r"starting at step \d+")
    finished = clone.lrdash("cancel", "text:1", "--yes")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"cancelled: {task}\n"
    assert clone.wait_for_end([task.partition("_")[0]], 60) == ["CANCELLED"]
    assert "requeued" not in clone.log(task)


def start_at_once(clone: Clone) -> list[str]:
    """text:0 and vision:0 on one node; the ports on which they listened."""
    finished = clone.lrdash("submit", "--index", "0", "--", "--nodelist=node01")
    assert finished.returncode == 0, finished.stderr
    jobs = re.findall(r"job (\d+)", finished.stdout)
    assert clone.wait_for_end(jobs, 60) == ["COMPLETED"] * 2, clone.log(f"{jobs[0]}_0", "err")
    return [clone.log(f"{job}_0").split()[-1] for job in jobs]


def test_text_and_vision_on_one_node_get_two_ports(clone: Clone) -> None:
    clone.run_program(LISTENS)
    ports = start_at_once(clone)
    assert sorted(int(port) % 100 for port in ports) == [0, 0]
    assert len(set(ports)) == 2


@pytest.mark.acceptance
def test_text_and_vision_on_one_node_again_and_again(clone: Clone) -> None:
    clone.run_program(LISTENS)
    for _ in range(20):
        assert len(set(start_at_once(clone))) == 2


def test_require_gpu_on_a_node_without_one(clone: Clone) -> None:
    """The cluster's GPUs are invented: CUDA_VISIBLE_DEVICES names some, but the node has no such device."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine has a GPU")
    clone.run_program("print('trained')")
    sheet = clone.root / FOLDER / "sweep.yaml"
    sheet.write_text(sheet.read_text().replace("require_gpu: false", "require_gpu: true"))
    task = submit(clone)
    assert clone.wait_for_end([task.partition("_")[0]], 60) == ["FAILED"]
    last = clone.log(task, "err").splitlines()[-1]
    assert last.startswith("lrdash: require_gpu: 2 processes need 2 GPUs, this node shows 0")
    assert "trained" not in clone.log(task)
