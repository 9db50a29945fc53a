"""`make bench`: every budget against its peer or limit in the same run; writes docs/performance.md.

`python -m tests.benchmarks screen results` measures these modules only, and writes nothing.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from tests.conftest import ROOT

MODULES = ("start", "screen", "log_window", "scanner", "results", "slurm", "trainer_throughput", "peers")
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

Row = tuple[str, str, float | None, float | None, bool | None]
"""Budget, what was measured in words, ratio, limit, held (None: skipped, `measured` says why)."""


def main(names: Sequence[str]) -> int:
    # pip compiles what it installs: no start of ours or of a peer may pay for that again and again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    table = ["| budget | measured | ratio | limit | held |", "| --- | --- | --- | --- | --- |"]
    print(*table, sep="\n")
    missed = 0
    for name in names or MODULES:
        for row in import_module(f"tests.benchmarks.{name}").rows():
            table.append(as_line(row))
            print(table[-1], flush=True)
            missed += row[4] is False
    if not names:
        write_page(table)
    print(f"{missed} budgets missed", file=sys.stderr)
    return 1 if missed else 0


def as_line(row: Row) -> str:
    budget, measured, ratio, limit, held = row
    verdict = "skipped" if held is None else "yes" if held else "**no**"
    numbers = ["" if value is None else f"{value:.3g}" for value in (ratio, limit)]
    return f"| {budget} | {measured} | {numbers[0]} | {numbers[1]} | {verdict} |"


def write_page(table: Sequence[str]) -> None:
    """Replace the measured part of the page; the words around it are written by hand."""
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text("\n".join([before + BEGIN, about(), "", *table, END]) + after)


def about() -> str:
    with open("/proc/cpuinfo") as file:
        lines = file.readlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"Measured on {time.strftime('%Y-%m-%d')} with `make bench`: {os.cpu_count()} cores of {model}, "
        f"Linux {platform.release()}, Python {platform.python_version()}; load at the end {load}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
