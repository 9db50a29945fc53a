"""Another user's jobs: refused clearly, watched freely. Slurm's programs run as `nobody` here."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdash.errors import PermissionDeniedError
from lrdash.scheduler.slurm import SlurmScheduler
from tests.slurm.cluster import Cluster
from tests.waiting import wait_until

PROGRAMS = ("squeue", "scancel", "scontrol", "sbatch", "sacct")


@pytest.fixture
def colleague(slurm_cluster: Cluster, tmp_path: Path) -> Iterator[SlurmScheduler]:
    """A scheduler whose programs are run by another, unprivileged user."""
    if os.getuid() or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv to become another user; run the tests as root")
    nobody = pwd.getpwnam("nobody")
    for program in PROGRAMS:
        wrapper = tmp_path / program
        wrapper.write_text(
            f"#!/bin/sh\nexec setpriv --reuid={nobody.pw_uid} --regid={nobody.pw_gid} --clear-groups"
            f' {shutil.which(program)} "$@"\n'
        )
        wrapper.chmod(0o755)
    environment = slurm_cluster.environment
    scheduler = SlurmScheduler({**environment, "PATH": f"{tmp_path}:{environment['PATH']}"})
    yield scheduler
    scheduler.close()


def test_anothers_jobs_can_be_watched(slurm_cluster: Cluster, colleague: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch(
        "--array=0-1", "--comment=lrdash:cafe0000", f"--output={slurm_cluster.directory}/%A_%a"
    )
    wait_until(lambda: slurm_cluster.states(job) == ["RUNNING"] * 2)

    tasks = [task for task in colleague.read_queue(["root"]).tasks if task.job == job]

    assert [(task.state, task.user, task.comment) for task in tasks] == [
        ("RUNNING", "root", "lrdash:cafe0000")
    ] * 2
    assert colleague.log_paths(job, [1])[1].out == slurm_cluster.directory / f"{job}_1"
    assert colleague.read_queue(["nobody"]).tasks == ()


@pytest.mark.parametrize("action", ["cancel", "requeue", "set_time_limit", "hold", "release"])
def test_anothers_jobs_are_left_alone(slurm_cluster: Cluster, colleague: SlurmScheduler, action: str) -> None:
    options = {"hold": ("--begin=now+1hour",), "release": ("--hold",)}.get(action, ())
    job = slurm_cluster.sbatch(*options)
    state = "PENDING" if options else "RUNNING"
    wait_until(lambda: slurm_cluster.states(job) == [state])
    arguments = ([job], 60) if action == "set_time_limit" else ([job],)

    with pytest.raises(PermissionDeniedError, match="the job belongs to somebody else"):
        getattr(colleague, action)(*arguments)

    assert slurm_cluster.states(job) == [state]
