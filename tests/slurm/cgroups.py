"""Control groups (version 1), which Slurm leaves behind when its daemons are killed."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

HIERARCHY = Path("/sys/fs/cgroup")


def can_make_cgroups() -> bool:
    probe = HIERARCHY / "memory" / f"lrdash-{uuid.uuid4().hex[:8]}"
    try:
        probe.mkdir()
    except OSError:
        return False
    probe.rmdir()
    return True


def remove_cgroups(name: str) -> None:
    """Remove the cgroup `name` of every controller, from the innermost outwards."""
    for controller in HIERARCHY.iterdir():
        for directory, _, _ in os.walk(controller / name, topdown=False):
            with suppress(OSError):
                Path(directory).rmdir()
