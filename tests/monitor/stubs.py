"""A scheduler that says what a test puts into it, for what a real one cannot be made to say on demand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import yaml

from lrdash.errors import SchedulerError
from lrdash.scheduler.base import QueueReading, SettledTask, StreamPaths, Submission, Task
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Sweep


class StubScheduler:
    """`tasks` is the queue, `settled` the accounting; an error in their place is raised."""

    name = "slurm"

    def __init__(self) -> None:
        self.tasks: tuple[Task, ...] | SchedulerError = ()
        self.settled: dict[str, SettledTask] | SchedulerError = {}
        self.paths: dict[str, StreamPaths] = {}
        self.calls: list[str] = []

    def read_queue(self, users: Collection[str]) -> QueueReading:
        self.calls.append("queue")
        if isinstance(self.tasks, SchedulerError):
            raise self.tasks
        return QueueReading(self.tasks)

    def settle(self, tasks: Collection[str]) -> dict[str, SettledTask]:
        self.calls.append("settle")
        if isinstance(self.settled, SchedulerError):
            raise self.settled
        return {key: value for key, value in self.settled.items() if key in tasks}

    def log_paths(self, job: str, indices: Collection[int]) -> dict[int, StreamPaths]:
        self.calls.append("log_paths")
        known = {index: self.paths.get(f"{job}_{index}") for index in indices}
        return {index: paths for index, paths in known.items() if paths}

    def submit_command(self, submission: Submission) -> tuple[str, ...]:
        return ("sbatch", str(submission.script))

    def submit(self, submission: Submission) -> str:
        raise NotImplementedError

    check = submit

    def cancel(self, tasks: Sequence[str]) -> None:
        raise NotImplementedError

    requeue = hold = release = cancel

    def set_time_limit(self, tasks: Sequence[str], seconds: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.calls.append("close")


def small_sweep(root: Path) -> Sweep:
    """One group of two runs under `root`."""
    folder = root / "sbatch" / "s"
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "name": "s",
        "root": "../..",
        "args": {"stage": "cls", "num_train_epochs": 2, "per_device_train_batch_size": 16},
        "groups": {
            "text": {
                "script": "text.sbatch",
                "runs": [
                    {"name": "fast", "args": {"learning_rate": "2e-5"}},
                    {"name": "slow", "args": {"learning_rate": 2e-6}},
                ],
            }
        },
    }
    (folder / "sweep.yaml").write_text(yaml.safe_dump(document))
    (folder / "text.sbatch").write_text("#!/bin/bash\n#SBATCH --array=0-1\n")
    return load_sweep(folder / "sweep.yaml")


def by_hand(sweep: Sweep, task_id: str, state: str, **fields: object) -> Task:
    """A task as plain sbatch would have made it: ours by its work directory and job name."""
    return Task(task_id, state, work_dir=str(sweep.root), name=sweep.job_name("text"), **fields)  # type: ignore[arg-type]
