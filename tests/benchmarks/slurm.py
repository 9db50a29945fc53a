"""Slurm: what a poll costs among 10,000 jobs of other people, and what the screen does while Slurm hangs.

All on a real cluster of this machine; the controller hangs because it is stopped with SIGSTOP.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from lrdash.monitor.monitor import Monitor
from lrdash.scheduler.polling import BASE_SECONDS, PollInterval
from lrdash.scheduler.slurm import SlurmScheduler
from tests.benchmarks.screen import LRDASH, SETTLE_SECONDS, Terminal
from tests.conftest import ROOT
from tests.monitor.stubs import small_sweep
from tests.slurm.cluster import Cluster, missing_programs
from tests.slurm.configuration import Settings
from tests.slurm.crowd import fill_queue
from tests.ui import fakes
from tests.ui.screens import opened
from tests.waiting import wait_until

Row = tuple[str, str, float | None, float | None, bool | None]

CROWD = 10_000
POLLS, TICKS, ROUNDS, KEYS = 11, 7, 2, 60
HANG_SECONDS = 60
"""MessageTimeout: a client gives up after it. All keys of a measurement fit in."""
KEY_MS, TICK_MS = 100, 50
CALLS_AN_HOUR = 100
STROKES = ((b"j", b"text 1"), (b"k", b"text 0"), (b"[", b"evidence"), (b"]", b"accuracy by epoch"))
"""Keys in turn, and a text that stands on the screen only after each: the next run, the last view."""
NEVER = b"never painted"


def rows() -> Iterator[Row]:
    if (reason := _missing()) is not None:
        yield f"Slurm with {CROWD:,} other jobs; keys while it hangs", reason, None, None, None
        return
    with (
        tempfile.TemporaryDirectory(prefix="lrdash-bench-") as folder,
        Cluster(settings=Settings(nodes=1, message_timeout=HANG_SECONDS)) as cluster,
    ):
        fill_queue(cluster, CROWD)
        yield from _crowd_rows(cluster, Path(folder))
        yield from _screen_rows(cluster, Path(folder))


def _missing() -> str | None:
    if programs := missing_programs():
        return f"not installed: {', '.join(programs)}"
    return "needs root, to submit as somebody else" if os.getuid() else None


# A queue full of other people's jobs


def _crowd_rows(cluster: Cluster, folder: Path) -> Iterator[Row]:
    sweep = small_sweep(folder)
    _submit(cluster, folder)
    scheduler = SlurmScheduler(cluster.environment)
    monitor = Monitor(sweep, scheduler, cache_dir=folder / "cache")
    wait_until(lambda: {run.state for run in monitor.poll_queue().runs} == {"RUNNING"}, 30, "running tasks")
    yield from _poll_rows(cluster, scheduler, monitor.poll_queue, "our own jobs", 1.5)
    everybody = [getpass.getuser(), "nobody"]
    yield from _poll_rows(
        cluster, scheduler, lambda: scheduler.read_queue(everybody), "all 10,000 read too", 3.0
    )
    seconds = asyncio.run(_tick_seconds(monitor)) * 1000
    yield f"a tick of the screen <= {TICK_MS} ms", f"{seconds:.0f} ms", seconds, TICK_MS, seconds <= TICK_MS
    calls = _calls_of_an_idle_hour(monitor, scheduler)
    budget = f"an idle hour takes <= {CALLS_AN_HOUR} calls of Slurm's programs"
    yield budget, f"{calls} calls", calls, CALLS_AN_HOUR, calls <= CALLS_AN_HOUR
    monitor.close()


def _submit(cluster: Cluster, folder: Path) -> None:
    (folder / "logs" / "s").mkdir(parents=True)
    logs = (f"--output={folder}/logs/s/%A_%a.out", f"--error={folder}/logs/s/%A_%a.err")
    cluster.sbatch("--array=0-1", "--job-name=s_text", f"--chdir={folder}", *logs)


def _poll_rows(
    cluster: Cluster, scheduler: SlurmScheduler, poll: Callable[[], object], whose: str, limit: float
) -> Iterator[Row]:
    """Ours and the same squeue alone, in turn."""
    before = scheduler.command_log.total
    poll()
    command = scheduler.command_log.entries[-1].command
    ours, plain = [], []
    for _ in range(POLLS):
        ours.append(_seconds(poll))
        plain.append(_seconds(lambda: _alone(command, cluster)))
    calls = (scheduler.command_log.total - before) / (POLLS + 1)
    yield f"calls a poll among {CROWD:,} other jobs ({whose}): 1", f"{calls:g}", calls, 1, calls == 1
    mine, its = statistics.median(ours), statistics.median(plain)
    measured = f"{mine * 1000:.0f} ms; squeue alone {its * 1000:.0f} ms"
    yield f"a poll ({whose}) <= {limit}x the same squeue", measured, mine / its, limit, mine <= limit * its


def _alone(command: Sequence[str], cluster: Cluster) -> None:
    subprocess.run(command, env=cluster.environment, capture_output=True, check=True)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def _tick_seconds(monitor: Monitor) -> float:
    """CPU time from a snapshot of a poll to its painted rows."""
    app = fakes.make_app(monitor.snapshot)
    taken = []
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        for _ in range(TICKS):
            snapshot = monitor.poll_queue()
            before = time.process_time()
            app.main.snapshot = snapshot
            await pilot.pause()
            taken.append(time.process_time() - before)
    return statistics.median(taken)


def _calls_of_an_idle_hour(monitor: Monitor, scheduler: SlurmScheduler) -> int:
    """Real polls on a clock that stands still between them; all of Slurm's programs count."""
    now = 0.0
    interval = PollInterval(clock=lambda: now)
    before = scheduler.command_log.total
    while now < 3600:
        monitor.poll_queue()
        interval.succeeded(scheduler.command_log.entries[-1].seconds, changed=False)
        now += interval.seconds
    return scheduler.command_log.total - before


