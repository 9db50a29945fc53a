"""Recordings: every snapshot that was shown, with its time, and a source that shows them again.

A recording is a folder with `snapshots.jsonl`: one JSON object a line, `{"at": seconds, "snapshot": …}`;
unchanged snapshots are not repeated. `logs/` holds the end of every log as it was when recording ended.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lrdash.errors import ConfigError
from lrdash.monitor.snapshot import LogPaths, RunStatus, Snapshot
from lrdash.ui.source import SnapshotSource

FILE = "snapshots.jsonl"
LOG_TAIL_BYTES = 2**20


class Frame(msgspec.Struct, frozen=True):
    """A snapshot and when it came, in seconds since the recording began."""

    at: float
    snapshot: Snapshot


class RecordingSource:
    """Passes a source through and writes down what it says."""

    def __init__(
        self, source: SnapshotSource, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._folder = folder
        self._clock, self._started = clock, clock()
        self._last: Snapshot | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / FILE).open("xb")
        except FileExistsError:
            raise ConfigError(f"{folder / FILE} is there already; give another folder to --record") from None
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be recorded to: {error.strerror}") from None
        self._keep(source.snapshot)

    @property
    def snapshot(self) -> Snapshot:
        return self._source.snapshot

    @property
    def queue_interval(self) -> float:
        return self._source.queue_interval

    @property
    def files_interval(self) -> float:
        return self._source.files_interval

    @property
    def command_log(self) -> Sequence[Any]:
        return self._source.command_log

    def poll_queue(self) -> Snapshot:
        return self._keep(self._source.poll_queue())

    def poll_files(self) -> Snapshot:
        return self._keep(self._source.poll_files())

    def wake(self) -> None:
        self._source.wake()

    def close(self) -> None:
        self._source.close()
        self._file.close()
        for run in self._source.snapshot.runs:
            self._keep_logs(run)

    def _keep(self, snapshot: Snapshot) -> Snapshot:
        # taken_at and ages change with every look; the runs are what a recording is of.
        if not self._file.closed and (self._last is None or self._last.runs != snapshot.runs):
            frame = Frame(round(self._clock() - self._started, 3), snapshot)
            self._file.write(msgspec.json.encode(frame) + b"\n")
            self._file.flush()
            self._last = snapshot
        return snapshot

    def _keep_logs(self, run: RunStatus) -> None:
        for name, path in (("out", run.logs.out), ("err", run.logs.err)):
            if path is None:
                continue
            target = self._folder / "logs" / f"{run.run}.{name}"
            target.parent.mkdir(exist_ok=True)
            try:
                with Path(path).open("rb") as log:
                    log.seek(max(0, Path(path).stat().st_size - LOG_TAIL_BYTES))
                    target.write_bytes(log.read(LOG_TAIL_BYTES))
            except OSError:
                continue  # a log that is not there is none in the recording


class ReplaySource:
    """Shows a recording again, `speed` times as fast; the last snapshot stays."""

    command_log: Sequence[Any] = ()
    files_interval = 3600.0

    def __init__(self, folder: Path, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        if speed <= 0:
            raise ConfigError(f"--speed {speed:g} is not a speed; give a positive number")
        self.frames = read_recording(folder)
        self.speed, self._clock, self._started = speed, clock, clock()

    @property
    def _position(self) -> int:
        seconds = (self._clock() - self._started) * self.speed
        return max(0, bisect_right(self.frames, seconds, key=lambda frame: frame.at) - 1)

    @property
    def snapshot(self) -> Snapshot:
        return self.frames[self._position].snapshot

    @property
    def queue_interval(self) -> float:
        """Until the next frame is due."""
        following = self._position + 1
        if following >= len(self.frames):
            return 3600.0
        due = self.frames[following].at / self.speed - (self._clock() - self._started)
        return max(0.01, due)

    def poll_queue(self) -> Snapshot:
        return self.snapshot

    def poll_files(self) -> Snapshot:
        return self.snapshot

    def wake(self) -> None:
        """Nothing comes sooner in a recording."""

    def close(self) -> None:
        """Nothing runs."""


def read_recording(folder: Path) -> list[Frame]:
    """Every frame; a last line that was cut off is left out.

    Raises:
        ConfigError: there is no recording, or nothing in it.
    """
    path = folder / FILE
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be replayed: {error.strerror}") from None
    frames = []
    for number, raw in enumerate(lines, 1):
        try:
            frames.append(_with_logs(msgspec.json.decode(raw, type=Frame), folder))
        except msgspec.DecodeError as error:
            if number == len(lines) and frames:
                break
            raise ConfigError(f"{path}:{number}: not a recorded snapshot: {error}") from None
    if not frames:
        raise ConfigError(f"{path}: holds no snapshot")
    return frames


def _with_logs(frame: Frame, folder: Path) -> Frame:
    """Logs of the recording in place of those of the machine that made it."""
    runs = tuple(
        msgspec.structs.replace(
            run, logs=LogPaths(*(_log_of(folder, run.run, name) for name in ("out", "err")))
        )
        for run in frame.snapshot.runs
    )
    return Frame(frame.at, msgspec.structs.replace(frame.snapshot, runs=runs))


def _log_of(folder: Path, run: str, name: str) -> str | None:
    # A run's name comes from a file that may be anybody's: only a plain name stays inside the folder.
    if "/" in run or run in ("", ".", ".."):
        return None
    path = folder / "logs" / f"{run}.{name}"
    return str(path) if path.exists() else None
