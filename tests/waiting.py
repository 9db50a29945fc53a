"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02


def wait_until(condition: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """Ask until the answer is true and return it; fails with the last answer after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}: {answer!r}"
        time.sleep(POLL_SECONDS)
    return answer
