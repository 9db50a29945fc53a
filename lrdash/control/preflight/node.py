"""What the compute node will find: folders it can write to, programs, ports, GPUs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from lrdash.control.preflight.disk import existing_parent
from lrdash.control.preflight.findings import Finding
from lrdash.launch.gpu import visible_gpus
from lrdash.launch.port import HIGHEST, is_free
from lrdash.sweep.paths import logs_dir
from lrdash.sweep.spec import Group, Sweep

_TRAINER_NEEDS = ("trainer", "torch", "transformers", "accelerate", "safetensors", "sklearn", "PIL")
_NODE_LOCAL = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/scratch/local"))


def check_folders(sweep: Sweep) -> Iterator[Finding]:
    for folder in (logs_dir(sweep), sweep.root / "saves" / sweep.name, sweep.root / "results" / sweep.name):
        parent = existing_parent(folder)
        if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
            why = "does not let you" if parent.is_dir() else "is no folder"
            yield Finding("error", "folders", f"{folder} cannot be written to: {parent} {why}")


def check_programs(group: Group, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the Python environment of the job has lrdash, and what the bundled trainer needs."""
    chosen = environment.get("LRDASH_VENV")
    if chosen and not Path(chosen, "bin", "lrdash").exists():
        remedy = "install it there, or unset LRDASH_VENV to use this one"
        yield Finding("error", "environment", f"LRDASH_VENV={chosen} has no bin/lrdash; {remedy}")
        return
    if group.program or (chosen and Path(chosen) != Path(sys.prefix)):
        return
    missing = [name for name in _TRAINER_NEEDS if find_spec(name) is None]
    if missing:
        remedy = "pip install 'lrdash[trainer]' into it"
        yield Finding("error", "environment", f"{sys.prefix} has no {', '.join(missing)}; {remedy}")
    else:
        yield Finding("ok", "environment", f"{sys.prefix} has all that the trainer needs")


def check_shared(sweep: Sweep, environment: Mapping[str, str]) -> Iterator[Finding]:
    """On Slurm: what lies on this node's own disk is not there on the compute node."""
    venv = Path(environment.get("LRDASH_VENV") or sys.prefix)
    for what, path in (("the sweep", sweep.root), ("the Python environment", venv)):
        if any(path.is_relative_to(local) for local in _NODE_LOCAL):
            yield Finding("warning", "environment", f"{what} is in {path}, which compute nodes may not see")


def check_ports(sweep: Sweep) -> Iterator[Finding]:
    highest = sweep.port + max(run.index for run in sweep.runs)
    if highest > HIGHEST:
        yield Finding(
            "error", "ports", f"{sweep.port} + index reaches {highest}; lower `port` in {sweep.file}"
        )


def check_this_machine(sweep: Sweep, group: Group, environment: Mapping[str, str]) -> Iterator[Finding]:
    """For the local scheduler, which runs on this machine."""
    gpus = visible_gpus(environment)
    if sweep.require_gpu and gpus < group.processes:
        yield Finding(
            "error",
            "GPUs",
            f"{group.name} requires {group.processes}, this machine shows {gpus}; "
            f"submit to Slurm, or set require_gpu: false in {sweep.file}",
        )
    taken = [str(port) for run in group.runs if not is_free(port := sweep.run_port(run))]
    if taken and group.processes > 1:
        yield Finding("note", "ports", f"{', '.join(taken)} in use: {group.name} moves on in steps of 100")
