"""The experiment in a fresh clone: tiny models or little programs in its sweep.yaml, nothing else changed."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from lrdash.scheduler.base import FINISHED_STATES
from tests.conftest import ROOT
from tests.slurm.cluster import Cluster
from tests.waiting import wait_until

NAME = "lr_experiment_v7"
FOLDER = Path("sbatch/final_sweep_v7")
GROUPS = ("text", "vision")
_TINY = {
    "text": {
        "model_name_or_path": "models/text",
        "dataset": "python_docstrings_train",
        "eval_dataset": "python_docstrings_test",
        "cutoff_len": 40,
    },
    "vision": {
        "model_name_or_path": "models/vision",
        "dataset": "python_pages_train",
        "eval_dataset": "python_pages_test",
        "image_max_pixels": 112 * 112,
    },
}


class Clone:
    """A clone of this project in a folder of its own, and a cluster to submit it to."""

    def __init__(self, root: Path, cluster: Cluster) -> None:
        self.root = root
        self.cluster = cluster
        subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{ROOT}", root], check=True)
        # What is being worked on, not what was committed last.
        shutil.copytree(ROOT / FOLDER, root / FOLDER, dirs_exist_ok=True)
        (root / ".venv").symlink_to(sys.prefix)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            key: value for key, value in self.cluster.environment.items() if not key.startswith("LRDASH_")
        }
        return {**kept, "PATH": f"{sys.prefix}/bin:{kept['PATH']}"}

    def train_tiny(self, data: Path, epochs: int = 1) -> None:
        """Real trainings of two processes each, too small to learn anything."""
        for name in ("models", "data"):
            (self.root / name).symlink_to(data / name)

        def change(name: str, group: dict[str, Any]) -> None:
            split = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1}
            group["args"].update(_TINY[name], num_train_epochs=epochs, **split)

        self._rewrite(change)

    def run_program(self, program: str) -> None:
        """Every run executes a little Python program."""

        def change(name: str, group: dict[str, Any]) -> None:
            group["program"] = [sys.executable, "-u", "-c", program]

        self._rewrite(change)

    def _rewrite(self, change: Any) -> None:
        document = yaml.safe_load((self.root / FOLDER / "sweep.yaml").read_text())
        document["require_gpu"] = False
        for name, group in document["groups"].items():
            change(name, group)
        (self.root / FOLDER / "sweep.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def call(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root, env={**self.environment, **more}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip

    def lrdash(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.call("lrdash", *words, **more)

    def wait_for_end(self, jobs: list[str], seconds: float) -> list[str]:
        """The states of all tasks of these jobs, when none is queued or running any more."""

        def ended() -> list[str]:
            states = [state for job in jobs for state in self.cluster.states(job)]
            return [] if any(state not in FINISHED_STATES for state in states) else states

        return wait_until(ended, seconds, "the end of all tasks")

    def log(self, task: str, ending: str = "out") -> str:
        path = self.root / "logs" / NAME / f"{task}.{ending}"
        return path.read_text() if path.exists() else ""

    def scripts_are_unchanged(self) -> bool:
        names = [path.name for path in (ROOT / FOLDER).glob("*") if path.suffix in (".sbatch", ".sh")]
        equal, *_ = filecmp.cmpfiles(ROOT / FOLDER, self.root / FOLDER, names, shallow=False)
        return len(names) == 3 and len(equal) == 3 and os.access(self.root / FOLDER / names[0], os.R_OK)
