"""Whether this node gives a run the GPUs it needs, asked without importing torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lrdash.errors import LrdashError


class NoGpuError(LrdashError):
    """The sweep requires GPUs that this process does not see."""


def visible_gpus(environment: Mapping[str, str], dev: Path = Path("/dev")) -> int:
    """GPUs with a device file, as far as CUDA_VISIBLE_DEVICES shows them.

    >>> visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"})
    0
    """
    present = (
        len(list(dev.glob("nvidia[0-9]*"))) or len(list(dev.glob("dri/renderD*"))) * (dev / "kfd").exists()
    )
    shown = environment.get("CUDA_VISIBLE_DEVICES")
    if shown is None:
        return present
    devices = [device.strip() for device in shown.split(",")]
    return min(present, len([device for device in devices if device and device != "-1"]))


def check_gpus(needed: int, environment: Mapping[str, str], dev: Path = Path("/dev")) -> None:
    """
    Raises:
        NoGpuError: fewer than `needed` are visible.
    """
    found = visible_gpus(environment, dev)
    if found < needed:
        visible = environment.get("CUDA_VISIBLE_DEVICES", "unset")
        raise NoGpuError(
            f"require_gpu: {needed} processes need {needed} GPUs, this node shows {found} "
            f"(CUDA_VISIBLE_DEVICES {visible}); ask for --gres=gpu:{needed}, or set require_gpu: false"
        )
