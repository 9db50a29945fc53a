"""The figures of the soak, printed at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TABLES = pytest.StashKey[list[str]]()


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep a table for the end."""
    return request.config.stash.setdefault(TABLES, []).append


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if tables := config.stash.get(TABLES, []):
        terminalreporter.section("soak")
        terminalreporter.write_line("\n\n".join(tables))
