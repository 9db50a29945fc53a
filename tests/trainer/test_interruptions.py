"""Runs that are stopped or killed, and resumed: they end as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.trainings import Interruption, Training, start, train, words
from tests.waiting import wait_until
from trainer.processes import STOPPED_EXIT_CODE

pytestmark = pytest.mark.training

STEPS_PER_EPOCH = 3
STEP = "trainer.engine:Engine.training_step"
SAVE = "trainer.checkpoints:publish"
WEIGHTS = "trainer.engine:Engine._save"
OPTIMIZER = "trainer.engine:save_optimizer"
EVALUATION = "transformers.trainer_callback:CallbackHandler.on_prediction_step"
PREDICTION = "trainer.results:write_predictions"
MOMENTARY = ("runtime", "per_second", "wall_time")


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def epochs(run: Training) -> list[dict[str, Any]]:
    rows = read(run.folder / "results" / "run" / "all_results.json")["epochs"]
    return [{key: row[key] for key in row if not key.endswith(MOMENTARY)} for row in rows]


def train_loss(run: Training) -> float:
    loss: float = read(run.folder / "results" / "run" / "all_results.json")["train_loss"]
    return loss


def predictions(run: Training) -> str:
    return (run.folder / "results" / "run" / "generated_predictions.jsonl").read_text()


@pytest.fixture(scope="module")
def command(demo_data: Path) -> list[str]:
    return words(demo_data, "text", num_train_epochs=3, cls_backbone_learning_rate=2e-6)


@pytest.fixture(scope="module")
def uninterrupted(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Training:
    return train(command, tmp_path_factory.mktemp("uninterrupted"))


def check_resumed(resumed: Training, uninterrupted: Training, step: int) -> None:
    """Went on right after `step`, and ended exactly like a run that was never interrupted."""
    steps = [row["step"] for row in resumed.rows("loss")]
    assert steps == list(range(step + 1, 3 * STEPS_PER_EPOCH + 1))
    assert epochs(resumed) == epochs(uninterrupted)
    assert train_loss(resumed) == train_loss(uninterrupted) > 0
    assert predictions(resumed) == predictions(uninterrupted)
    assert not (resumed.folder / "saves" / "stopped.json").exists()


def test_a_stopped_prediction_is_repeated(uninterrupted: Training, tmp_path: Path, demo_data: Path) -> None:
    model = uninterrupted.folder / "saves"
    command = words(demo_data, do_train=None, eval_strategy=None, model_name_or_path=model)
    stop = Interruption(EVALUATION, 1, signal.SIGTERM)
    train(command, tmp_path, code=STOPPED_EXIT_CODE, hook=stop)
    marker = tmp_path / "saves" / "stopped.json"
    assert read(marker)["checkpoint"] is None
    assert predictions(train(command, tmp_path)) == predictions(uninterrupted)
    assert not marker.exists()


# Where the signal arrives, at which call, and from which step the run goes on. In an epoch the run stops
# after the step that is being computed; in a save or an evaluation at the checkpoint of that epoch.
STOPS = [
    (STEP, 5, 5),
    (SAVE, 1, 3),
    (EVALUATION, 4, 6),
    (EVALUATION, 10, 9),  # the prediction after the last epoch
    (STEP, 1, 1),
    (STEP, 8, 8),
    (OPTIMIZER, 2, 6),
    (WEIGHTS, 3, 9),
    (EVALUATION, 1, 3),
    (EVALUATION, 7, 9),
]
# A killed run goes on from the last checkpoint that was complete.
KILLS = [
    (STEP, 8, 6),
    (SAVE, 2, 3),
    (OPTIMIZER, 3, 6),
    (EVALUATION, 5, 6),
    (PREDICTION, 1, 9),
    (STEP, 5, 3),
    (STEP, 7, 6),
    (WEIGHTS, 2, 3),
    (EVALUATION, 2, 3),
    (EVALUATION, 9, 9),
]
SMALLEST = 5


def cases(every: list[tuple[str, int, int]]) -> list[Any]:
    """All of them in the acceptance tests, the first few always."""
    return [
        pytest.param(
            *case, marks=[] if number < SMALLEST else [pytest.mark.acceptance], id=f"{name(case)}{case[1]}"
        )
        for number, case in enumerate(every)
    ]


def name(case: tuple[str, int, int]) -> str:
    return case[0].rpartition(".")[2].rpartition(":")[2]


@pytest.mark.parametrize(("place", "call", "step"), cases(STOPS))
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    command: list[str], uninterrupted: Training, tmp_path: Path, place: str, call: int, step: int
) -> None:
    stopped = train(command, tmp_path, code=STOPPED_EXIT_CODE, hook=Interruption(place, call, signal.SIGTERM))
    epoch = step / STEPS_PER_EPOCH
    checkpoint = f"saves/checkpoint-epoch{epoch:.0f}" if epoch.is_integer() else f"saves/checkpoint-{step}"
    marker = read(tmp_path / "saves" / "stopped.json")
    assert marker == {
        "step": step,
        "epoch": pytest.approx(epoch, abs=1e-6),
        "signal": "SIGTERM",
        "checkpoint": checkpoint,
    }
    line = f"[INFO] Stopped by SIGTERM at step {step}, epoch {epoch:.2f}; checkpoint {checkpoint}"
    assert line in stopped.out.splitlines()
    check_resumed(train(command, tmp_path), uninterrupted, step)


@pytest.mark.parametrize(("place", "call", "step"), cases(KILLS))
def test_a_killed_run_goes_on_from_its_last_complete_checkpoint(
    command: list[str], uninterrupted: Training, tmp_path: Path, place: str, call: int, step: int
) -> None:
    train(command, tmp_path, code=-signal.SIGKILL, hook=Interruption(place, call, signal.SIGKILL))
    resumed = train(command, tmp_path)
    assert f"at step {step}, epoch {step / STEPS_PER_EPOCH:g}" in resumed.out
    check_resumed(resumed, uninterrupted, step)
    assert not list((tmp_path / "saves").glob(".*"))


@pytest.mark.parametrize(
    ("call", "left"),
    [(1, "saves/.arguments.json.*"), (2, "results/run/.run_meta.json.*")],
    ids=["saves", "results"],
)
def test_what_a_kill_inside_a_write_left_behind_is_removed(
    demo_data: Path, tmp_path: Path, call: int, left: str
) -> None:
    command = words(demo_data, num_train_epochs=1)
    kill = Interruption("trainer.files:os.fsync", call, signal.SIGKILL)
    train(command, tmp_path, code=-signal.SIGKILL, hook=kill)
    assert len(list(tmp_path.glob(left))) == 1
    strange = tmp_path / "results" / "run" / ".run_meta.json.mine"
    strange.parent.mkdir(parents=True, exist_ok=True)
    strange.touch()
    train(command, tmp_path)
    assert [*(tmp_path / "saves").glob(".*"), *strange.parent.glob(".*")] == [strange]


@pytest.mark.parametrize(
    ("kind", "fsdp"),
    [("text", None), ("text", True), pytest.param("vision", True, marks=pytest.mark.acceptance)],
    ids=["ddp", "fsdp2", "vision-fsdp2"],
)
def test_two_processes_stop_at_the_same_step(
    demo_data: Path, tmp_path: Path, kind: str, fsdp: bool | None
) -> None:
    split = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    command = words(demo_data, kind, fsdp=fsdp, **split)
    stop = Interruption(STEP, 7, signal.SIGUSR1, rank=1)  # the first pass of step 4
    run = train(command, tmp_path, processes=2, code=STOPPED_EXIT_CODE, hook=stop)
    assert [process.exitcode for process in run.processes] == [STOPPED_EXIT_CODE] * 2
    assert read(tmp_path / "saves" / "stopped.json")["step"] == 4
    assert read(tmp_path / "saves" / "stopped.json")["signal"] == "SIGUSR1"
    whole = train(command, tmp_path / "whole", processes=2)
    resumed = train(command, tmp_path, processes=2)
    assert [row["step"] for row in resumed.rows("loss")] == [5, 6]
    assert epochs(resumed) == epochs(whole)


def test_a_run_may_be_resumed_on_another_number_of_processes(
    command: list[str], uninterrupted: Training, demo_data: Path, tmp_path: Path
) -> None:
    train(command, tmp_path, code=STOPPED_EXIT_CODE, hook=Interruption(STEP, 4, signal.SIGTERM))
    changed = words(
        demo_data,
        num_train_epochs=3,
        cls_backbone_learning_rate=2e-6,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
    )
    resumed = train(changed, tmp_path, processes=2)
    for row, expected in zip(epochs(resumed), epochs(uninterrupted), strict=True):
        assert row["loss"] == pytest.approx(expected["loss"], abs=1e-5)
        assert row["eval_loss"] == pytest.approx(expected["eval_loss"], abs=1e-5)


def test_a_stop_before_the_first_step_leaves_a_marker_without_a_checkpoint(
    command: list[str], tmp_path: Path
) -> None:
    stop = Interruption("trainer.run:load_classifier", 1, signal.SIGTERM)
    train(command, tmp_path, code=STOPPED_EXIT_CODE, hook=stop)
    marker = read(tmp_path / "saves" / "stopped.json")
    assert (marker["step"], marker["checkpoint"]) == (0, None)


@pytest.mark.parametrize("place", [STEP, EVALUATION])
def test_a_signal_to_all_processes_leaves_those_that_read_images_to_the_run(
    demo_data: Path, tmp_path: Path, place: str
) -> None:
    command = words(demo_data, "vision", dataloader_num_workers=1)
    stop = Interruption(place, 2, signal.SIGTERM, group=True)
    run = train(command, tmp_path, code=STOPPED_EXIT_CODE, hook=stop)
    assert read(tmp_path / "saves" / "stopped.json")["step"] == (2 if place == STEP else 3)
    assert "killed by signal" not in run.err
    wait_until(lambda: not group_of(run), 10, "the processes that read images end")


def killed_while_images_are_read(rank: int) -> None:
    os.setpgid(0, 0)
    Interruption(STEP, 2, signal.SIGKILL)(rank)


def test_processes_that_read_images_end_with_a_killed_run(demo_data: Path, tmp_path: Path) -> None:
    command = words(demo_data, "vision", dataloader_num_workers=1)
    run = train(command, tmp_path, code=-signal.SIGKILL, hook=killed_while_images_are_read)
    wait_until(lambda: not group_of(run), 10, "the processes that read images end")


def group_of(run: Training) -> list[int]:
    """The living processes of the group that a run's process leads."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(group) == run.processes[0].pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


def test_no_process_outlives_its_parent() -> None:
    """As under torchrun: a process dies with the process that started it."""
    script = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'from trainer import processes; import time;'"
        " 'processes.die_with_parent(); print(1, flush=True); time.sleep(600)'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    parent = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False)
    pid = int(parent.stdout)
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in _state(pid), 10, "the child ends")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_a_second_run_of_a_finished_one_changes_nothing(command: list[str], uninterrupted: Training) -> None:
    before = {path: path.stat().st_mtime_ns for path in (uninterrupted.folder / "results").rglob("*.json*")}
    again = start(command, uninterrupted.folder)
    assert again.wait() == 0
    assert "Nothing to do" in again.out
    assert before == {path: path.stat().st_mtime_ns for path in before}
