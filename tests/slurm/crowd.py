"""A queue full of somebody else's jobs."""

from __future__ import annotations

from tests.slurm.cluster import Cluster

BATCH = 1000


def fill_queue(cluster: Cluster, jobs: int, user: str = "nobody") -> str:
    """Let `user` have `jobs` waiting jobs, each a record of its own in the controller (about 1 ms a job).

    An array that waits is one record; a task gets its own when something about it is changed. Needs root.
    """
    array = cluster.run(
        "setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups",
        "sbatch", "--parsable", "--hold", "--mem=1M", "--chdir=/", "--output=/dev/null",
        f"--array=0-{jobs - 1}", "--wrap=true",
    ).strip()  # fmt: skip
    for start in range(0, jobs, BATCH):
        tasks = ",".join(f"{array}_{index}" for index in range(start, min(start + BATCH, jobs)))
        cluster.run("scontrol", "update", f"JobId={tasks}", "TimeLimit=30")
    return array
