"""Faults at moments that chance chooses, the same chance each time; afterwards everything must hold.

`make faults` injects every line of seeds.txt; one of them again: `pytest tests/faults -m faults -k
'kill-launch-slurm-program-4'`. `make test` injects the quickest.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.conftest import hold_training_lock
from tests.faults.arena import Arena
from tests.faults.kinds import KINDS
from tests.faults.plan import EACH, Fault, read_plan

SMOKE = [
    Fault("kill-launch", "local", "program", 1),
    Fault("kill-supervisor", "local", "program", 1),
    Fault("truncate-results", "local", "program", 1),
    Fault("replace-log", "local", "program", 1),
    Fault("jump-clock", "local", "program", 1),
    Fault("kill-slurmd", "slurm", "program", 1),
]
Table = dict[str, Counter[str]]


def inject(fault: Fault, folder: Path, request: pytest.FixtureRequest, table: Table) -> None:
    started, counts = time.monotonic(), table.setdefault(fault.kind, Counter())
    counts["injected"] += 1
    counts["training"] += fault.workload == "training"
    counts["violated"] += 1  # taken back at the end
    with ExitStack() as held:
        training = None
        if fault.workload == "training":
            training = request.getfixturevalue("training")
            held.enter_context(hold_training_lock())
        cluster = request.getfixturevalue("ready_cluster") if fault.scheduler == "slurm" else None
        arena = held.enter_context(Arena(folder, Random(str(fault)), cluster, training))
        KINDS[fault.kind](arena)
        assert not arena.problems, "\n".join(arena.problems)
    counts["violated"] -= 1
    counts["seconds"] += round(time.monotonic() - started)


@pytest.mark.faults
@pytest.mark.parametrize("fault", read_plan(), ids=str)
def test_fault(fault: Fault, tmp_path: Path, request: pytest.FixtureRequest, table: Table) -> None:
    inject(fault, folder_for(fault, tmp_path, request), request, table)


@pytest.mark.parametrize("fault", SMOKE, ids=str)
def test_smoke(fault: Fault, tmp_path: Path, request: pytest.FixtureRequest, table: Table) -> None:
    inject(fault, folder_for(fault, tmp_path, request), request, table)


def folder_for(fault: Fault, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if fault.kind != "fill-disk":
        return tmp_path
    disk: Path = request.getfixturevalue("small_disk")
    return disk


def test_the_plan_is_large_enough() -> None:
    plan = read_plan()
    counts = Counter(fault.kind for fault in plan)
    assert len(plan) >= 200
    assert counts.keys() == KINDS.keys()
    assert min(counts.values()) >= EACH
    assert len(set(map(str, plan))) == len(plan)
