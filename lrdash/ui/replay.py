"""A recording, shown again: snapshots, logs, curves and comparisons, each when it came."""

from __future__ import annotations

import shutil
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from math import inf
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lrdash.errors import ConfigError, ResultsError
from lrdash.monitor.snapshot import LogPaths, Snapshot
from lrdash.ui.recording import COMPARISONS, GROWTH, SNAPSHOTS, Compared, Frame, Growth, curve_name
from lrdash.ui.results import Results

if TYPE_CHECKING:
    from lrdash.results.candidates import Candidate
    from lrdash.results.comparison import Comparison
    from lrdash.results.steps import StepReader, StepSeries

NEVER_SECONDS = 3600.0
LEAST_SECONDS = 0.05
"""Between two looks at a recording that is played fast."""
EntryT = TypeVar("EntryT", Frame, Growth, Compared)


class ReplaySource:
    """Shows a recording again, `speed` times as fast; what came last stays.

    Its logs grow in a temporary folder, so that the views read them as they read any others.
    """

    command_log: Sequence[Any] = ()

    def __init__(self, folder: Path, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigError: there is no recording, or nothing in it."""
        if not 0 < speed < inf:
            raise ConfigError(f"--speed {speed:g} is not a speed; give a positive number")
        self.frames = list(_entries(folder / SNAPSHOTS, Frame))
        if not self.frames:
            raise ConfigError(f"{folder / SNAPSHOTS}: holds no snapshot")
        self._growth: Iterator[Growth] = _unbroken(_entries(folder / GROWTH, Growth))
        self._next_growth = next(self._growth, None)
        self._speed, self._clock, self._started = speed, clock, clock()
        self._folder = _temporary_folder()
        self._names: dict[str, str] = {}
        self._numbers = count()
        self._lock = Lock()
        self.closed = Event()

    @property
    def seconds(self) -> float:
        """Since the recording began."""
        return (self._clock() - self._started) * self._speed

    def until(self, at: float) -> float:
        """Real seconds until a moment of the recording."""
        return (at - self.seconds) / self._speed

    @property
    def snapshot(self) -> Snapshot:
        snapshot = self.frames[self.position].snapshot
        runs = tuple(
            msgspec.structs.replace(run, logs=LogPaths(self._log(run.logs.out), self._log(run.logs.err)))
            for run in snapshot.runs
        )
        return msgspec.structs.replace(snapshot, runs=runs)

    @property
    def position(self) -> int:
        """Of the frame that is shown."""
        return max(0, bisect_right(self.frames, self.seconds, key=lambda frame: frame.at) - 1)

    @property
    def queue_interval(self) -> float:
        """Until the next frame is due."""
        following = self.position + 1
        if following >= len(self.frames):
            return NEVER_SECONDS
        return max(LEAST_SECONDS, self.until(self.frames[following].at))

    @property
    def files_interval(self) -> float:
        """Until the next frame is due, or a file grows."""
        if self._next_growth is None:
            return self.queue_interval
        return max(LEAST_SECONDS, min(self.queue_interval, self.until(self._next_growth.at)))

    def poll_queue(self) -> Snapshot:
        return self.snapshot

    def poll_files(self) -> Snapshot:
        with self._lock:
            while (growth := self._next_growth) is not None and growth.at <= self.seconds:
                try:
                    with self.local(growth.file).open("wb" if growth.anew else "ab") as file:
                        file.write(growth.text.encode("latin-1", "replace"))
                except OSError:
                    self._growth = iter(())  # the temporary folder takes no more: the logs stay as they are
                self._next_growth = next(self._growth, None)
        return self.snapshot

    def local(self, name: str) -> Path:
        """The file of this machine that stands for one of the recording.

        Numbered, for a recording may be anybody's: no name in it leads out of the temporary folder.
        """
        return self._folder / self._names.setdefault(name, str(next(self._numbers)))

    def _log(self, path: str | None) -> str | None:
        return None if path is None else str(self.local(path))

    def wake(self) -> None:
        """Nothing comes sooner in a recording."""

    def close(self) -> None:
        self.closed.set()
        shutil.rmtree(self._folder, ignore_errors=True)


class ReplayResults(Results):
    """The curves and comparisons of a recording; the predictions behind them are not in it."""

    def __init__(self, source: ReplaySource, folder: Path) -> None:
        self._source = source
        self._compared = list(_entries(folder / COMPARISONS, Compared))
        self._curves: dict[str, StepReader] = {}
        self.name = source.frames[0].snapshot.sweep

    def read_steps(self, keys: Collection[str]) -> dict[str, StepSeries]:
        from lrdash.results.steps import StepReader

        for key in keys:
            self._curves.setdefault(key, StepReader(self._source.local(curve_name(key))))
        return {key: self._curves[key].read() for key in keys}

    def candidates(self) -> tuple[Candidate, ...]:
        raise ResultsError("this is a recording: the predictions are not in it")

    def reported(self) -> tuple[Candidate, ...]:
        from lrdash.results.candidates import Candidate

        runs = self._source.snapshot.runs
        return tuple(Candidate(run.run, run.label or run.run, run.group, run.index) for run in runs)

    def run_names(self) -> dict[str, str]:
        return {run.key: run.run for run in self._source.snapshot.runs}

    def compare(self, baselines: Mapping[str, str], epoch: str | int = "last") -> Comparison:
        """The one that was made of the results that are shown; waits as long as it took.

        Raises:
            ResultsError: there was none.
        """
        made = [one for one in self._compared if one.comparison.epoch == epoch]
        if not made:
            raise ResultsError("this is a recording: no comparison of that epoch is in it")
        due = bisect_right(made, self._source.seconds, key=lambda one: one.at) - 1
        first = bisect_left(made, self._results_since(), key=lambda one: one.at)
        chosen = made[min(max(due, first), len(made) - 1)]
        self._source.closed.wait(max(0.0, self._source.until(chosen.at)))
        return chosen.comparison

    def _results_since(self) -> float:
        """When the results came that are shown now."""
        frames, at = self._source.frames, self._source.position
        shown = _metrics(frames[at])
        while at and _metrics(frames[at - 1]) == shown:
            at -= 1
        return frames[at].at


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="lrdash-replay-"))
    except OSError as error:
        raise ConfigError(f"no temporary folder for the logs of a replay: {error.strerror}") from None


def _unbroken(entries: Iterator[EntryT]) -> Iterator[EntryT]:
    """As far as it can be read: far into a recording there is nobody left to raise to."""
    with suppress(ConfigError):
        yield from entries


def _metrics(frame: Frame) -> object:
    return [(run.run, run.metrics) for run in frame.snapshot.runs]


def _entries(path: Path, kind: type[EntryT]) -> Iterator[EntryT]:
    """Every line of a file of a recording; a last line that was cut off is left out.

    Raises:
        ConfigError: the file is none of a recording.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    entry = decoder.decode(raw)
                except msgspec.DecodeError as error:
                    if not raw.endswith(b"\n"):
                        return
                    raise ConfigError(f"{path}:{number}: not a line of a recording: {error}") from None
                yield entry
    except OSError as error:
        raise ConfigError(f"{path}: cannot be replayed: {error.strerror}") from None
