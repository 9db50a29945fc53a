"""Which start of which run this process is, from what the scheduler put into the environment."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from lrdash.errors import UsageError
from lrdash.scheduler.environment import FRESH, OVERRIDES, SCHEDULER
from lrdash.sweep.identity import Identity
from lrdash.sweep.spec import Run, Scalar, Sweep


@dataclass(frozen=True)
class Attempt:
    """One start of a run."""

    job: str
    restart: int
    scheduler: str
    overrides: Mapping[str, Scalar]
    fresh: bool

    def identity(self, sweep: Sweep, run: Run, port: int) -> Identity:
        return Identity(
            sweep=sweep.name,
            group=run.group,
            index=run.index,
            run=run.name,
            job=self.job,
            restart=self.restart,
            port=port,
            host=os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
            scheduler=self.scheduler,
            root=str(sweep.root),
        )


def read_attempt(environment: Mapping[str, str]) -> Attempt:
    """
    Raises:
        UsageError: LRDASH_SET does not hold arguments.
    """
    job = environment.get("SLURM_JOB_ID", "-")
    array, index = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    restart = int(environment.get("SLURM_RESTART_COUNT") or 0)
    return Attempt(
        job=f"{array}_{index}" if array and index else job,
        restart=restart,
        scheduler=environment.get(SCHEDULER) or ("none" if job == "-" else "slurm"),
        overrides=_overrides(environment.get(OVERRIDES)),
        # A requeued attempt goes on with what the fresh one made.
        fresh=environment.get(FRESH) == "1" and restart == 0,
    )


def _overrides(text: str | None) -> dict[str, Scalar]:
    try:
        overrides = json.loads(text) if text else {}
    except ValueError:
        overrides = None
    if not isinstance(overrides, dict):
        raise UsageError(f"{OVERRIDES}={text!r} in the environment is no JSON object of arguments; unset it")
    return overrides
