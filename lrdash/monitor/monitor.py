"""Watches a sweep: what to read when, and the Snapshot of it all."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from lrdash.errors import ConfigError
from lrdash.monitor.document import read_document, write_document
from lrdash.monitor.files import NOTHING_READ, FileWatch
from lrdash.monitor.join import Joiner
from lrdash.monitor.queue import QueueWatch
from lrdash.monitor.snapshot import LogPaths, Snapshot
from lrdash.scheduler.base import Scheduler, Task
from lrdash.scheduler.records import SubmissionRecord, read_records
from lrdash.sweep.script import BatchScript, read_script
from lrdash.sweep.spec import Args, Sweep

FILES_SECONDS = 1.0
IDLE_FILES_SECONDS = 5.0
UNREAD_SECONDS = 0.2
"""While a large sweep is read for the first time."""
CACHED_DOCUMENT = "status.json"


class Monitor:
    """Two independent polls, each from a worker thread of its own, never two of one kind at once.

    What is kept on disk (the last status document, cursors of the logs, indexes of predictions) makes the
    next start show everything at once and read only what is new.
    """

    def __init__(
        self,
        sweep: Sweep,
        scheduler: Scheduler | None,
        *,
        cache_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.sweep = sweep
        self.scheduler = scheduler
        self.cache_dir = cache_dir or sweep_cache_dir(sweep)
        self._clock = clock
        self._queue = QueueWatch(sweep, scheduler, clock)
        self._files = FileWatch(sweep, self.cache_dir, clock)
        self._file_facts = NOTHING_READ
        self._lock = threading.Lock()
        cached = self._cached()
        if cached is not None:
            self._queue.remember(cached)
        is_local = scheduler is not None and scheduler.name == "local"
        self._joiner = Joiner(sweep, _scripts(sweep, is_local=is_local), cached)
        self.snapshot = cached or self._join()

    def poll_queue(self) -> Snapshot:
        """Ask the scheduler; blocks as long as it does."""
        self._queue.poll()
        return self._join()

    def poll_files(self, *, whole: bool = False) -> Snapshot:
        """Read what logs and results have added; with `whole` all of it, however long it takes."""
        self._file_facts = self._files.poll(self._queue.facts, whole=whole)
        snapshot = self._join()
        write_document(snapshot, self.cache_dir / CACHED_DOCUMENT)
        return snapshot

    def log_paths(self, key: str) -> LogPaths:
        """Where the run `text:2` writes, even if no scheduler has ever answered; reads no log."""
        facts = self._queue.facts
        task = facts.tasks.get(key) or self._queue.task_in_files(key)
        return self._files.log_paths(task, facts) if task else LogPaths()

    @property
    def queue_interval(self) -> float:
        """Seconds from the answer of one queue poll to the next."""
        return self._queue.interval

    def wake(self) -> None:
        """The user has just changed something: the next polls come soon."""
        self._queue.wake()

    @property
    def files_interval(self) -> float:
        if not self._files.is_complete:
            return UNREAD_SECONDS
        return FILES_SECONDS if self._is_active() else IDLE_FILES_SECONDS

    @property
    def command_log(self) -> Sequence[Any]:
        """Every command of the scheduler that was run, oldest first."""
        log = getattr(self.scheduler, "command_log", None)
        return log.entries if log is not None else ()

    def close(self) -> None:
        """Makes polls that still run return at once."""
        if self.scheduler is not None:
            self.scheduler.close()
        self._files.close()

    def _join(self) -> Snapshot:
        with self._lock:
            queue = self._queue.facts
            overrides = _overrides(self.sweep, queue.tasks)
            self.snapshot = self._joiner.join(queue, self._file_facts, overrides, self._clock())
            return self.snapshot

    def _cached(self) -> Snapshot | None:
        """The last snapshot on disk, if it is of the same runs."""
        cached = read_document(self.cache_dir / CACHED_DOCUMENT)
        if cached is not None and [run.key for run in cached.runs] == [run.key for run in self.sweep.runs]:
            return cached
        return None

    def _is_active(self) -> bool:
        return any(run.is_active for run in self.snapshot.runs)


def sweep_cache_dir(sweep: Sweep) -> Path:
    """One folder a sweep file, in the user's cache directory."""
    digest = hashlib.sha256(str(sweep.file).encode()).hexdigest()[:16]
    return platformdirs.user_cache_path("lrdash") / f"{sweep.name}-{digest}"


def _scripts(sweep: Sweep, *, is_local: bool) -> dict[str, BatchScript]:
    found = {}
    for group in sweep.groups:
        try:
            script = read_script(group.script)
        except ConfigError:
            continue  # preflight says so; what runs can be watched all the same
        found[group.name] = script.without_gpus() if is_local else script
    return found


def _overrides(sweep: Sweep, tasks: Mapping[str, Task]) -> dict[str, Args]:
    """Arguments of `submit --set`, by run key: of the submission that the task which is shown came of."""
    return {
        run.key: record.overrides
        for record in read_records(sweep)
        if record.state != "refused"
        for name in record.runs
        if (run := sweep.by_name.get(name)) and _is_submitted_by(record, tasks.get(run.key))
    }


def _is_submitted_by(record: SubmissionRecord, task: Task | None) -> bool:
    """What was submitted later by hand, or with other arguments, is held against its own."""
    if task is None:
        return True
    return record.job == task.job if record.job else record.token in task.comment
