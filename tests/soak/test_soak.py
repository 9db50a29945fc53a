"""A day in minutes: memory, descriptors, threads and processor time stay as they were.

Readings of the first quarter of the day are compared with those of the last; both are printed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lrdash.ui.app import LrdashApp
from lrdash.ui.recording import Recorder, RecordingSource
from lrdash.ui.replay import ReplaySource
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings
from tests.soak.day import DAY, Day, soak_sweep
from tests.soak.gauges import Gauges
from tests.ui.screens import opened, until

Say = Callable[[str], None]


@pytest.mark.soak
def test_a_day_of_six_runs(tmp_path: Path, say: Say) -> None:
    """A look every minute; 8,640 logged steps a run. Six curves of so many points may take their memory."""
    day = Day(soak_sweep(tmp_path / "root", 2, 3), tmp_path / "cache", at_once=6, seconds=DAY)
    gauges = watch(day, ticks=DAY // 60, every=12, steps=6)
    say(gauges.table("six runs, 1,440 looks"))
    gauges.check_flat(memory=24, processor=1.5)


@pytest.mark.soak
def test_a_day_of_2000_runs(tmp_path: Path, say: Say) -> None:
    """64 at a time, a look every 6 minutes; at the end all have finished."""
    day = Day(soak_sweep(tmp_path / "root", 1, 2000), tmp_path / "cache", at_once=64, seconds=DAY / 33)
    gauges = watch(day, ticks=240, every=5, steps=2)
    say(gauges.table("2,000 runs, 240 looks"))
    states = {run.state for run in day.monitor.snapshot.runs}
    assert states == {"COMPLETED", "RUNNING"} or states == {"COMPLETED"}
    gauges.check_flat(memory=60, processor=3.0)


@pytest.mark.soak
async def test_a_day_on_the_screen(tmp_path: Path, say: Say) -> None:
    """The recording of a day shown by the application, while somebody walks through all of it."""
    day = Day(soak_sweep(tmp_path / "root", 2, 3), tmp_path / "cache", at_once=6, seconds=DAY)
    record(day, tmp_path / "recording", ticks=360)
    await walk(tmp_path / "recording", 360, say)


def test_the_soak_in_small(tmp_path: Path) -> None:
    """The day works: runs train, are read and finish."""
    day = Day(soak_sweep(tmp_path / "root", 1, 3), tmp_path / "cache", at_once=3, seconds=1000)
    gauges = watch(day, ticks=20, every=2, steps=1, seconds=1000)
    runs = day.monitor.snapshot.runs
    assert [run.state for run in runs] == ["COMPLETED"] * 3
    assert [len(run.metrics.epochs) for run in runs] == [6] * 3
    assert [run.progress.step for run in runs] == [20] * 3
    gauges.check_flat(memory=12, processor=5.0)


def watch(day: Day, *, ticks: int, every: int, steps: int, seconds: float = DAY) -> Gauges:
    gauges = Gauges()
    for tick in range(ticks):
        day.pass_time(seconds / ticks, steps)
        day.look()
        if tick % every == every - 1:
            gauges.read()
    return gauges


def record(day: Day, folder: Path, ticks: int) -> None:
    source = RecordingSource(day.monitor, Recorder(folder, lambda: day.now))
    for _ in range(ticks):
        day.pass_time(DAY / ticks, 1)
        source.poll_queue()
        source.poll_files()
    source.close()


async def walk(recording: Path, ticks: int, say: Say) -> None:
    now = [0.0]
    source = ReplaySource(recording, clock=lambda: now[0])
    gauges = Gauges()
    app = LrdashApp(lambda: Session(source, Settings()))
    keys = ("]", "[", "1", "2", "0", "t", "down", "up", "]", "o", "question_mark", "escape")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        for tick in range(ticks):
            now[0] += DAY / ticks
            shown = source.snapshot
            app.wake()
            await until(pilot, lambda shown=shown: app.main.snapshot.runs == shown.runs, "the new snapshot")  # type: ignore[misc]
            await pilot.press(keys[tick % len(keys)])
            if tick % 10 == 9:
                gauges.read()
    say(gauges.table(f"the screen, {ticks} snapshots and keys"))
    gauges.check_flat(memory=20)
