"""Where the screen gets its snapshots from: a live monitor, a replay, or a test's own."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, Protocol

from lrdash.monitor.snapshot import Snapshot


class SnapshotSource(Protocol):
    """The polls block and are called in thread workers, never two of one kind at once."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest one; before the first poll what was cached on disk, or only the sweep's runs."""
        ...

    @property
    def queue_interval(self) -> float:
        """Seconds to wait between the answer of one queue poll and the start of the next."""
        ...

    @property
    def files_interval(self) -> float: ...

    @property
    def command_log(self) -> Sequence[Any]:
        """Every scheduler command that was run, oldest first."""
        ...

    def poll_queue(self) -> Snapshot: ...

    def poll_files(self) -> Snapshot: ...

    def wake(self) -> None:
        """The user has just changed something: the next polls come soon."""
        ...

    def close(self) -> None:
        """Makes polls that still run return at once."""
        ...


class KnownSnapshot:
    """The source of a session that is not connected yet: one snapshot, kept by an earlier session."""

    queue_interval = files_interval = inf
    command_log: Sequence[Any] = ()

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def poll_queue(self) -> Snapshot:
        return self.snapshot

    def poll_files(self) -> Snapshot:
        return self.snapshot

    def wake(self) -> None:
        """Nothing sleeps."""

    def close(self) -> None:
        """Nothing is open."""
