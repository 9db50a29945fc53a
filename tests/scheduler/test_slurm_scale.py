"""A queue with ten thousand jobs of other people."""

from __future__ import annotations

import os
import time

import pytest

from lrdash.scheduler.slurm import SlurmScheduler
from tests.slurm.cluster import Cluster
from tests.slurm.configuration import Settings
from tests.slurm.crowd import fill_queue
from tests.slurm.fixtures import require_slurm


def poll(jobs: int) -> list[float]:
    """Seconds of polls for one user and for two, among `jobs` jobs of the second."""
    require_slurm()
    if os.getuid():
        pytest.skip("needs root to submit as somebody else; run the tests as root")
    with Cluster(settings=Settings(nodes=1)) as cluster:
        fill_queue(cluster, jobs)
        cluster.sbatch("--array=0-2")
        scheduler = SlurmScheduler(cluster.environment)
        durations = []
        for users, tasks in ((["root"], 3), (["root", "nobody"], 3 + jobs)):
            calls, started = scheduler.command_log.total, time.perf_counter()
            reading = scheduler.read_queue(users)
            durations.append(time.perf_counter() - started)
            assert scheduler.command_log.total == calls + 1, "one question for everything"
            assert (len(reading.tasks), reading.unparsed_lines) == (tasks, 0)
    print(f"{jobs} jobs of others: one user {durations[0]:.3f} s, with theirs {durations[1]:.3f} s")
    return durations


def test_a_hundred_other_jobs() -> None:
    poll(100)


@pytest.mark.acceptance
def test_ten_thousand_other_jobs() -> None:
    one_user, everything = poll(10_000)

    assert one_user < 0.5
    assert everything < 3
