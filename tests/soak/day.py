"""A day of a sweep, by a clock that is set forward: its queue, its logs and its results as they grow."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import yaml

from lrdash.monitor.monitor import Monitor
from lrdash.scheduler.base import Task
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Run, Sweep
from tests.monitor.stubs import StubScheduler

DAY = 86400
EPOCHS = 6
JOB = 4815


def soak_sweep(root: Path, groups: int, runs: int) -> Sweep:
    folder = root / "sbatch" / "soak"
    folder.mkdir(parents=True)
    (root / "logs" / "soak").mkdir(parents=True)
    document = {
        "name": "soak",
        "root": "../..",
        "args": {"stage": "cls", "num_train_epochs": EPOCHS, "per_device_train_batch_size": 16},
        "groups": {
            f"g{number}": {
                "script": f"g{number}.sbatch",
                "runs": [
                    {"name": f"g{number}_{index}", "args": {"learning_rate": 1e-6 * (index + 1)}}
                    for index in range(runs)
                ],
            }
            for number in range(groups)
        },
    }
    (folder / "sweep.yaml").write_text(yaml.safe_dump(document))
    for number in range(groups):
        (folder / f"g{number}.sbatch").write_text(f"#!/bin/bash\n#SBATCH --array=0-{runs - 1}\n")
    return load_sweep(folder / "sweep.yaml")


class Day:
    """`at_once` runs train at a time, each for `seconds`; the others wait or have finished."""

    def __init__(self, sweep: Sweep, cache: Path, *, at_once: int, seconds: float) -> None:
        self.sweep = sweep
        self.now = self.start = 1_790_000_000.0
        self.seconds = seconds
        self.at_once = at_once
        self.scheduler = StubScheduler()
        self.monitor = Monitor(sweep, self.scheduler, cache_dir=cache, clock=lambda: self.now)
        self._steps: dict[str, int] = {}

    def pass_time(self, seconds: float, steps: int) -> None:
        """Set the clock forward; every run that trains logs `steps` more steps."""
        self.now += seconds
        self.scheduler.tasks = tuple(self._task(at, run) for at, run in enumerate(self.sweep.runs))
        for at, run in enumerate(self.sweep.runs):
            if self._share(at) > 0:
                self._train(run, self._share(at), steps)

    def look(self) -> None:
        self.monitor.poll_queue()
        self.monitor.poll_files()

    def _share(self, at: int) -> float:
        """How far a run is, 0 to 1."""
        begin = (at // self.at_once) * self.seconds
        return min(1.0, max(0.0, (self.now - self.start - begin) / self.seconds))

    def _task(self, at: int, run: Run) -> Task:
        share = self._share(at)
        state = "PENDING" if share == 0 else "RUNNING" if share < 1 else "COMPLETED"
        begin = self.start + (at // self.at_once) * self.seconds
        return Task(
            f"{JOB + self.sweep.groups.index(self.sweep.group(run.group))}_{run.index}", state,
            submitted=self.start, started=begin if share else None, name=self.sweep.job_name(run.group),
            work_dir=str(self.sweep.root), exit_code="0:0" if share == 1 else None,
            ended=begin + self.seconds if share == 1 else None, time_limit_seconds=2 * self.seconds,
        )  # fmt: skip

    def _train(self, run: Run, share: float, steps: int) -> None:
        done = self._steps.get(run.key, 0)
        if done < 0:
            return
        task = self.scheduler.tasks[self.sweep.runs.index(run)]  # type: ignore[index]
        log = self.sweep.root / "logs" / "soak" / f"{task.id}.out"
        results = self.sweep.root / "results" / "soak" / run.name
        lines = [self._identity(run, task)] if not done else []
        if not done:
            results.mkdir(parents=True)
            (results / "run_meta.json").write_text(json.dumps({"attempt": {"job": task.id, "restart": 0}}))
        rows = [self._row(step, share) for step in range(done + 1, done + steps + 1)]
        append(log, [*lines, *map(str, rows)])
        append(
            results / "trainer_log.jsonl", [json.dumps({**row, "current_steps": row["step"]}) for row in rows]
        )
        self._steps[run.key] = -1 if share == 1 else done + steps
        self._evaluate(results, int(share * EPOCHS), is_last=share == 1)

    def _evaluate(self, results: Path, epoch: int, *, is_last: bool) -> None:
        rows = [
            {"epoch": float(n), "step": n, "eval_loss": 1 / n, "eval_accuracy": 0.5}
            for n in range(1, epoch + 1)
        ]
        text = json.dumps({"epochs": rows})
        file = results / "all_results.json"
        if rows and (not file.exists() or file.read_text() != text):
            file.write_text(text)
        if is_last:
            (results / "predict_results.json").write_text(json.dumps({"predict_accuracy": 0.5}))

    def _identity(self, run: Run, task: Task) -> str:
        return (
            f"lrdash: sweep=soak group={run.group} index={run.index} run={run.name} job={task.id} restart=0"
            f" port=29700 host=h scheduler=slurm root={self.sweep.root}"
        )

    def _row(self, step: int, share: float) -> dict[str, float]:
        loss = math.exp(-share) + 0.01 * (step % 7)
        return {"loss": loss, "grad_norm": 1.0, "learning_rate": 2e-5, "epoch": share * EPOCHS, "step": step}


def append(path: Path, lines: Sequence[str]) -> None:
    with path.open("a") as file:
        file.write("\n".join(lines) + "\n")
