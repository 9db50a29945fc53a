"""Each state that a task can be in, made on a real cluster and seen through the scheduler."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lrdash.scheduler.base import Task
from lrdash.scheduler.reasons import explain_reason, never_starts
from lrdash.scheduler.slurm import SlurmScheduler
from tests.slurm.cluster import Cluster
from tests.waiting import wait_until

USER = getpass.getuser()


@pytest.fixture
def scheduler(slurm_cluster: Cluster) -> Iterator[SlurmScheduler]:
    scheduler = SlurmScheduler(slurm_cluster.environment)
    yield scheduler
    scheduler.close()


@dataclass(frozen=True)
class Case:
    """How to bring a task into a state."""

    options: tuple[str, ...]
    state: str
    reason: str | None = None
    """How Slurm's reason begins."""
    wrap: str = "sleep 600"
    vain: bool = False
    """Whether it will never start."""


CASES = {
    "running": Case((), "RUNNING"),
    "completed": Case((), "COMPLETED", wrap="true"),
    "failed": Case((), "FAILED", "NonZeroExitCode", wrap="exit 3"),
    "held": Case(("--hold",), "PENDING", "JobHeldUser"),
    "begins later": Case(("--begin=now+2hours",), "PENDING", "BeginTime"),
    "over the partition's limit": Case(
        ("--partition=tiny", "--time=2:00:00"), "PENDING", "PartitionTimeLimit", vain=True
    ),
    "partition down": Case(("--partition=down", "--time=5"), "PENDING", "PartitionDown"),
}


def find(scheduler: SlurmScheduler, task: str) -> Task | None:
    return next((one for one in scheduler.read_queue([USER]).tasks if one.id == task), None)


def wait_for(scheduler: SlurmScheduler, task: str, state: str, reason: str = "", seconds: float = 15) -> Task:
    def reached() -> Task | None:
        found = find(scheduler, task)
        return found if found and found.state == state and (found.reason or "").startswith(reason) else None

    found = wait_until(reached, seconds, f"{task} {state} {reason}")
    assert found is not None
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_state_and_its_reason(slurm_cluster: Cluster, scheduler: SlurmScheduler, case: Case) -> None:
    job = slurm_cluster.sbatch(*case.options, wrap=case.wrap)

    task = wait_for(scheduler, job, case.state, case.reason or "")

    assert bool(explain_reason(task.reason)) is (case.reason is not None)
    assert never_starts(task.reason) is case.vain
    assert task.user == USER
    assert task.submitted is not None


