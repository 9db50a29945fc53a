"""Fixtures for every test that trains: a small workspace, made once a session."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEMO_ROWS = 40


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models/{text,vision} and data/python_{docstrings,pages}_{train,test}: 40 and 20 rows.

    Read it, never write into it: copy or link what a test changes.
    """
    folder = tmp_path_factory.mktemp("demo", numbered=False)
    command = [sys.executable, "-m", "trainer.demo", str(folder), "--rows", str(DEMO_ROWS)]
    subprocess.run(command, check=True, timeout=240)
    return folder
