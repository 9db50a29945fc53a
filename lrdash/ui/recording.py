"""Recordings: what Slurm and the files said, with times, in a folder that grows while one watches.

Each file holds one JSON object a line, written as soon as it is known, so that a crash loses nothing:

- `snapshots.jsonl`: what was shown, whenever runs or sources have changed;
- `files.jsonl`: what logs and training curves have grown by, at every look at them;
- `comparisons.jsonl`: every comparison that was made.

`replay.py` shows them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from lrdash.errors import ConfigError
from lrdash.logs.growth import GrowingFile
from lrdash.monitor.snapshot import Snapshot
from lrdash.results.comparison import Comparison
from lrdash.ui.source import SnapshotSource

SNAPSHOTS, GROWTH, COMPARISONS = "snapshots.jsonl", "files.jsonl", "comparisons.jsonl"


class Frame(msgspec.Struct, frozen=True):
    """A snapshot and when it came, in seconds since the recording began."""

    at: float
    snapshot: Snapshot


class Growth(msgspec.Struct, frozen=True):
    """What came to a file, or with `anew` what stands in another file of its name."""

    at: float
    file: str
    """Path of a log, or `curve_name` of a run."""
    text: str
    """A character a byte (Latin-1): whatever the bytes are, they come back, and ASCII is readable."""
    anew: bool = False


class Compared(msgspec.Struct, frozen=True):
    """A comparison and when it was ready."""

    at: float
    comparison: Comparison


def curve_name(key: str) -> str:
    """What the training curve of a run is called in a recording."""
    return f"curve {key}"


class Recorder:
    """The folder that is written to, by several threads."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigError: it cannot be written, or holds a recording already."""
        self._folder = folder
        self._clock, self._started = clock, clock()
        self._lock = Lock()
        self.problem = ""
        """Why the recording ended before the screen was closed."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._files = {name: (folder / name).open("xb") for name in (SNAPSHOTS, GROWTH, COMPARISONS)}
        except FileExistsError:
            raise ConfigError(
                f"{folder}: holds a recording already; give another folder to --record"
            ) from None
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be recorded to: {error.strerror}") from None

    @property
    def seconds(self) -> float:
        return round(self._clock() - self._started, 3)

    def write(self, name: str, entry: msgspec.Struct) -> None:
        """Append a line, unless the recording has ended; a full disk ends it, and not what is watched."""
        with self._lock:
            try:
                if self._files:
                    self._files[name].write(msgspec.json.encode(entry) + b"\n")
                    self._files[name].flush()
            except OSError as error:
                self.problem = f"{self._folder / name}: recorded only until then: {error.strerror}"
                self._end()

    def keep_comparison(self, comparison: Comparison) -> None:
        self.write(COMPARISONS, Compared(self.seconds, comparison))

    def close(self) -> None:
        with self._lock:
            self._end()

    def _end(self) -> None:
        for file in self._files.values():
            try:
                file.close()
            except OSError:
                continue  # what could not be written, which was told
        self._files = {}


class RecordingSource:
    """Passes a source through and writes down what it says, and what the files say that it names."""

    def __init__(
        self,
        source: SnapshotSource,
        recorder: Recorder,
        curves: Callable[[], Mapping[str, Path]] = dict,
    ) -> None:
        """`curves`: the training curve's file of each run, by key; runs may come and go."""
        self._source = source
        self.recorder = recorder
        self._last: object = None
        self._curves = curves
        self._growing: dict[str, GrowingFile] = {}
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
        snapshot = self._keep(self._source.poll_files())
        logs = [path for run in snapshot.runs for path in (run.logs.out, run.logs.err) if path is not None]
        named = {path: Path(path) for path in logs}
        named |= {curve_name(key): path for key, path in self._curves().items()}
        for name, path in named.items():
            file = self._growing.setdefault(name, GrowingFile(path))
            if (grown := file.read_on()) is not None:
                data, anew = grown
                self.recorder.write(GROWTH, Growth(self.recorder.seconds, name, data.decode("latin-1"), anew))
        return snapshot

    def wake(self) -> None:
        self._source.wake()

    def close(self) -> None:
        self._source.close()
        self.recorder.close()

    def _keep(self, snapshot: Snapshot) -> Snapshot:
        sources = snapshot.sources
        states = [
            (one.state, one.error)
            for one in (sources.queue, sources.accounting, sources.logs, sources.results)
        ]
        # taken_at and ages change with every look; what was known, and how well, is what a recording is of.
        if (known := (snapshot.runs, states)) != self._last:
            self._last = known
            self.recorder.write(SNAPSHOTS, Frame(self.recorder.seconds, snapshot))
        return snapshot
