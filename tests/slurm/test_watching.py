"""The whole way from a real cluster to the Snapshot: states in words, outages without loss."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdash.monitor.monitor import Monitor
from lrdash.monitor.snapshot import RunStatus, Snapshot
from lrdash.scheduler.slurm import SlurmScheduler
from tests.monitor.stubs import small_sweep
from tests.slurm.cluster import Cluster
from tests.waiting import wait_until

SCRIPT = """#!/bin/bash
#SBATCH --array=0-1
#SBATCH --output=logs/s/%A_%a.out
#SBATCH --error=logs/s/%A_%a.err
"""


class Watching:
    """A monitor of a two-run sweep on a real cluster; jobs are submitted by hand, with plain sbatch."""

    def __init__(self, cluster: Cluster, root: Path) -> None:
        self.cluster, self.root = cluster, root
        self.sweep = small_sweep(root)
        (root / "logs" / "s").mkdir(parents=True)
        self.monitor = self.start()

    def start(self) -> Monitor:
        programs = f"{self.root}/bin:{self.cluster.environment['PATH']}"
        scheduler = SlurmScheduler(environment={**self.cluster.environment, "PATH": programs})
        self.monitor = Monitor(self.sweep, scheduler, cache_dir=self.root / "cache")
        return self.monitor

    def submit(self, body: str, *options: str) -> str:
        script = self.root / "job.sbatch"
        script.write_text(SCRIPT + body)
        words = ("sbatch", "--parsable", f"--chdir={self.root}", "--mem=10M", "--job-name=s_text", *options)
        return self.cluster.run(*words, str(script)).strip()

    def poll(self) -> Snapshot:
        self.monitor.poll_queue()
        return self.monitor.poll_files()

    def run(self, key: str = "text:0") -> RunStatus:
        found = self.poll().find(key)
        assert found is not None
        return found

    def wait_for(self, state: str, key: str = "text:0", seconds: float = 30) -> RunStatus:
        wait_until(lambda: self.run(key).state == state, seconds, f"{key} {state}")
        return self.run(key)


@pytest.fixture
def watching(slurm_cluster: Cluster, tmp_path: Path) -> Iterator[Watching]:
    one = Watching(slurm_cluster, tmp_path)
    yield one
    one.monitor.close()


def test_jobs_submitted_by_hand_are_found_with_state_exit_code_and_logs(watching: Watching) -> None:
    job = watching.submit("exit $((SLURM_ARRAY_TASK_ID * 3))")
    first, second = watching.wait_for("COMPLETED"), watching.wait_for("FAILED", "text:1")
    assert (first.task, second.task) == (f"{job}_0", f"{job}_1")
    assert wait_until(lambda: watching.run("text:1").exit_code, what="an exit code") == "3:0"
    assert second.logs.out == str(watching.root / "logs" / "s" / f"{job}_1.out")
    assert Path(str(second.logs.out)).is_file()


def test_cancelled_running_and_pending(watching: Watching) -> None:
    job = watching.submit("sleep 600", "--array=0-1%1")
    watching.wait_for("RUNNING")
    assert watching.run("text:1").reason == "JobArrayTaskLimit"
    watching.cluster.run("scancel", f"{job}_1")
    watching.wait_for("CANCELLED", "text:1")
    watching.cluster.run("scancel", f"{job}_0")
    watching.wait_for("CANCELLED")


def test_cancelled_while_pending_beside_others_that_wait(watching: Watching) -> None:
    """Slurm keeps no record of such a task, and nobody keeps accounts here."""
    job = watching.submit("true", "--hold")
    watching.wait_for("PENDING", "text:1")
    watching.cluster.run("scancel", f"{job}_1")
    assert watching.wait_for("CANCELLED", "text:1").reason == "left the queue before it started"
    assert watching.run().state == "PENDING"


def test_held_jobs_say_so(watching: Watching) -> None:
    watching.submit("true", "--hold")
    assert watching.wait_for("PENDING").reason == "JobHeldUser"


def test_an_outage_leaves_the_rows_and_ends_without_a_restart(
    own_slurm_cluster: Cluster, tmp_path: Path
) -> None:
    watching = Watching(own_slurm_cluster, tmp_path)
    watching.submit("sleep 600")
    watching.wait_for("RUNNING")
    for stop, start, cause in (
        ("freeze", "thaw", "timed out"),
        ("stop", "start", "contact"),
    ):
        getattr(own_slurm_cluster, stop)("slurmctld")
        snapshot = watching.poll()
        assert [run.state for run in snapshot.runs] == ["RUNNING", "RUNNING"]
        assert snapshot.sources.queue.state == "stale"
        assert cause in str(snapshot.sources.queue.error)
        getattr(own_slurm_cluster, start)("slurmctld")
        wait_until(lambda: watching.poll().sources.queue.state == "fresh", 30, "recovery")
        assert watching.run().state == "RUNNING"


def test_a_rate_limit_leaves_the_rows_and_is_asked_less_often(watching: Watching) -> None:
    """Slurm has it from 23.02 on; these are the words of its client when it has tried often enough."""
    watching.submit("sleep 600")
    watching.wait_for("RUNNING")
    squeue = watching.root / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text(
        "#!/bin/sh\necho 'slurm_load_jobs error: Rate limit exceeded, please retry momentarily' >&2\nexit 1\n"
    )
    squeue.chmod(0o755)
    pauses = []
    for _ in range(3):
        snapshot = watching.poll()
        pauses.append(watching.monitor.queue_interval)
    assert [run.state for run in snapshot.runs] == ["RUNNING", "RUNNING"]
    queue = snapshot.sources.queue
    assert (queue.state, queue.age_seconds is not None) == ("stale", True)
    assert "Rate limit exceeded, please retry momentarily; asked too often" in str(queue.error)
    assert pauses == [10, 20, 40]
    squeue.unlink()
    assert watching.poll().sources.queue.state == "fresh"
    assert watching.monitor.queue_interval < 20  # 5, or ten times as long as a busy machine took to answer


def test_closing_does_not_wait_for_a_controller_that_hangs(
    own_slurm_cluster: Cluster, tmp_path: Path
) -> None:
    watching = Watching(own_slurm_cluster, tmp_path)
    own_slurm_cluster.freeze("slurmctld")
    poll = threading.Thread(target=watching.monitor.poll_queue)
    poll.start()
    wait_until(lambda: running_squeue(watching), what="squeue")
    began = time.monotonic()
    watching.monitor.close()
    poll.join()
    own_slurm_cluster.thaw("slurmctld")
    assert time.monotonic() - began < 1.0


def running_squeue(watching: Watching) -> bool:
    mark = str(watching.cluster.directory)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if b"squeue" in command.partition(b"\0")[0] and mark.encode() in environment:
            return True
    return False


def test_the_log_of_a_single_index_that_was_seen_waiting(watching: Watching) -> None:
    """Slurm names no index in the log's path while such a task waits."""
    job = watching.submit("echo here", "--array=1", "--hold")
    watching.wait_for("PENDING", "text:1")
    watching.cluster.run("scontrol", "release", job)
    done = watching.wait_for("COMPLETED", "text:1")
    assert done.logs.out == str(watching.root / f"logs/s/{job}_1.out")
