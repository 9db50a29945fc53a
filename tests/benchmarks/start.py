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
    textual = seconds([sys.executable, "-c", "import textual.app"])
    others = f"python {python * 1000:.0f} ms, import textual {textual * 1000:.0f} ms"
    took = seconds([sys.executable, "-m", "lrdash", "--help"])
    yield (
        "`lrdash --help` <= 0.5x importing Textual",
        f"{took * 1000:.0f} ms; {others}",
        took / textual,
        0.5,
        (took <= 0.5 * textual),
    )
    took = seconds([sys.executable, "-m", "lrdash", "status", "--scheduler", "local"])
    yield (
        "`lrdash status` <= 1.5x importing Textual",
        f"{took * 1000:.0f} ms; {others}",
        took / textual,
        1.5,
        (took <= 1.5 * textual),
    )


def seconds(command: Sequence[str]) -> float:
    """Median wall time of a whole process."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        times.append(time.perf_counter() - started)
    return statistics.median(times)
