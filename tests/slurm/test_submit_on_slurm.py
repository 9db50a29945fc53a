"""The experiment's ways to submit, on a real cluster: `lrdash submit`, the script, sbatch by hand.

sweep.yaml is replaced at its path, the scripts stay as they are. The smallest form runs little programs and
one real training; `make acceptance` trains all six runs each way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lrdash.scheduler.records import read_records
from lrdash.sweep.load import load_sweep
from tests.conftest import hold_training_lock
from tests.slurm.cluster import Cluster
from tests.slurm.experiment import FOLDER, GROUPS, Clone
from tests.waiting import wait_until

OPTIMIZER = "[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05"
PRINTS = "import os; print('trained on GPUs', os.environ['CUDA_VISIBLE_DEVICES'])"
WAITS = "import time; time.sleep(600)"


@pytest.fixture
def clone(tmp_path: Path, slurm_cluster: Cluster) -> Clone:
    return Clone(tmp_path / "clone", slurm_cluster)


def by_lrdash(clone: Clone) -> list[str]:
    finished = clone.lrdash("submit")
    assert finished.returncode == 0, finished.stderr
    return re.findall(r"^\w+ \[0,1,2\]: job (\d+)$", finished.stdout, re.MULTILINE)


def by_script(clone: Clone) -> list[str]:
    finished = clone.call(f"./{FOLDER}/submit_lr_experiment.sh")
    assert finished.returncode == 0, finished.stderr
    return re.findall(r"^(?:text|vision): job (\d+),", finished.stdout, re.MULTILINE)


def by_hand(clone: Clone) -> list[str]:
    """The two lines of the experiment's own instructions."""
    jobs = []
    for group in GROUPS:
        finished = clone.call("sbatch", f"{FOLDER}/lr_experiment_{group}_trainagreeing.sbatch")
        assert finished.returncode == 0, finished.stderr
        jobs.append(finished.stdout.split()[-1])
    return jobs


WAYS: list[Callable[[Clone], list[str]]] = [by_lrdash, by_script, by_hand]


@pytest.mark.parametrize("submit", WAYS)
def test_two_array_jobs_six_completed_tasks(clone: Clone, submit: Callable[[Clone], list[str]]) -> None:
    clone.run_program(PRINTS)
    jobs = submit(clone)
    assert len(jobs) == 2
    assert clone.wait_for_end(jobs, 60) == ["COMPLETED"] * 6
    assert clone.scripts_are_unchanged()
    for job, group in zip(jobs, GROUPS, strict=True):
        for index in range(3):
            out = clone.log(f"{job}_{index}")
            assert f"group={group} index={index} " in out
            assert f"job={job}_{index} restart=0" in out
            assert re.search(r"^trained on GPUs \d,\d$", out, re.MULTILINE)


def check_training(clone: Clone, task: str, index: int) -> None:
    lines = clone.log(task).splitlines()
    assert lines.count(OPTIMIZER) == (1 if index == 2 else 0), f"{task}: {clone.log(task, 'err')[-2000:]}"
    assert any("world size: 2" in line for line in lines)


@pytest.mark.training
def test_one_real_training_of_two_processes(clone: Clone, demo_data: Path) -> None:
    clone.train_tiny(demo_data)
    with hold_training_lock():
        finished = clone.lrdash("submit", "--group", "text", "--index", "2")
        assert finished.returncode == 0, finished.stderr
        job = finished.stdout.split()[-1]
        states = clone.wait_for_end([job], 200)
    assert states == ["COMPLETED"], clone.log(f"{job}_2", "err")[-3000:]
    check_training(clone, f"{job}_2", 2)


@pytest.mark.acceptance
@pytest.mark.training
@pytest.mark.parametrize("submit", WAYS)
def test_all_six_trainings(clone: Clone, submit: Callable[[Clone], list[str]], demo_data: Path) -> None:
    clone.train_tiny(demo_data, epochs=6)
    with hold_training_lock():
        jobs = submit(clone)
        assert clone.wait_for_end(jobs, 1200) == ["COMPLETED"] * 6
    assert clone.scripts_are_unchanged()
    for job in jobs:
        for index in range(3):
            check_training(clone, f"{job}_{index}", index)
    status = json.loads(clone.lrdash("status", "--json").stdout)
    verdicts = [
        check["verdict"] for run in status["runs"] for check in run["checks"] if check["name"] == "optimizer"
    ]
    assert verdicts == ["PASS"] * 6


