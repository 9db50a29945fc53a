"""Start-up: imports of the commands that do not open the screen, and what a status costs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from tests.conftest import ROOT

RUNS = 9


def rows() -> Iterator[tuple[str, str, float | None, float | None, bool | None]]:
    python = seconds([sys.executable, "-c", "pass"])
    for words in (["--help"], ["status", "--scheduler", "local"]):
        took = seconds([sys.executable, "-m", "lrdash", *words])
        textual = seconds([sys.executable, "-c", "import textual.app"])
        name = f"`lrdash {words[0]}` <= importing Textual"
        measured = (
            f"{took * 1000:.0f} ms; python {python * 1000:.0f} ms, import textual {textual * 1000:.0f} ms"
        )
        yield name, measured, took / textual, 1.0, took <= textual


def seconds(command: Sequence[str]) -> float:
    """Median wall time of a whole process."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        times.append(time.perf_counter() - started)
    return statistics.median(times)
