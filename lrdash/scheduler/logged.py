"""Tasks that only records and logs still tell of: submitted on another day, and gone from the queue."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lrdash.scheduler.base import UNKNOWN, Task
from lrdash.scheduler.ownership import run_of_log
from lrdash.scheduler.records import SubmissionRecord
from lrdash.sweep.identity import Identity, parse_identity
from lrdash.sweep.paths import logs_dir
from lrdash.sweep.spec import Sweep

_HEAD_BYTES = 4096
_LOG = re.compile(r".+\.(?:out|err)")
NOT_SEEN = "submitted; not seen in the queue yet"
SEEN_IN_LOG = "known from its log"


class LoggedTasks:
    """Finds logs of a sweep; the head of each file is read once."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._identities: dict[tuple[str, int], Identity] = {}

    def find(self, records: Sequence[SubmissionRecord]) -> dict[str, Task]:
        """The newest task that has a log, by run key; its state is not known from the log's name."""
        found: dict[str, Task] = {}
        try:
            entries = [entry for entry in os.scandir(logs_dir(self._sweep)) if _LOG.fullmatch(entry.name)]
        except OSError:
            return {}
        for entry in entries:
            if not _is_file(entry):
                continue
            owner = run_of_log(self._sweep, entry.name, self._identity(Path(entry.path)), records)
            if owner is None:
                continue
            run, task_id = owner
            task = Task(task_id, UNKNOWN, SEEN_IN_LOG)
            found[run.key] = newest(found.get(run.key), task) or task
        return found

    def _identity(self, path: Path) -> Identity | None:
        """The identity line in the head of a log; looked for again until it is there."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                key = (path.name, status.st_ino)
                if key not in self._identities:
                    head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
                    found = next((one for line in head.splitlines() if (one := parse_identity(line))), None)
                    if found is None:
                        return None
                    self._identities[key] = found
                return self._identities[key]
        except OSError:
            return None


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def recorded_tasks(sweep: Sweep, records: Iterable[SubmissionRecord]) -> Mapping[str, Task]:
    """The newest task that a record tells of, by run key; its state is not known yet."""
    return {
        sweep.by_name[name].key: Task(f"{record.job}_{index}", "PENDING", NOT_SEEN)
        for record in records
        for index, name in record.run_of_index.items()
        if record.job and name in sweep.by_name
    }


def newest(*tasks: Task | None) -> Task | None:
    """The one of the newest job; of tasks of one job the first."""
    return max((task for task in tasks if task), key=_job_number, default=None)


def _job_number(task: Task) -> int:
    return int(task.job) if task.job.isdigit() else 0
