"""Small sweeps in folders of their own; their runs are little programs instead of trainings."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Sweep

NAME = "tiny"
RATES = ({"learning_rate": 2e-5}, {"learning_rate": 2e-6})


def write_sweep(
    root: Path,
    program: str | None = "print('trained')",
    *,
    groups: Sequence[str] = ("text",),
    processes: int = 1,
    group_args: Mapping[str, Any] = {},
    options: Sequence[str] = (),
    **keys: Any,
) -> Sweep:
    """Write sweep.yaml and its scripts and load it.

    Args:
        program: Python text that every run executes, or None for the bundled trainer.
        options: further #SBATCH options of the scripts.
        keys: further keys of sweep.yaml.
    """
    folder = root / "sbatch" / NAME
    folder.mkdir(parents=True)
    (root / "logs" / NAME).mkdir(parents=True)
    document = {"name": NAME, "root": "../..", "groups": {}, **keys}
    for group in groups:
        document["groups"][group] = {
            "script": f"{group}.sbatch",
            "processes": processes,
            "program": [sys.executable, "-u", "-c", program] if program is not None else [],
            "args": dict(group_args),
            "runs": [{"name": f"{group}_{index}", "args": dict(args)} for index, args in enumerate(RATES)],
        }
        write_script(folder / f"{group}.sbatch", group, options)
    (folder / "sweep.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return load_sweep(folder / "sweep.yaml")


def write_script(path: Path, group: str, options: Sequence[str] = (), array: str = "0-1") -> None:
    lines = [
        "#!/bin/bash",
        f"#SBATCH --job-name={NAME}_{group}",
        f"#SBATCH --array={array}",
        f"#SBATCH --output=logs/{NAME}/%A_%a.out",
        f"#SBATCH --error=logs/{NAME}/%A_%a.err",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        *(f"#SBATCH {option}" for option in options),
        "trap '' USR1",
        'export PATH="${LRDASH_VENV:-$PWD/.venv}/bin:$PATH"',
        f'exec lrdash launch sbatch/{NAME}/sweep.yaml --group {group} --index "$SLURM_ARRAY_TASK_ID"',
    ]
    path.write_text("\n".join(lines) + "\n")


def log_text(sweep: Sweep, task: str, ending: str = "out") -> str:
    path = sweep.root / "logs" / NAME / f"{task}.{ending}"
    return path.read_text() if path.exists() else ""
