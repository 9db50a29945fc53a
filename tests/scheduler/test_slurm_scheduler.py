"""The scheduler against a real cluster: submit, see, find the logs, cancel."""

from __future__ import annotations

import getpass
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lrdash.errors import RefusedError
from lrdash.scheduler.base import TOKEN_PREFIX, Submission, Task
from lrdash.scheduler.slurm import SlurmScheduler
from tests.slurm.cluster import Cluster
from tests.waiting import wait_until

USER = getpass.getuser()
SCRIPT = """\
#!/bin/bash
#SBATCH --output=logs/%A_%a.out
#SBATCH --error=logs/%A_%a.err
#SBATCH --mem=10M
#SBATCH --gres=gpu:2
echo "index $SLURM_ARRAY_TASK_ID gpus $CUDA_VISIBLE_DEVICES rate $RATE"
sleep 600
"""


@pytest.fixture
def scheduler(slurm_cluster: Cluster) -> Iterator[SlurmScheduler]:
    scheduler = SlurmScheduler(slurm_cluster.environment)
    yield scheduler
    scheduler.close()


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    (tmp_path / "logs").mkdir()
    script = tmp_path / "train.sbatch"
    script.write_text(SCRIPT)
    return Submission(
        group="text",
        script=script,
        job_name='sweep | "text"\n[red]é\x1f',
        indices=(0, 2),
        work_dir=tmp_path,
        token=secrets.token_hex(4),
        environment={"RATE": "2e-5"},
    )


def job_tasks(scheduler: SlurmScheduler, job: str, state: str = "") -> list[Task]:
    """The tasks of one job; with a state, only when all of them are in it."""
    tasks = [task for task in scheduler.read_queue([USER]).tasks if task.job == job]
    return tasks if all(task.state == (state or task.state) for task in tasks) else []


def with_token(scheduler: SlurmScheduler, token: str) -> list[Task]:
    """The user's tasks in the queue whose job was submitted with this token."""
    return [task for task in scheduler.read_queue([USER]).tasks if task.comment == f"{TOKEN_PREFIX}{token}"]


def test_a_submitted_array_runs_and_its_logs_are_found(
    scheduler: SlurmScheduler, submission: Submission
) -> None:
    job = scheduler.submit(submission)

    tasks = wait_until(lambda: job_tasks(scheduler, job, "RUNNING"))

    assert {task.id for task in tasks} == {f"{job}_0", f"{job}_2"}
    assert {task.name for task in tasks} == {submission.job_name}
    assert {task.work_dir for task in tasks} == {str(submission.work_dir)}
    paths = scheduler.log_paths(job, (0, 1, 2))
    assert set(paths) == {0, 2}
    assert paths[2].err == submission.work_dir / "logs" / f"{job}_2.err"
    text = wait_until(lambda: paths[2].out.exists() and paths[2].out.read_text(), 10)
    assert text in ("index 2 gpus 2,3 rate 2e-5\n", "index 2 gpus 0,1 rate 2e-5\n")


def test_a_job_carries_its_token(scheduler: SlurmScheduler, submission: Submission) -> None:
    job = scheduler.submit(submission)

    assert {task.job for task in with_token(scheduler, submission.token)} == {job}
    assert with_token(scheduler, "another") == []


def test_a_cancelled_index_leaves_the_others_alone(scheduler: SlurmScheduler, submission: Submission) -> None:
    job = scheduler.submit(submission)
    wait_until(lambda: job_tasks(scheduler, job, "RUNNING"))

    scheduler.cancel([f"{job}_0"])

    states = {task.id: task.state for task in job_tasks(scheduler, job)}
    assert states[f"{job}_2"] == "RUNNING"
    assert states[f"{job}_0"] in ("COMPLETING", "CANCELLED")


def test_a_check_tells_when_it_would_start_and_submits_nothing(
    scheduler: SlurmScheduler, submission: Submission
) -> None:
    words = scheduler.check(submission)

    assert re.match(r"Job \d+ to start at \d{4}-\d\d-\d\dT.* in partition ailab$", words)
    assert with_token(scheduler, submission.token) == []


def test_a_check_tells_why_it_would_be_refused(scheduler: SlurmScheduler, submission: Submission) -> None:
    refused = msgspec.structs.replace(submission, options=("--partition=nope",))

    with pytest.raises(RefusedError, match=r"invalid partition specified: nope;.*`sinfo -s` lists"):
        scheduler.check(refused)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--partition=tiny", "--time=2:00:00"), "partition tiny allows 00:05:00 at most"),
        (("--partition=down", "--time=5"), "partition down is DOWN"),
    ],
)
def test_a_check_tells_what_slurm_would_accept_and_never_start(
    scheduler: SlurmScheduler, submission: Submission, options: tuple[str, ...], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        scheduler.check(msgspec.structs.replace(submission, options=options))


def test_a_refused_submission_leaves_nothing_that_could_run(
    scheduler: SlurmScheduler, submission: Submission
) -> None:
    """Slurm 22.05 keeps showing the refused array for a while, FAILED for BadConstraints."""
    refused = msgspec.structs.replace(submission, options=("--gres=gpu:99",))

    with pytest.raises(RefusedError, match="Requested node configuration is not available"):
        scheduler.submit(refused)

    assert all(task.is_finished for task in with_token(scheduler, submission.token))


def test_variables_that_change_squeue_and_sbatch_do_not(
    slurm_cluster: Cluster, submission: Submission
) -> None:
    hostile = {
        "SQUEUE_STATES": "RUNNING",
        "SQUEUE_PARTITION": "debug",
        "SQUEUE_FORMAT": "%j",
        "SQUEUE_ARRAY": "0",
        "SLURM_TIME_FORMAT": "relative",
        "SLURM_JOB_ID": "77",
        "SLURM_MEM_PER_CPU": "100",
        "SLURM_MEM_PER_NODE": "100",
    }
    scheduler = SlurmScheduler({**slurm_cluster.environment, **hostile})

    job = scheduler.submit(msgspec.structs.replace(submission, options=("--hold",)))

    tasks = job_tasks(scheduler, job, "PENDING")
    assert [task.index for task in tasks] == [0, 2]
    assert all(task.submitted and task.submitted > 1_700_000_000 for task in tasks)
