"""Fixtures of every test."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.slurm.fixtures", "tests.trainer.fixtures"]

ROOT = Path(__file__).parent.parent
TRAINING_LOCK = Path(tempfile.gettempdir()) / "lrdash-training.lock"

# Two threads in each of two trainings on two cores are several times slower than one in each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A loaded machine is no reason to fail; pytest-timeout ends what hangs.
settings.register_profile("lrdash", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lrdash")


@contextmanager
def hold_training_lock() -> Iterator[None]:
    """One training at a time on this machine, whoever runs tests."""
    with TRAINING_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def training_lock() -> Iterator[None]:
    with hold_training_lock():
        yield


@pytest.fixture(autouse=True)
def _own_directories(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Caches and settings of a test lie in its own folder, never in the user's."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))
