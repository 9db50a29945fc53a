"""What should run: a sweep, its groups (one array job each) and their runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Scalar = str | int | float | bool | None
Args = Mapping[str, Scalar]

DEFAULT_PORT = 29700
"""torchrun's port for index 0; index i asks for DEFAULT_PORT + i."""


@dataclass(frozen=True)
class Run:
    """One configuration; its position in the group is its array index."""

    name: str
    group: str
    index: int
    args: Args
    """The trainer's arguments: shared ones, then the group's, then the run's own."""
    label: str
    """What tells this run from the others of its group: `2e-5, backbone 2e-6`."""

    @property
    def key(self) -> str:
        return f"{self.group}:{self.index}"

    @property
    def learning_rate(self) -> float | None:
        """The head's rate, and the backbone's too when there is no separate one."""
        return _number(self.args.get("learning_rate"))

    @property
    def cls_backbone_learning_rate(self) -> float | None:
        """The backbone's own rate; None for a uniform run."""
        return _number(self.args.get("cls_backbone_learning_rate"))


@dataclass(frozen=True)
class Group:
    """Runs submitted as one array job."""

    name: str
    script: Path
    """Absolute path of the .sbatch file."""
    processes: int
    """Ranks of one run."""
    program: tuple[str, ...]
    """Started directly instead of the bundled trainer; empty for the trainer."""
    runs: tuple[Run, ...]

    def effective_batch_size(self, run: Run) -> int | None:
        """Rows of one optimizer step: processes x per-device x accumulation."""
        per_device = _number(run.args.get("per_device_train_batch_size"))
        steps = _number(run.args.get("gradient_accumulation_steps", 1))
        if per_device is None or steps is None:
            return None
        return round(self.processes * per_device * steps)


@dataclass(frozen=True)
class Expect:
    """What the author of the sweep holds to be true of every run."""

    effective_batch_size: int | None = None


@dataclass(frozen=True)
class Sweep:
    """A named set of runs; `sweep.yaml` is the only place where they stand."""

    name: str
    file: Path
    root: Path
    groups: tuple[Group, ...]
    expect: Expect = field(default_factory=Expect)
    require_gpu: bool = False
    port: int = DEFAULT_PORT

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        return tuple(run for group in self.groups for run in group.runs)

    @cached_property
    def by_name(self) -> Mapping[str, Run]:
        return {run.name: run for run in self.runs}

    def group(self, name: str) -> Group:
        return next(group for group in self.groups if group.name == name)

    def job_name(self, group: str) -> str:
        """The `--job-name` of a group's array job."""
        return f"{self.name}_{group}"

    def run_port(self, run: Run) -> int:
        return self.port + run.index


def _number(value: Scalar) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
