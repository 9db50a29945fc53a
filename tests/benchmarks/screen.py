"""The screen's budgets: first paint, the whole of Home, redraws, a large sweep, idling."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from lrdash.ui.plot.figure import Figure, FigureOptions, Series
from lrdash.ui.plot.reduce import MinMaxPyramid
from lrdash.ui.series import SeriesLook
from tests.conftest import ROOT
from tests.ui import fakes
from tests.ui.screens import opened

Row = tuple[str, str, float | None, float | None, bool | None]
ROUNDS = 7
TERMINAL = struct.pack("HHHH", 40, 120, 0, 0)
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("READY")
Minimal().run()
"""
CLOCK = """
import time
from textual.app import App
from textual.widgets import Static
class Clock(App):
    def compose(self):
        yield Static("READY")
    def on_mount(self):
        self.set_interval(1, lambda: self.query_one(Static).update(time.ctime()))
Clock().run()
"""
LRDASH = (sys.executable, "-m", "lrdash", "--scheduler", "local", "--sweep")
SETTLE_SECONDS, IDLE_SECONDS = 4.0, 20.0


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _start_rows(Path(folder))
    yield _redraw_row()
    yield from _many_runs_rows()


# In a terminal


class Terminal:
    """A program on a pseudo-terminal of 120x40."""

    def __init__(self, command: tuple[str, ...], environment: dict[str, str]) -> None:
        self.started = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], list(command), environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, TERMINAL)
        self._seen = b""

    def wait_for(self, text: bytes, seconds: float = 30.0) -> float:
        """Seconds from the start until a text has been written."""
        deadline = time.monotonic() + seconds
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} was not painted: {self._seen[-2000:]!r}"
            self._read(0.005)
        return time.monotonic() - self.started

    def read_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read(0.05)

    def _read(self, seconds: float) -> None:
        if select.select([self._fd], [], [], seconds)[0]:
            self._seen += os.read(self._fd, 65536)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)


def _start_rows(folder: Path) -> Iterator[Row]:
    environment = {
        **os.environ, "TERM": "xterm-256color", "XDG_CACHE_HOME": f"{folder}/cache", "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": f"{folder}/state", "XDG_CONFIG_HOME": f"{folder}/config",
    }  # fmt: skip
    lrdash = (*LRDASH, str(ROOT / "sbatch" / "final_sweep_v7" / "sweep.yaml"))
    # The status document that a second start paints first.
    subprocess.run([*lrdash[:-2], "status", *lrdash[-2:]], env=environment, check=True, capture_output=True)
    minimal = (sys.executable, "-c", MINIMAL)
    first, whole, base = [], [], []
    for _ in range(ROUNDS):
        base.append(_painted(minimal, environment, b"READY")[0])
        times = _painted(lrdash, environment, b"not submitted", b"accuracy by epoch")
        first.append(times[0])
        whole.append(times[1])
    plain = f"minimal Textual app {median(base) * 1000:.0f} ms"
    for words, times, limit in (("first paint", first, 1.15), ("all of Home", whole, 1.7)):
        ratio = median(mine / its for mine, its in zip(times, base, strict=True))
        measured = f"{median(times) * 1000:.0f} ms; {plain}"
        yield f"{words} <= {limit}x a minimal Textual app", measured, ratio, limit, ratio <= limit
    yield from _idle_rows(lrdash, environment)


def _painted(command: tuple[str, ...], environment: dict[str, str], *texts: bytes) -> list[float]:
    terminal = Terminal(command, environment)
    try:
        return [terminal.wait_for(text) for text in texts]
    finally:
        terminal.close()


def _idle_rows(command: tuple[str, ...], environment: dict[str, str]) -> Iterator[Row]:
    share, memory = _idle(command, environment, b"accuracy by epoch")
    clock, _ = _idle((sys.executable, "-c", CLOCK), environment, b"READY")
    measured = f"{share:.1f} %; a Textual app that shows the time: {clock:.1f} %"
    yield "idle <= 0.5 % CPU", measured, share, 0.5, share <= 0.5
    yield "idle <= 50 MiB", f"{memory:.0f} MiB", memory, 50, memory <= 50


def _idle(command: tuple[str, ...], environment: dict[str, str], painted: bytes) -> tuple[float, float]:
    """CPU in per cent and resident memory in MiB of a program that nobody touches."""
    terminal = Terminal(command, environment)
    try:
        terminal.wait_for(painted)
        terminal.read_for(SETTLE_SECONDS)
        before = terminal.cpu_seconds()
        terminal.read_for(IDLE_SECONDS)
        return 100 * (terminal.cpu_seconds() - before) / IDLE_SECONDS, terminal.resident_mib()
    finally:
        terminal.close()


# In process


def _redraw_row() -> Row:
    short, long = _redraw_seconds(1_000), _redraw_seconds(100_000)
    measured = f"{long * 1000:.1f} ms; 1,000 points {short * 1000:.1f} ms"
    ratio = long / short
    return "redraw 6 curves of 100,000 points <= 1.2x of 1,000", measured, ratio, 1.2, ratio <= 1.2


def _redraw_seconds(points: int) -> float:
    noise = random.Random(1)
    series = [
        Series(str(at), str(at), SeriesLook(at), MinMaxPyramid(_walk(noise, points)), markers=False)
        for at in range(6)
    ]
    options = FigureOptions(160, 45, whole_x=False)
    return median(_seconds_of(lambda: Figure(series, options)) for _ in range(ROUNDS))


def _walk(noise: random.Random, points: int) -> Iterator[tuple[float, float]]:
    for at in range(points):
        yield at / points, 1 / (1 + 9 * at / points) + 0.05 * noise.random()


def _many_runs_rows() -> Iterator[Row]:
    before = _resident_mib()
    tick, key = asyncio.run(_tick_and_key_seconds(2_000))
    memory = _resident_mib() - before
    yield "a tick of a sweep of 2,000 runs <= 50 ms", f"{tick * 1000:.0f} ms", tick * 1000, 50, tick <= 0.05
    yield "a key in a sweep of 2,000 runs <= 100 ms", f"{key * 1000:.0f} ms", key * 1000, 100, key <= 0.1
    yield "a screen of 2,000 runs <= 100 MiB more", f"{memory:.0f} MiB", memory, 100, memory <= 100


async def _tick_and_key_seconds(runs: int) -> tuple[float, float]:
    """CPU time from a new snapshot, in which every run has moved on, to its rows; from a key to its row."""
    app = fakes.make_app(_many(runs, 0))
    ticks, keys = [], []
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        for number in range(1, ROUNDS + 1):
            snapshot = _many(runs, number)
            before = time.process_time()
            app.main.snapshot = snapshot
            await pilot.pause()
            ticks.append(time.process_time() - before)
            before = time.process_time()
            await pilot.press("down")
            keys.append(time.process_time() - before)
        assert app.main.selected == f"text:{ROUNDS}"
    return median(ticks), median(keys)


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _many(runs: int, tick: int) -> fakes.Snapshot:
    statuses = tuple(
        fakes.run("text:0", state="RUNNING", run=f"run_{number}", index=number, label=f"lr {number}",
                  metrics=fakes.metrics("text:0", 3),
                  progress=fakes.Progress(3 + tick / 100, 6, 150 + tick, 300, 100.0, (90.0, 120.0)))
        for number in range(runs)
    )  # fmt: skip
    return fakes.copy(fakes.half_way(), runs=statuses, taken_at=f"2026-11-23T13:{tick:02}:30+01:00")


def _seconds_of(work: object) -> float:
    started = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - started
