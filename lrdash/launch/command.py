"""The command line that trains one run."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lrdash.sweep.paths import results_dir, saves_dir
from lrdash.sweep.script import read_script
from lrdash.sweep.spec import Group, Run, Scalar, Sweep

LOCALHOST = "127.0.0.1"
DRY_RUN = "--dry_run"
"""The trainer's: says what would be trained, needs neither GPU nor port."""


def run_command(
    sweep: Sweep, run: Run, port: int, overrides: Mapping[str, Scalar], extra: Sequence[str] = ()
) -> list[str]:
    """Everything that is executed for a run, in the sweep's root.

    Paths stay relative to the root, so that a sweep that was moved resumes where it was.
    """
    group = sweep.group(run.group)
    args = _args(sweep, run, overrides)
    if DRY_RUN in extra and not group.program:
        return [*_trainer(1, port), *_flags(args | _planned(group)), *extra]
    return [*_program(group, port), *_flags(args), *extra]


def run_flags(sweep: Sweep, run: Run) -> list[str]:
    """The flags alone, with nothing changed on the command line."""
    return list(_flags(_args(sweep, run, {})))


def _args(sweep: Sweep, run: Run, overrides: Mapping[str, Scalar]) -> dict[str, Scalar]:
    args: dict[str, Scalar] = {**run.args, **overrides}
    args["output_dir"] = str(saves_dir(sweep, run).relative_to(sweep.root))
    if not sweep.group(run.group).program:
        args["results_dir"] = str(results_dir(sweep, run).relative_to(sweep.root))
    return args


def _planned(group: Group) -> dict[str, Scalar]:
    """What a dry run cannot see: how many processes there will be, and how much memory Slurm grants."""
    memory = read_script(group.script).options.get("mem") if group.script.is_file() else None
    return {"processes": group.processes, "host_memory": memory}


def run_environment(group: Group, port: int) -> dict[str, str]:
    """What a program that starts its own ranks (llamafactory-cli) reads instead of torchrun's options."""
    environment = {
        "MASTER_ADDR": LOCALHOST,
        "MASTER_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        # torchrun kills ranks that are still saving this many seconds after a signal; 30 by default.
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "540",
    }
    if not group.program:
        environment["PYTHONSAFEPATH"] = "1"  # a folder `trainer` of the user's is not the trainer
    else:
        environment["NPROC_PER_NODE"] = str(group.processes)
        if group.processes > 1:
            environment["FORCE_TORCHRUN"] = "1"
    return environment


def shell_text(command: Sequence[str], root: Path) -> str:
    """The command as one would type it, from any directory."""
    return f"cd {shlex.quote(str(root))} && {shlex.join(command)}"


def _program(group: Group, port: int) -> list[str]:
    return list(group.program) or _trainer(group.processes, port)


def _trainer(processes: int, port: int) -> list[str]:
    if processes == 1:
        return [sys.executable, "-m", "trainer"]
    return [
        sys.executable, "-m", "torch.distributed.run",
        f"--nproc-per-node={processes}", f"--master-addr={LOCALHOST}", f"--master-port={port}",
        "-m", "trainer",
    ]  # fmt: skip


def _flags(args: Mapping[str, Scalar]) -> Iterator[str]:
    for key, value in args.items():
        if value is not None:
            yield f"--{key}"
            yield _text(key, value)


def _text(key: str, value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if key.endswith(("_path", "_dir")) and isinstance(value, str) and value.startswith("~"):
        return os.path.expanduser(value)
    return str(value)
