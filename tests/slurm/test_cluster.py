"""The clusters of the tests: several at once, and none that outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.slurm.cluster import Cluster
from tests.slurm.configuration import Settings
from tests.slurm.fixtures import require_slurm
from tests.slurm.processes import cluster_processes
from tests.waiting import wait_until

START = """
import sys
from tests.slurm.cluster import Cluster
from tests.slurm.configuration import Settings
with Cluster(settings=Settings(nodes=1)) as cluster:
    cluster.sbatch("--array=0-1")
    print(cluster.name, cluster.directory, flush=True)
    sys.stdin.read()
"""


def test_clusters_run_side_by_side() -> None:
    require_slurm()
    with Cluster(settings=Settings(nodes=1)) as first, Cluster(settings=Settings(nodes=1)) as second:
        first.sbatch("--array=0-4", "--hold")
        second.sbatch("--hold")

        assert len(first.run("squeue", "-h", "-r").splitlines()) == 5
        assert len(second.run("squeue", "-h", "-r").splitlines()) == 1
    for cluster in (first, second):
        assert cluster_processes(cluster.name, str(cluster.directory)) == []
        assert not cluster.directory.exists()


def test_nothing_outlives_a_test_that_was_killed() -> None:
    require_slurm()
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", START], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as test:
        assert test.stdout is not None
        name, directory = test.stdout.readline().split()
        wait_until(
            lambda: len(cluster_processes(name, directory)) > 5, 20, "daemons and the processes of jobs"
        )
        test.send_signal(signal.SIGKILL)

    wait_until(
        lambda: not cluster_processes(name, directory) and not os.path.exists(directory), 10, "no leftovers"
    )


def test_by_hand(tmp_path: Path) -> None:
    require_slurm()
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(
        [sys.executable, "-m", "tests.slurm.cluster", str(tmp_path / "cluster")],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        line = program.stdout.readline().strip()
        environment = {**os.environ, "SLURM_CONF": line.removeprefix("export SLURM_CONF=")}
        nodes = subprocess.run(
            ["sinfo", "-h", "-p", "ailab", "-o", "%D %G"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 0

    assert line == f"export SLURM_CONF={tmp_path}/cluster/slurm.conf"
    assert nodes.split() == ["2", "gpu:h200:8"]
