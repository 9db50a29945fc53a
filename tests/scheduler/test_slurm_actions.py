"""Cancel, requeue, hold, release, time limit: what happened is what is said."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdash.errors import InvalidJobError, RefusedError
from lrdash.scheduler.base import Task
from lrdash.scheduler.slurm import SlurmScheduler
from lrdash.scheduler.slurm.actions import CANCEL, REQUEUE
from tests.slurm.cluster import Cluster
from tests.slurm.configuration import Settings, find_program
from tests.slurm.fixtures import require_slurm
from tests.waiting import wait_until

USER = getpass.getuser()


@pytest.fixture
def scheduler(slurm_cluster: Cluster) -> Iterator[SlurmScheduler]:
    scheduler = SlurmScheduler(slurm_cluster.environment)
    yield scheduler
    scheduler.close()


def find(scheduler: SlurmScheduler, task: str) -> Task:
    return next(one for one in scheduler.read_queue([USER]).tasks if one.id == task)


def running_array(cluster: Cluster) -> str:
    job = cluster.sbatch("--array=0-2%2")
    wait_until(lambda: cluster.states(job).count("RUNNING") == 2)
    return job


def test_cancelling_what_is_not_there_is_said(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = running_array(slurm_cluster)

    with pytest.raises(RefusedError) as caught:
        scheduler.cancel([f"{job}_0", f"{job}_7", "99999999"])

    assert str(caught.value) == (
        f"{job}_7 is not in the queue; 99999999 is not in the queue; cancelled: {job}_0"
    )
    assert find(scheduler, f"{job}_1").state == "RUNNING"
    with pytest.raises(InvalidJobError, match="99999999 is not in the queue; nothing was cancelled"):
        scheduler.cancel(["99999999"])


def test_cancelling_what_has_ended_is_said(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = slurm_cluster.sbatch(wrap="true")
    wait_until(lambda: slurm_cluster.states(job) == ["COMPLETED"])

    with pytest.raises(RefusedError, match=f"{job} is COMPLETED.*; nothing was cancelled"):
        scheduler.cancel([job])


def test_cancelling_a_whole_array(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = running_array(slurm_cluster)

    scheduler.cancel([f"{job}_0", f"{job}_1", f"{job}_2"])

    wait_until(lambda: set(slurm_cluster.states(job)) <= {"CANCELLED"}, 20)


@pytest.fixture
def slow_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Its tasks are COMPLETING for some seconds after their end."""
    require_slurm()
    epilog = tmp_path / "epilog"
    epilog.write_text("#!/bin/sh\nsleep 4\n")
    epilog.chmod(0o755)
    with Cluster(settings=Settings(nodes=1, extra=f"Epilog={epilog}")) as cluster:
        yield cluster


def test_what_came_to_its_own_end_was_not_cancelled(slow_cluster: Cluster) -> None:
    scheduler = SlurmScheduler(slow_cluster.environment)
    running = slow_cluster.sbatch()
    wait_until(lambda: slow_cluster.states(running) == ["RUNNING"])
    ended = slow_cluster.sbatch(wrap="true")
    wait_until(lambda: slow_cluster.states(ended) == ["COMPLETING"], what="an end of its own")

    with pytest.raises(RefusedError) as caught:
        scheduler.cancel([ended, running])

    # A busy machine may take longer to ask than the task to complete.
    assert str(caught.value) in (
        f"{ended} is COMPLETING; cancelled: {running}",
        f"{ended} is COMPLETED, not active; cancelled: {running}",
    )
    wait_until(lambda: slow_cluster.states(ended) == ["COMPLETED"])
    wait_until(lambda: slow_cluster.states(running) == ["CANCELLED"], 20)


@pytest.mark.parametrize(
    ("before", "after", "cancelled"),
    [
        (Task("1", "RUNNING"), Task("1", "CANCELLED"), True),
        (Task("1", "RUNNING"), Task("1", "COMPLETING"), True),
        (Task("1", "RUNNING"), Task("1", "COMPLETING", "NonZeroExitCode"), False),
        (Task("1", "RUNNING"), Task("1", "COMPLETED"), False),
        (Task("1", "RUNNING"), Task("1", "FAILED"), False),
        (Task("1", "RUNNING"), None, False),
        (Task("1", "COMPLETING"), Task("1", "COMPLETING"), False),
        (Task("1", "COMPLETING"), Task("1", "CANCELLED"), True),
        (Task("1", "PENDING"), Task("1", "CANCELLED"), True),
        (Task("1", "PENDING"), None, True),
    ],
)
def test_what_counts_as_cancelled(before: Task, after: Task | None, cancelled: bool) -> None:
    assert CANCEL.happened(before, after) is cancelled


@pytest.mark.parametrize(
    ("before", "after", "requeued"),
    [
        (Task("1", "RUNNING"), Task("1", "PENDING"), True),
        (Task("1", "RUNNING"), Task("1", "COMPLETING"), True),
        (Task("1", "RUNNING"), Task("1", "COMPLETING", "NonZeroExitCode"), False),
        (Task("1", "COMPLETING"), Task("1", "COMPLETING"), False),
        (Task("1", "COMPLETING"), Task("1", "PENDING"), True),
        (Task("1", "RUNNING"), Task("1", "COMPLETED"), False),
        (Task("1", "RUNNING"), None, False),
    ],
)
def test_what_counts_as_requeued(before: Task, after: Task | None, requeued: bool) -> None:
    assert REQUEUE.happened(before, after) is requeued


def test_a_refusal_is_told_even_where_everything_is_as_asked(slurm_cluster: Cluster, tmp_path: Path) -> None:
    """Here scontrol does what it is asked and complains all the same."""
    wrapper = tmp_path / "scontrol"
    wrapper.write_text(
        f'#!/bin/sh\n{find_program("scontrol")} "$@"\necho "Requested operation denied" >&2\nexit 1\n'
    )
    wrapper.chmod(0o755)
    environment = {**slurm_cluster.environment, "PATH": f"{tmp_path}:{slurm_cluster.environment['PATH']}"}
    job = slurm_cluster.sbatch("--hold")

    with pytest.raises(RefusedError, match=f"Requested operation denied; released: {job}"):
        SlurmScheduler(environment).release([job])


def test_hold_and_release(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = running_array(slurm_cluster)

    scheduler.hold([f"{job}_2"])

    assert "Held" in (find(scheduler, f"{job}_2").reason or "")
    scheduler.release([f"{job}_2"])
    assert "Held" not in (find(scheduler, f"{job}_2").reason or "")


def test_a_running_task_is_not_held_by_accident(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = running_array(slurm_cluster)

    with pytest.raises(RefusedError, match=f"{job}_0 is RUNNING, not pending; nothing was held"):
        scheduler.hold([f"{job}_0"])

    assert find(scheduler, f"{job}_0").reason is None


def test_a_new_time_limit(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = running_array(slurm_cluster)

    scheduler.set_time_limit([f"{job}_0", f"{job}_1"], 36 * 3600)

    limits = [find(scheduler, f"{job}_{index}").time_limit_seconds for index in range(3)]
    assert limits == [36 * 3600, 36 * 3600, 3600]


def test_a_waiting_task_cannot_be_requeued(slurm_cluster: Cluster, scheduler: SlurmScheduler) -> None:
    job = running_array(slurm_cluster)

    with pytest.raises(RefusedError, match=rf"{job}_2 is PENDING .*nothing was requeued"):
        scheduler.requeue([f"{job}_2"])


def test_nothing_to_do_asks_nobody(scheduler: SlurmScheduler) -> None:
    scheduler.cancel([])

    assert scheduler.command_log.total == 0
