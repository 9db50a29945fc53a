"""The GPU check, on invented device files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.launch.gpu import NoGpuError, check_gpus, visible_gpus


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("visible", "count"),
    [(None, 2), ("0,1", 2), ("1", 1), ("", 0), ("-1", 0), ("0,1,2,3", 2), ("GPU-8f,GPU-90", 2)],
)
def test_cuda_visible_devices(dev: Path, visible: str | None, count: int) -> None:
    assert visible_gpus({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}, dev) == count


def test_a_promise_without_a_device_is_no_gpu(tmp_path: Path) -> None:
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "0,1"}, tmp_path) == 0


def test_too_few_are_told_with_a_remedy(dev: Path) -> None:
    check_gpus(2, {}, dev)
    with pytest.raises(NoGpuError, match=r"need 2 GPUs, this node shows 1 .*--gres=gpu:2"):
        check_gpus(2, {"CUDA_VISIBLE_DEVICES": "0"}, dev)
