"""The log window: opening the end of logs of any size, and following logs of any speed in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import msgspec

from lrdash.logs.page import Viewport
from lrdash.logs.viewer import LogViewer
from tests.benchmarks.log_app import Report
from tests.benchmarks.scanner import Row, write_log

SIZES = (10_000_000, 1_000_000_000, 5_000_000_000)
RATES = (1_000, 10_000, 100_000, 500_000)
SECONDS = 6.0
POLL_MS = 100.0
WRITE_SECONDS = 0.005
COLUMNS, ROWS = 160, 45
MIB = 1 << 20


@dataclass(frozen=True)
class Opening:
    seconds: float
    bytes_read: int
    grown_kib: int


@dataclass(frozen=True)
class Following:
    rate: int
    written: int
    report: Report
    key_ms: list[float]

    @property
    def lost(self) -> int:
        return self.written - (self.report.lines or 0)

    @property
    def cpu(self) -> float:
        return self.report.cpu_seconds / self.report.seconds


def rows(
    sizes: tuple[int, ...] = SIZES, rates: tuple[int, ...] = RATES, seconds: float = SECONDS
) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return [*_opening_rows(Path(folder), sizes), *_following_rows(Path(folder), rates, seconds)]


def _opening_rows(folder: Path, sizes: tuple[int, ...]) -> list[Row]:
    paths = []
    for size in sizes:
        path = folder / f"{size}.out"
        write_log(path, size)
        paths.append(path)
    rounds = [[_open_in_new_process(path) for path in paths] for _ in range(5)]
    small, large = ([one[at].seconds for one in rounds] for at in (0, -1))
    ratio = median(large) / median(small)
    read = max(opening.bytes_read for one in rounds for opening in one)
    grown = max(opening.grown_kib for one in rounds for opening in one)
    names = " -> ".join(f"{size / 1e9:g} GB" for size in (sizes[0], sizes[-1]))
    for path in paths:
        path.unlink()
    return [
        (f"open the end of a log, {names}", f"{median(small) * 1e3:.2f} ms, {median(large) * 1e3:.2f} ms",
         ratio, 1.2, ratio <= 1.2),
        ("bytes read for the first screen, MiB", f"{read / MIB:.2f} MiB", read / MIB, 1.0, read <= MIB),
        ("memory for the first screen, MiB", f"{grown / 1024:.1f} MiB", grown / 1024, 8.0, grown <= 8 * 1024),
    ]  # fmt: skip


def _open_in_new_process(path: Path) -> Opening:
    done = subprocess.run([sys.executable, "-m", __name__, str(path)], capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=Opening)


def open_once(path: Path) -> Opening:
    """Median time of opening, in a process that has done nothing else."""
    viewport = Viewport(COLUMNS, ROWS)
    before, seconds, read = _peak_kib(), [], 0
    for _ in range(15):
        start = time.perf_counter()
        viewer = LogViewer(path)
        page = viewer.look(viewport, None, 0)
        seconds.append(time.perf_counter() - start)
        assert len(page.rows) == ROWS
        assert page.rows[-1].line.data.startswith(b"[INFO] Using custom classification optimizer")
        read = viewer.log.bytes_read
        viewer.log.close()
    return Opening(median(seconds), read, _peak_kib() - before)


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


# ---- following ----


def _following_rows(folder: Path, rates: tuple[int, ...], seconds: float) -> list[Row]:
    runs = {rate: follow(folder, rate, seconds) for rate in rates}
    slow, fast = runs[rates[0]], runs[min(100_000, rates[-1])]
    lost = sum(abs(run.lost) + run.report.gaps for run in runs.values())
    rate = f"{fast.rate:,} lines/s"
    age, key, cpu = median(fast.report.oldest_ms), _p95(fast.key_ms), fast.cpu / slow.cpu
    ages = ", ".join(f"{run.rate:,}: {median(run.report.oldest_ms):.0f} ms" for run in runs.values())
    return [
        (f"lines lost or doubled, {rates[0]:,} to {rates[-1]:,} lines/s",
         f"{lost} of {sum(run.written for run in runs.values()):,}", float(lost), 0.0, lost == 0),
        (f"age of the oldest line not yet seen, {rate}", f"median at {ages}",
         age / POLL_MS, 1.15, age <= POLL_MS + 15),
        (f"UI CPU at {rate}, against {slow.rate:,}", f"{fast.cpu:.1%}, {slow.cpu:.1%}", cpu, 1.1, cpu <= 1.1),
        (f"key p95 at {rate}, ms", f"{key:.0f} ms", key, 100.0, key <= 100),
    ]  # fmt: skip


def follow(folder: Path, rate: int, seconds: float) -> Following:
    """A pane follows a log that grows by `rate` lines a second, while a key is pressed every 0.1 s."""
    log, report = folder / f"{rate}.out", folder / f"{rate}.json"
    log.write_bytes(b"")
    terminal = _Terminal([sys.executable, "-m", "tests.benchmarks.log_app", str(log), str(report)])
    terminal.wait_for(b"answer 0")
    written: list[int] = []
    writer = threading.Thread(target=lambda: written.append(write_lines(log, rate, seconds)))
    writer.start()
    key_ms = []
    while writer.is_alive():
        key_ms.append(terminal.answer_ms(len(key_ms) + 1))
        time.sleep(0.1)
    time.sleep(0.5)
    terminal.send(b"Q")
    terminal.wait_exit()
    log.unlink()
    return Following(rate, written[0], msgspec.json.decode(report.read_bytes(), type=Report), key_ms)


def write_lines(log: Path, rate: int, seconds: float) -> int:
    """Append numbered lines of about 105 bytes, a batch every 5 ms; returns how many."""
    number, start = 0, time.monotonic()
    filler = b"x" * 80
    with log.open("ab", buffering=0) as file:
        while (now := time.monotonic()) - start < seconds:
            due = int((now - start) * rate)
            stamp = b"%.6f" % now
            file.write(b"".join(b"%d %s %s\n" % (line, stamp, filler) for line in range(number, due)))
            number = due
            time.sleep(WRITE_SECONDS)
    return number


class _Terminal:
    """A program on a pseudoterminal whose output is read all the time."""

    def __init__(self, command: list[str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self._seen = b""

    def send(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def answer_ms(self, number: int) -> float:
        start = time.perf_counter()
        self.send(b"z")
        self.wait_for(b"answer %d" % number)
        return (time.perf_counter() - start) * 1000

    def wait_for(self, text: bytes, seconds: float = 60.0) -> None:
        self._seen = b""
        deadline = time.monotonic() + seconds
        while text not in self._seen:
            assert time.monotonic() < deadline, f"{text!r} not within {seconds:g} s"
            self._read(0.05)

    def wait_exit(self, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"still running after {seconds:g} s"
            self._read(0.05)
        os.close(self._master)
        assert self._process.returncode == 0, self._seen.decode("utf-8", "replace")

    def _read(self, seconds: float) -> None:
        if select.select([self._master], [], [], seconds)[0]:
            with suppress(OSError):  # EIO: the program has ended
                self._seen = self._seen[-200:] + os.read(self._master, 65536)


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.buffer.write(msgspec.json.encode(open_once(Path(sys.argv[1]))))
    else:
        for row in rows():
            print(row)