# Prints what the trainer prints, except: text 0 (uniform) has the line of the separate rates, text 2 has the
# rates swapped, vision 2 has no line at all.
PLANTED = """
import sys
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
run = args["--output_dir"].rpartition("/")[2]
line = "[INFO] Using custom classification optimizer with backbone_lr=%s, head_lr=%s"
print("[INFO] Process rank: 0, world size: 2, device: cpu, compute dtype: torch.float32")
if run == "text_trainagreeing_lr_2e5":
    print(line % ("2.00e-06", "2.00e-05"))
if run == "text_trainagreeing_lr_2e5_backbone_2e6":
    print(line % ("2.00e-05", "2.00e-06"))
head = float(args["--learning_rate"])
backbone = float(args.get("--cls_backbone_learning_rate", head))
row = {"loss": 0.69, "learning_rate": head, "cls_backbone_learning_rate": backbone, "epoch": 0.1, "step": 10}
print(row)
"""


def test_planted_faults_are_seen(clone: Clone) -> None:
    clone.run_program(PLANTED)
    jobs = by_lrdash(clone)
    assert clone.wait_for_end(jobs, 60) == ["COMPLETED"] * 6

    def verdicts() -> dict[tuple[str, int], str]:
        status = json.loads(clone.lrdash("status", "--json").stdout)
        found = [(run["group"], run["index"], run["checks"]) for run in status["runs"]]
        return {
            (group, index): check["verdict"]
            for group, index, checks in found
            for check in checks
            if check["name"] == "optimizer"
        }

    assert verdicts() == {
        ("text", 0): "FORBIDDEN", ("text", 1): "PASS", ("text", 2): "WRONG_VALUE",
        ("vision", 0): "PASS", ("vision", 1): "PASS", ("vision", 2): "MISSING",
    }  # fmt: skip


def test_submit_works_from_any_directory(clone: Clone) -> None:
    clone.run_program(PRINTS)
    sweep = clone.root / FOLDER / "sweep.yaml"
    finished = clone.call("bash", "-c", f"cd / && lrdash --sweep {sweep} submit --group text --index 1")
    assert finished.returncode == 0, finished.stderr
    job = finished.stdout.split()[-1]
    assert clone.wait_for_end([job], 30) == ["COMPLETED"]
    assert "trained" in clone.log(f"{job}_1")


def test_the_record_tells_what_was_submitted(clone: Clone) -> None:
    clone.run_program(PRINTS)
    jobs = by_lrdash(clone)
    records = read_records(load_sweep(clone.root / FOLDER / "sweep.yaml"))
    assert [(record.group, record.job, record.state) for record in records] == [
        ("text", jobs[0], "submitted"),
        ("vision", jobs[1], "submitted"),
    ]
    assert records[0].command[0] == "sbatch"
    assert records[0].git_commit
    assert records[0].token == records[1].token
    comment = clone.cluster.run("squeue", "-h", "-t", "all", "-j", jobs[0], "-o", "%k").split()[0]
    assert records[0].token in comment
    clone.wait_for_end(jobs, 60)


def test_a_second_submit_is_refused_while_the_first_runs(clone: Clone) -> None:
    clone.run_program(WAITS)
    job = by_lrdash(clone)[0]
    second = clone.lrdash("submit", "--group", "text")
    assert second.returncode == 2
    assert (
        f"already queued or running: text:0 ({job}_0), text:1 ({job}_1), text:2 ({job}_2);" in second.stderr
    )
    assert len(list((clone.root / "logs/lr_experiment_v7/submissions").glob("*.json"))) == 2


def test_a_hand_submitted_job_is_known_too(clone: Clone) -> None:
    clone.run_program(WAITS)
    by_hand(clone)
    assert "already queued or running: text:0" in clone.lrdash("submit").stderr


