"""What became of tasks, as a cluster with slurmdbd tells it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lrdash.errors import UnreachableError
from lrdash.scheduler.base import SettledTask, TaskUsage
from lrdash.scheduler.slurm import SlurmScheduler
from tests.slurm.cluster import Cluster
from tests.waiting import wait_until


@pytest.fixture
def scheduler(slurm_accounting_cluster: Cluster) -> Iterator[SlurmScheduler]:
    scheduler = SlurmScheduler(slurm_accounting_cluster.environment)
    yield scheduler
    scheduler.close()


def wait_settled(scheduler: SlurmScheduler, *tasks: str) -> dict[str, SettledTask]:
    return (
        wait_until(lambda: (found := scheduler.settle(tasks)) and _have_ended(found, tasks) and found, 15)
        or {}
    )


def _have_ended(found: dict[str, SettledTask], tasks: tuple[str, ...]) -> bool:
    return found.keys() == set(tasks) and all(each.task.is_finished for each in found.values())


def test_ended_tasks_and_what_they_used(slurm_accounting_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    busy = "import time; x = bytearray(100 << 20); time.sleep(3)"
    job = slurm_accounting_cluster.sbatch(
        "--array=0-1", "--mem=300M", "--cpus-per-task=2", "-J", "a\nb|c",
        wrap=f"test $SLURM_ARRAY_TASK_ID = 0 && exec python3 -c '{busy}'; exit 3",
    )  # fmt: skip

    settled = wait_settled(scheduler, f"{job}_0", f"{job}_1")

    first, second = settled[f"{job}_0"], settled[f"{job}_1"]
    assert first.task.state == "COMPLETED"
    assert second.task.state == "FAILED"
    wait_until(lambda: _exit_code(scheduler, f"{job}_1") == "3:0", 15)
    ended = wait_until(
        lambda: scheduler.settle([f"{job}_0"])[f"{job}_0"].task.ended, 30, "the time of its end"
    )
    assert first.task.started is not None
    assert ended is not None
    assert ended >= first.task.started
    usage = wait_until(lambda: _usage(scheduler, f"{job}_0"), 30, "MaxRSS of the batch step")
    assert usage is not None
    assert usage.max_rss_bytes is not None
    assert 100 << 20 <= usage.max_rss_bytes < 300 << 20
    assert usage.requested_memory_bytes == 300 << 20
    assert usage.allocated_cpus == 2


def _usage(scheduler: SlurmScheduler, task: str) -> TaskUsage | None:
    settled = scheduler.settle([task]).get(task)
    return settled.usage if settled and settled.usage and settled.usage.max_rss_bytes else None


def _exit_code(scheduler: SlurmScheduler, task: str) -> str | None:
    settled = scheduler.settle([task]).get(task)
    return settled.task.exit_code if settled else None


def test_a_running_task_is_known_to_run(slurm_accounting_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_accounting_cluster.sbatch()
    wait_until(lambda: slurm_accounting_cluster.states(job) == ["RUNNING"])

    task = scheduler.settle([job])[job].task
    assert (task.state, task.exit_code) == ("RUNNING", None)


def test_cancelled_while_pending(slurm_accounting_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_accounting_cluster.sbatch("--array=0-2", "--hold")

    scheduler.cancel([f"{job}_1"])
    scheduler.cancel([f"{job}_0", f"{job}_2"])

    settled = wait_settled(scheduler, f"{job}_0", f"{job}_2")
    assert {one.task.state for one in settled.values()} == {"CANCELLED"}


def test_a_database_that_is_down_does_not_hide_what_the_controller_knows(
    slurm_accounting_cluster: Cluster, scheduler: SlurmScheduler
) -> None:
    cluster = slurm_accounting_cluster
    job = cluster.sbatch(wrap="exit 4")
    wait_until(lambda: cluster.states(job) == ["FAILED"])
    cluster.stop("slurmdbd")
    try:
        settled = scheduler.settle([job])
        assert (settled[job].task.state, settled[job].task.exit_code) == ("FAILED", "4:0")
        with pytest.raises(UnreachableError, match=r"sacct: .*Connection refused"):
            scheduler.settle(["999999"])
        assert scheduler.read_queue(["root"]).unparsed_lines == 0
    finally:
        cluster.start("slurmdbd")
    wait_until(lambda: (found := scheduler.settle([job]).get(job)) and found.usage, 30, "recovery")
