"""Record what the scheduler's own queries print on this machine's version of Slurm:

python -m tests.slurm.record tests/data/slurm/22.05
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lrdash.scheduler.slurm.client import query_environment
from lrdash.scheduler.slurm.queue import queue_format
from tests.slurm.cluster import Cluster
from tests.slurm.recordings import MARK
from tests.waiting import wait_until

NAMES = ("plain", "we|ird \"quoted\" 'n' 100% é中文", "tab\tand [red]markup[/red]", "\u202ertl \U0001f4a5")
LINE_BREAK = "line\nbreak 1_0\x1fRUNNING\x1f"


def make_queue(cluster: Cluster) -> None:
    """Jobs of many kinds, some of them with names that no shell script would survive."""
    cluster.sbatch("--array=0-2", "--gres=gpu:2", "--mem=200G", "--cpus-per-task=10")
    throttled = cluster.sbatch("--array=0-4%1")
    cluster.sbatch("--array=1-9:2", "--hold", "--comment=lrdash:1234abcd")
    failed = cluster.sbatch("--array=0-2", wrap="exit $((SLURM_ARRAY_TASK_ID % 2 * 3))")
    cluster.sbatch(f"--dependency=afterok:{failed}")
    cluster.sbatch("--partition=tiny", "--time=2:00:00")
    cluster.sbatch("--partition=down", "--time=5")
    cluster.sbatch("--begin=now+2hours", '--comment=spaces | and "quotes"')
    for name in (*NAMES, LINE_BREAK):
        cluster.sbatch("--hold", f"--job-name={name}")
    wait_until(lambda: cluster.states(failed) == ["COMPLETED", "FAILED", "COMPLETED"], 20)
    wait_until(lambda: "RUNNING" in cluster.states(throttled), 20)
    cluster.run("scontrol", "hold", f"{throttled}_4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args().directory
    with Cluster() as cluster:
        make_queue(cluster)
        environment = query_environment(cluster.environment)
        squeue = ("squeue", "-h", "-r", "-a", "-t", "all", "-o", queue_format(MARK))
        for name, command in (("squeue", squeue), ("scontrol", ("scontrol", "-o", "show", "job"))):
            text = cluster.run(
                "env", *(f"{key}={environment[key]}" for key in ("LC_ALL", "SLURM_TIME_FORMAT")), *command
            )
            (directory / f"production.{name}.out").write_text(text.replace(str(cluster.directory), "/sweep"))


if __name__ == "__main__":
    main()
