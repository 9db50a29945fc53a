"""`status --watch` and `wait`: how often they ask, and what they wait for."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import pytest

from lrdash.cli import status, wait
from lrdash.cli.watching import watch
from lrdash.monitor.monitor import Monitor
from lrdash.sweep.spec import Sweep
from tests.monitor.stubs import StubScheduler, by_hand, small_sweep
from tests.sweeps import write_sweep


def lrdash(sweep: Sweep, *words: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lrdash", *words],
        cwd=sweep.root, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_the_queue_and_the_files_are_looked_at_on_clocks_of_their_own(tmp_path: Path) -> None:
    sweep, scheduler, now = small_sweep(tmp_path), StubScheduler(), [0.0]
    scheduler.tasks = (by_hand(sweep, "7_0", "RUNNING"),)
    monitor = Monitor(sweep, scheduler, cache_dir=tmp_path / "cache")

    def sleep(seconds: float) -> None:
        now[0] += seconds

    looks = 0
    for _ in watch(monitor, lambda: now[0], sleep):
        looks += 1
        if now[0] >= 60:
            break

    assert looks >= 60, "a run that trains is read every second"
    assert scheduler.calls.count("queue") == 13, "and the queue every five"


@pytest.mark.parametrize(("module", "says"), [(status, "_print"), (wait, "report_changes")])
def test_watching_does_not_call_squeue_for_each_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, says: str
) -> None:
    sweep, scheduler = small_sweep(tmp_path), StubScheduler()
    scheduler.tasks = (by_hand(sweep, "7_0", "RUNNING"),)
    looks = iter((False, False, True))

    def look(*_: object) -> None:
        if next(looks):
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "the_monitor", lambda _: Monitor(sweep, scheduler, cache_dir=tmp_path / "c"))
    monkeypatch.setattr(module, says, look)
    with pytest.raises(KeyboardInterrupt):
        module.run(Namespace(folders=[], json=False, watch=True, patience=1.0))
    assert scheduler.calls == ["queue", "log_paths", "close"]


def test_wait_is_for_what_was_submitted(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, groups=("text", "vision"))
    submitted = lrdash(sweep, "submit", "--scheduler", "local", "--group", "text")
    assert submitted.returncode == 0, submitted.stderr

    waited = lrdash(sweep, "wait")

    assert "not submitted, and not waited for: vision:0, vision:1" in waited.stderr
    told = [line.split() for line in waited.stderr.splitlines() if line.startswith("text:")]
    last = {words[0].rstrip(":"): words[-1] for words in told}
    assert last == {"text:0": "COMPLETED", "text:1": "COMPLETED"}, waited.stderr
    assert waited.returncode in (0, 3), "3: the checks of a program that is no training"


def test_without_slurm_an_action_says_so(tmp_path: Path) -> None:
    """A sweep that was submitted by hand has no record, and may well be in the queue of a cluster."""
    finished = lrdash(write_sweep(tmp_path), "cancel", "text:0", "--yes", path=str(tmp_path))
    assert finished.returncode == 2
    assert "no squeue on PATH" in finished.stderr
    assert "log in to the cluster" in finished.stderr