def test_the_array_limit_throttles(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch("--array=0-2%1")

    wait_for(scheduler, f"{job}_0", "RUNNING")
    for index in (1, 2):
        task = wait_for(scheduler, f"{job}_{index}", "PENDING", "JobArrayTaskLimit")
        assert task.time_limit_seconds == 3600


def test_a_full_cluster_makes_the_next_wait(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    first = slurm_cluster.sbatch("--array=0-1", "--gres=gpu:8", "--time=10")
    wait_for(scheduler, f"{first}_1", "RUNNING")
    second = slurm_cluster.sbatch("--gres=gpu:8", "--time=10")

    waiting = wait_for(scheduler, second, "PENDING", "Resources")

    running = find(scheduler, f"{first}_0")
    assert running is not None
    assert running.started is not None
    expected = wait_until(lambda: (find(scheduler, second) or waiting).started, 15, "an expected start")
    assert expected is not None
    assert expected >= running.started + 9 * 60


def test_a_dependency_that_failed(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    failing = slurm_cluster.sbatch(wrap="exit 1")
    dependent = slurm_cluster.sbatch(f"--dependency=afterok:{failing}")

    task = wait_for(scheduler, dependent, "PENDING", "DependencyNeverSatisfied")

    assert never_starts(task.reason)


def test_completing_then_cancelled(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch(wrap="trap '' TERM; sleep 6")
    wait_for(scheduler, job, "RUNNING")

    scheduler.cancel([job])

    wait_for(scheduler, job, "COMPLETING")
    wait_for(scheduler, job, "CANCELLED")


def test_cancelled_while_pending_and_nobody_keeps_accounts(
    slurm_cluster: Cluster, scheduler: SlurmScheduler
) -> None:
    job = slurm_cluster.sbatch("--array=0-2", "--hold")
    tasks = [f"{job}_{index}" for index in range(3)]
    wait_for(scheduler, tasks[0], "PENDING", "JobHeldUser")

    scheduler.cancel(tasks[1:2])

    assert find(scheduler, tasks[1]) is None, "Slurm keeps no record of a task cancelled while pending"
    assert find(scheduler, tasks[2]) is not None
    scheduler.cancel([tasks[0], tasks[2]])
    settled = scheduler.settle(tasks)
    assert {task: one.task.state for task, one in settled.items()} == dict.fromkeys(tasks, "CANCELLED")


def test_without_accounting_the_controller_is_asked(
    slurm_cluster: Cluster, scheduler: SlurmScheduler
) -> None:
    job = slurm_cluster.sbatch("--array=0-1", wrap="exit $SLURM_ARRAY_TASK_ID")
    wait_for(scheduler, f"{job}_1", "FAILED")

    settled = scheduler.settle([f"{job}_0", f"{job}_1"])

    assert settled[f"{job}_0"].task.state == "COMPLETED"
    assert settled[f"{job}_1"].task.state == "FAILED"
    assert settled[f"{job}_1"].task.exit_code == "1:0"
    assert settled[f"{job}_1"].usage is None


def test_requeued_by_hand(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch()
    wait_for(scheduler, job, "RUNNING")

    scheduler.requeue([job])

    wait_for(scheduler, job, "PENDING", "BeginTime")
    assert "Restarts=1" in slurm_cluster.run("scontrol", "show", "job", job).split()


@pytest.mark.acceptance
def test_a_requeued_task_runs_again(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch()
    first = wait_for(scheduler, job, "RUNNING")

    scheduler.requeue([job])

    wait_for(scheduler, job, "PENDING")
    second = wait_for(scheduler, job, "RUNNING", seconds=30)
    assert second.id == first.id
    assert (second.started or 0) > (first.started or 0)


def test_preempted_tasks_are_requeued(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch("--array=0-1", "--gres=gpu:8")
    wait_for(scheduler, f"{job}_1", "RUNNING")

    slurm_cluster.sbatch("--partition=urgent", "--nodes=2", "--gres=gpu:8")

    wait_for(scheduler, f"{job}_0", "PENDING")
    wait_for(scheduler, f"{job}_1", "PENDING")


def test_a_node_that_goes_down(own_slurm_cluster: Cluster) -> None:
    scheduler = SlurmScheduler(own_slurm_cluster.environment)
    job = own_slurm_cluster.sbatch("--no-requeue")
    wait_for(scheduler, job, "RUNNING")

    own_slurm_cluster.stop("slurmd-node01")
    own_slurm_cluster.run("scontrol", "update", "nodename=node01", "state=down", "reason=test")

    task = wait_for(scheduler, job, "NODE_FAIL")
    assert explain_reason(task.reason) == "its node went down"
    assert scheduler.settle([job])[job].task.state == "NODE_FAIL"


def test_out_of_memory(slurm_memory_cluster: Cluster) -> None:
    scheduler = SlurmScheduler(slurm_memory_cluster.environment)
    script = "python3 -c 'x = bytearray(200 << 20)'"
    job = slurm_memory_cluster.sbatch("--mem=50M", wrap=script)

    task = wait_for(scheduler, job, "OUT_OF_MEMORY")

    assert explain_reason(task.reason) == "used more memory than it asked for"
    assert scheduler.settle([job])[job].task.exit_code == "0:125"


@pytest.mark.acceptance
@pytest.mark.timeout(200)
def test_a_time_limit(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch("--time=0:01")

    task = wait_for(scheduler, job, "TIMEOUT", "TimeLimit", seconds=150)

    assert task.time_limit_seconds == 60
