"""Whether the sweep's checkpoints fit on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from math import isfinite
from pathlib import Path

from lrdash.control.preflight.findings import Finding
from lrdash.control.preflight.model import count_parameters, find_checkpoint
from lrdash.sweep.spec import Run, Sweep

# float32 master weights, as the bundled trainer saves them, and AdamW's two moments.
WEIGHT_BYTES = 4
OPTIMIZER_BYTES = 8
DEFAULT_KEPT = 1


def check_disk(sweep: Sweep, runs: Collection[Run], environment: Mapping[str, str]) -> Iterator[Finding]:
    needed = sum(needed_bytes(sweep, run, environment) for run in runs)
    if not needed:
        return
    free = shutil.disk_usage(existing_parent(sweep.root / "saves")).free
    text = f"checkpoints of {len(runs)} runs need about {gigabytes(needed)}, {gigabytes(free)} are free"
    if needed > free:
        remedy = "make room (`lrdash clean`), or keep fewer with save_total_limit"
        yield Finding("warning", "disk", f"{text} under {sweep.root}; {remedy}")
    else:
        yield Finding("ok", "disk", text)


def needed_bytes(sweep: Sweep, run: Run, environment: Mapping[str, str]) -> int:
    """At the worst moment: the kept checkpoints, the next one being written, the final model; 0 if unknown.

    Only the newest checkpoint keeps its optimizer state, but both exist while the next is written.
    """
    folder = find_checkpoint(sweep, str(run.args.get("model_name_or_path")), environment)
    parameters = count_parameters(folder) if folder else None
    limit = run.args.get("save_total_limit") or run.args.get("num_train_epochs") or DEFAULT_KEPT
    kept = int(limit) if isinstance(limit, int | float) and isfinite(limit) else DEFAULT_KEPT
    return (parameters or 0) * ((kept + 2) * WEIGHT_BYTES + 2 * OPTIMIZER_BYTES)


def existing_parent(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def gigabytes(size: float) -> str:
    """
    >>> gigabytes(85e9), gigabytes(1.5e6)
    ('85 GB', '0.0015 GB')
    """
    return f"{size / 1e9:.3g} GB" if size < 1e12 else f"{size / 1e12:.3g} TB"
