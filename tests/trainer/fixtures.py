"""Fixtures for every test that trains: a small workspace, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

DEMO_ROWS = 40


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models/{text,vision} and data/python_{docstrings,pages}_{train,test}: 40 and 20 rows.

    Read it, never write into it: copy or link what a test changes.
    """
    from tests.trainer.trainings import CONTEXT, make_demo

    folder = tmp_path_factory.mktemp("demo", numbered=False)
    process = CONTEXT.Process(target=make_demo, args=(folder, DEMO_ROWS))
    process.start()
    process.join(240)
    assert process.exitcode == 0
    return folder