def test_dry_run_prints_commands_that_work(clone: Clone) -> None:
    clone.run_program(PRINTS)
    finished = clone.lrdash("submit", "--dry-run", "--", "--time=5")
    assert finished.returncode == 0, finished.stderr
    commands = finished.stdout.splitlines()
    assert all(command.startswith("env LRDASH_VENV=") and " sbatch " in command for command in commands)
    assert [path.name for path in (clone.root / "logs/lr_experiment_v7").iterdir()] == [".gitkeep"]
    job = clone.call("bash", "-c", commands[0]).stdout.strip()
    assert clone.cluster.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%l").split()[0] == "5:00"


def test_a_refused_first_group_stops_everything(clone: Clone) -> None:
    clone.run_program(PRINTS)
    finished = clone.lrdash("submit", "--", "--partition=nope")
    assert finished.returncode == 2
    assert "invalid partition specified: nope" in finished.stderr
    assert clone.cluster.run("squeue", "-h") == ""


def test_a_group_that_only_slurm_itself_refuses(clone: Clone) -> None:
    """Text is accepted, vision asks for a node that is not there: both are told, nothing is cancelled."""
    clone.run_program(WAITS)
    script = clone.root / FOLDER / "lr_experiment_vision_trainagreeing.sbatch"
    finished = clone.lrdash("submit", "--group", "text")
    text = finished.stdout.split()[-1]
    script.write_text(script.read_text().replace("--nodes=1", "--nodes=1 --constraint=none"))
    refused = clone.lrdash("submit", "--group", "vision")
    assert refused.returncode == 2
    assert "Invalid feature specification" in refused.stderr
    assert set(clone.cluster.states(text)) <= {"RUNNING", "PENDING"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--partition=tiny",), "partition tiny allows 00:05:00 at most and would let the job wait for ever"),
        (("--partition=down", "--time=5"), "partition down is DOWN"),
        (("--gres=gpu:200",), "Requested node configuration is not available"),
    ],
)
def test_what_sbatch_would_accept_and_never_start(clone: Clone, options: tuple[str, ...], said: str) -> None:
    clone.run_program(PRINTS)
    finished = clone.lrdash("submit", "--", *options)
    assert finished.returncode == 2, finished.stdout
    assert said in finished.stderr
    assert clone.cluster.run("squeue", "-h") == ""


def test_a_wrong_directory_is_one_line_in_the_log(clone: Clone) -> None:
    clone.run_program(PRINTS)
    elsewhere = clone.root / "elsewhere"
    elsewhere.mkdir()
    script = clone.root / FOLDER / "lr_experiment_text_trainagreeing.sbatch"
    job = clone.call(
        "sbatch",
        "--parsable",
        "--array=0",
        f"--chdir={elsewhere}",
        "--output=%A_%a.out",
        "--error=%A_%a.err",
        str(script),
    ).stdout.strip()
    assert clone.wait_for_end([job], 30) == ["FAILED"]
    err = (elsewhere / f"{job}_0.err").read_text()
    assert (
        f"lrdash: {elsewhere} has no sbatch/final_sweep_v7/sweep.yaml: submit from the root of the project"
        in err
    )


def test_no_lrdash_on_the_node_is_one_line_in_the_log(clone: Clone) -> None:
    clone.run_program(PRINTS)
    (clone.root / ".venv").unlink()
    script = f"{FOLDER}/lr_experiment_text_trainagreeing.sbatch"
    job = clone.call("sbatch", "--parsable", "--array=0", script, PATH="/usr/bin:/bin").stdout.strip()
    assert clone.wait_for_end([job], 30) == ["FAILED"]
    assert "lrdash: no lrdash on PATH: install it into" in wait_until(lambda: clone.log(f"{job}_0", "err"))


def test_the_submit_script_stops_at_the_first_refusal(clone: Clone) -> None:
    finished = clone.call(f"./{FOLDER}/submit_lr_experiment.sh", SBATCH_PARTITION="nope")
    assert finished.returncode == 1
    assert "text was refused: nothing after it was submitted" in finished.stderr
    assert clone.cluster.run("squeue", "-h") == ""