# The screen while the controller hangs


class Figures(NamedTuple):
    """Milliseconds."""

    keys: tuple[float, ...]
    quit: float


class Screen(Terminal):
    """lrdash on a terminal; what a key does is seen by the text that it brings."""

    def key(self, number: int) -> float:
        """Milliseconds from a key to the text that it brings."""
        key, text = STROKES[number % len(STROKES)]
        self._seen = b""
        started = time.perf_counter()
        os.write(self._fd, key)
        self.wait_for(text)
        return (time.perf_counter() - started) * 1000

    def quit(self) -> float:
        """Milliseconds from the key until the process is gone."""
        started = time.perf_counter()
        os.write(self._fd, b"q")
        with suppress(OSError):  # the other end of the terminal is closed
            self.wait_for(NEVER)
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return (time.perf_counter() - started) * 1000

    def wait_until_it_asks(self) -> None:
        """Reads on meanwhile, so that it can paint."""
        deadline = time.monotonic() + 6 * BASE_SECONDS
        while not self.asks():
            assert time.monotonic() < deadline, "no squeue that hangs"
            self.read_for(0.05)

    def asks(self) -> bool:
        """Whether a squeue of its own is running."""
        children = Path(f"/proc/{self.pid}/task").glob("*/children")
        pids = [pid for file in children for pid in file.read_text().split()]
        return any(Path(f"/proc/{pid}/comm").read_text() == "squeue\n" for pid in pids)


def _screen_rows(cluster: Cluster, folder: Path) -> Iterator[Row]:
    """One screen whose controller hangs and one whose controller answers, in turn: the load is the same."""
    with Cluster(settings=Settings(nodes=1)) as other:
        small_sweep(folder / "other")
        _submit(other, folder / "other")
        places = ((cluster, folder), (other, folder / "other"))
        rounds = [_round(places) for _ in range(ROUNDS)]
    hanging, answering = ([figures[at] for figures in rounds] for at in (0, 1))
    first, usual = (max(each.keys[0] for each in both) for both in (hanging, answering))
    yield _key_row("a first key", first, usual)
    yield _key_row("keys, p95", _p95(hanging), _p95(answering))
    took, otherwise = (min(each.quit for each in both) for both in (hanging, answering))
    measured = f"{took:.0f} ms; while it answers {otherwise:.0f} ms"
    ratio = took / otherwise
    yield "while the controller hangs: quitting <= 1.5x as long", measured, ratio, 1.5, ratio <= 1.5


def _key_row(words: str, took: float, otherwise: float) -> Row:
    measured = f"{took:.0f} ms; while it answers {otherwise:.0f} ms"
    return f"while the controller hangs: {words} <= {KEY_MS} ms", measured, took, KEY_MS, took <= KEY_MS


def _p95(rounds: Sequence[Figures]) -> float:
    return statistics.quantiles((took for each in rounds for took in each.keys), n=20)[-1]


def _round(places: Sequence[tuple[Cluster, Path]]) -> list[Figures]:
    """The first controller hangs from before the keys until both screens were left."""
    with ExitStack() as stack:
        screens = [_opened(*place) for place in places]
        for screen in screens:
            stack.callback(screen.close)
            screen.wait_for(b"RUNNING")
            screen.read_for(SETTLE_SECONDS / len(screens))
        cluster = places[0][0]
        cluster.freeze("slurmctld")
        stack.callback(cluster.thaw, "slurmctld")
        screens[0].wait_until_it_asks()
        screens[1].read_for(0.5)
        keys = [[screen.key(number) for screen in screens] for number in range(KEYS)]
        assert screens[0].asks(), "the squeue that hung has ended"
        both = zip(screens, zip(*keys, strict=True), strict=True)
        return [Figures(times, screen.quit()) for screen, times in both]


def _opened(cluster: Cluster, folder: Path) -> Screen:
    environment = {
        **cluster.environment, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT),
        **{f"XDG_{name}_HOME": f"{folder}/{name}" for name in ("CACHE", "STATE", "CONFIG")},
    }  # fmt: skip
    sweep = folder / "sbatch" / "s" / "sweep.yaml"
    return Screen((*LRDASH[:3], "--scheduler", "slurm", "--sweep", str(sweep)), environment)
