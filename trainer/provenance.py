"""Where a result comes from: run_meta.json."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import resource
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainer.checkpoints import OPTIMIZER

_PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "safetensors", "numpy", "scikit-learn")
_BLOCK = 1 << 20
_WHOLE_FILE = 64 << 20
_SAMPLES = 64


def attempt() -> dict[str, Any]:
    """Which start of the run this is: LRDASH_JOB and LRDASH_RESTART, else Slurm's, else the process."""
    environment = os.environ
    job = environment.get("LRDASH_JOB") or _slurm_task(environment) or f"pid{os.getpid()}"
    restart = environment.get("LRDASH_RESTART") or environment.get("SLURM_RESTART_COUNT") or "0"
    return {"job": job, "restart": int(restart) if restart.isdecimal() else 0}


def _slurm_task(environment: os._Environ[str]) -> str | None:
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **found}


def git_commit() -> str | None:
    """The commit of the working directory, if it is one of a repository."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def checkpoint_hash(folder: Path) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over config and weights, not the optimizer's state.

    Of a weight file above 64 MiB the size and 64 evenly spaced blocks of 1 MiB are read, so that 15 GB take a
    moment.
    """
    digest = hashlib.sha256()
    weights = (path for path in folder.glob("*.safetensors") if path.name != OPTIMIZER)
    for path in sorted([folder / "config.json", *weights]):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        step = _BLOCK if size <= _WHOLE_FILE else size // _SAMPLES
        with path.open("rb") as file:
            for start in range(0, size, step):
                file.seek(start)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:16]


def peak_memory() -> dict[str, int | None]:
    """Bytes: the largest resident size of this process, and the most that PyTorch held on its GPU."""
    import torch

    unit = 1 if sys.platform == "darwin" else 1024
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {
        "host_bytes": host,
        "gpu_bytes": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
    }
