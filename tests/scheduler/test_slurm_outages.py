"""A Slurm that does not answer: what we say, that we recover, and that nobody waits for it."""

from __future__ import annotations

import getpass
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from lrdash.errors import (
    AuthenticationError,
    NoConfigurationError,
    NotInstalledError,
    SchedulerError,
    TimedOutError,
    UnreachableError,
)
from lrdash.scheduler.base import Submission
from lrdash.scheduler.slurm import SlurmScheduler
from tests.scheduler.test_slurm_scheduler import with_token
from tests.slurm.cluster import Cluster
from tests.waiting import wait_until

USER = getpass.getuser()


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    script = tmp_path / "train.sbatch"
    script.write_text("#!/bin/bash\n#SBATCH --output=/dev/null --mem=10M\nsleep 600\n")
    return Submission(
        group="text", script=script, job_name="sweep_text", indices=(0, 1), work_dir=tmp_path,
        token=secrets.token_hex(4),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("break_it", "daemon", "error", "words"),
    [
        (Cluster.freeze, "slurmctld", TimedOutError, "squeue: slurm_load_jobs error: Socket timed out"),
        (Cluster.stop, "slurmctld", UnreachableError, "Unable to contact slurm controller"),
        (Cluster.stop, "munged", AuthenticationError, "Munge encode failed"),
    ],
    ids=["controller frozen", "controller stopped", "munge down"],
)
def test_an_outage_is_named_and_passes(
    own_slurm_cluster: Cluster, break_it: object, daemon: str, error: type[SchedulerError], words: str
) -> None:
    scheduler = SlurmScheduler(own_slurm_cluster.environment)
    job = own_slurm_cluster.sbatch()
    assert callable(break_it)
    break_it(own_slurm_cluster, daemon)

    with pytest.raises(error, match=words) as caught:
        scheduler.read_queue([USER])

    assert type(caught.value) is error
    if break_it is Cluster.freeze:
        own_slurm_cluster.thaw(daemon)
    else:
        own_slurm_cluster.start(daemon)
    assert [task.id for task in scheduler.read_queue([USER]).tasks] == [job]


def test_no_configuration(tmp_path: Path, own_slurm_cluster: Cluster) -> None:
    empty = tmp_path / "slurm.conf"
    empty.touch()
    scheduler = SlurmScheduler({**own_slurm_cluster.environment, "SLURM_CONF": str(empty)})

    with pytest.raises(NoConfigurationError, match="run on a login node or set SLURM_CONF"):
        scheduler.read_queue([USER])


def test_slurm_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(NotInstalledError, match="squeue: not on PATH"):
        SlurmScheduler({"PATH": str(tmp_path)}).read_queue([USER])


def test_closing_does_not_wait_for_a_hanging_command(own_slurm_cluster: Cluster) -> None:
    """With a slurm.conf that is missing, Slurm's own clients try for 60 seconds."""
    scheduler = SlurmScheduler({**own_slurm_cluster.environment, "SLURM_CONF": "/nonexistent/slurm.conf"})
    errors: list[SchedulerError] = []

    def poll() -> None:
        try:
            scheduler.read_queue([USER])
        except SchedulerError as error:
            errors.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    time.sleep(0.3)  # squeue is running by now; earlier, the test would pass just as well
    started = time.monotonic()
    scheduler.close()
    thread.join(10)

    assert time.monotonic() - started < 1
    assert isinstance(errors[0], UnreachableError)


def submit_to_a_frozen_controller(cluster: Cluster, submission: Submission) -> str:
    """The id of the job that an sbatch without an answer made all the same."""
    scheduler = SlurmScheduler(cluster.environment)
    cluster.freeze("slurmctld")
    try:
        with pytest.raises(TimedOutError, match=r"Socket timed out.*may still have been done"):
            scheduler.submit(submission)
    finally:
        cluster.thaw("slurmctld")
    found = wait_until(lambda: with_token(scheduler, submission.token), 15, "the job of that token")
    assert [task.index for task in found] == [0, 1]
    (job,) = {task.job for task in found}
    return job


def test_a_submission_without_an_answer_is_found_by_its_token(
    own_slurm_cluster: Cluster, submission: Submission
) -> None:
    job = submit_to_a_frozen_controller(own_slurm_cluster, submission)

    names = own_slurm_cluster.run("squeue", "-h", "-o", "%F %j").splitlines()
    assert set(names) == {f"{job} sweep_text"}


@pytest.mark.acceptance
def test_twenty_submissions_without_an_answer(own_slurm_cluster: Cluster, submission: Submission) -> None:
    jobs = []
    for _ in range(20):
        token = secrets.token_hex(4)
        one = Submission(
            group=submission.group, script=submission.script, job_name=f"sweep_{token}", indices=(0, 1),
            work_dir=submission.work_dir, token=token,
        )  # fmt: skip
        jobs.append(submit_to_a_frozen_controller(own_slurm_cluster, one))

    everything = own_slurm_cluster.run("squeue", "-h", "-t", "all", "-o", "%F").split()
    assert len(jobs) == 20
    assert sorted(set(everything)) == sorted(jobs), "never two jobs, never another"


def _sbatch_of(token: str) -> bool:
    """Whether an sbatch with this token runs."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if b"sbatch\0" in command and token.encode() in command:
                return True
    return False


def test_closing_leaves_a_running_sbatch_alone(own_slurm_cluster: Cluster, submission: Submission) -> None:
    scheduler = SlurmScheduler(own_slurm_cluster.environment)
    own_slurm_cluster.freeze("slurmctld")
    errors: list[SchedulerError] = []

    def submit() -> None:
        try:
            scheduler.submit(submission)
        except SchedulerError as error:
            errors.append(error)

    thread = threading.Thread(target=submit)
    thread.start()
    wait_until(lambda: _sbatch_of(submission.token), what="sbatch")
    scheduler.close()
    thread.join(1)

    assert not thread.is_alive()
    assert isinstance(errors[0], UnreachableError)
    assert _sbatch_of(submission.token), "closing killed it"
    own_slurm_cluster.thaw("slurmctld")
    another = SlurmScheduler(own_slurm_cluster.environment)
    wait_until(lambda: with_token(another, submission.token), 15)
