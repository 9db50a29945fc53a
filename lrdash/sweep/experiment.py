"""Where the experiment's own sweep folder lies: in a checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
FOLDER = "final_sweep_v7"


def experiment_dir() -> Path:
    """The folder that holds the experiment's sweep.yaml and its scripts."""
    checkout = _PACKAGE.parent / "sbatch" / FOLDER
    return checkout if checkout.is_dir() else _PACKAGE / "experiment"
