"""The faults of the campaign: one line of seeds.txt each; `python -m tests.faults.plan` writes them anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SEEDS = Path(__file__).with_name("seeds.txt")
LOCAL_ONLY = ("kill-supervisor", "freeze-supervisor", "fill-disk")
SLURM_ONLY = (
    "kill-slurmctld", "freeze-slurmctld", "kill-slurmd", "freeze-slurmd", "requeue", "preempt", "warn",
)  # fmt: skip
TRAININGS = (
    "kill-ranks local", "kill-ranks slurm", "kill-launch local", "kill-launch slurm", "kill-supervisor local",
    "requeue slurm", "preempt slurm", "warn slurm", "freeze-ranks local", "kill-slurmctld slurm",
    "delete-log local",
)  # fmt: skip
"""Kinds whose runs are also real trainings: what stops and resumes one."""
EACH = 10
HEADER = "# kind scheduler what-runs seed; a line is one fault, the same at every run of `make faults`\n"


@dataclass(frozen=True)
class Fault:
    kind: str
    scheduler: str
    workload: str
    """`program`: tests/faults/workload.py; `training`: the bundled trainer."""
    seed: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.scheduler}-{self.workload}-{self.seed}"


def read_plan() -> list[Fault]:
    lines = (line.split() for line in SEEDS.read_text().splitlines() if not line.startswith("#"))
    return [Fault(kind, scheduler, workload, int(seed)) for kind, scheduler, workload, seed in lines]


def _make_plan() -> list[str]:
    from tests.faults.kinds import KINDS

    lines = []
    for kind in KINDS:
        for seed in range(1, EACH + 1):
            scheduler = "local" if seed % 2 else "slurm"
            scheduler = "local" if kind in LOCAL_ONLY else "slurm" if kind in SLURM_ONLY else scheduler
            lines.append(f"{kind} {scheduler} program {seed}")
    lines += [f"{each} training {seed}" for seed, each in enumerate(TRAININGS, 1)]
    return lines


if __name__ == "__main__":
    SEEDS.write_text(HEADER + "\n".join(_make_plan()) + "\n")
