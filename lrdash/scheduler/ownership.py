"""Which task, and which log on disk, belongs to which run.

In this order, so that several sweeps, attempts and people in one folder are told apart:
a submission record names the job; the job's comment carries a record's token (the answer of that
submission was lost); the job's work directory is the sweep's root and its name is one of the sweep's
(plain sbatch, by hand).
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lrdash.scheduler.base import Task
from lrdash.scheduler.records import SubmissionRecord, replace_record, stored_records
from lrdash.sweep.identity import Identity
from lrdash.sweep.paths import logs_dir
from lrdash.sweep.spec import Run, Sweep

_LOG_NAME = re.compile(r"(?P<job>\d{1,18})_(?P<index>\d{1,9})\.(?:out|err)")


@dataclass(frozen=True)
class OwnedTask:
    """A task and the run that it is, or was, a start of."""

    run: Run
    task: Task
    record: SubmissionRecord | None
    """What was submitted; None for a job submitted by hand."""


def users_of(sweep: Sweep) -> set[str]:
    """Whose jobs may be this sweep's: ours, and those of the log folder's owner."""
    users = {getpass.getuser()}
    with suppress(OSError, KeyError):  # not there yet; or its owner has no name here
        users.add(logs_dir(sweep).owner())
    return users


def owned_tasks(
    sweep: Sweep, tasks: Iterable[Task], records: Sequence[SubmissionRecord]
) -> tuple[OwnedTask, ...]:
    """The tasks of this sweep, oldest first."""
    owned = [each for task in tasks if (each := _owned(sweep, task, records)) is not None]
    return tuple(sorted(owned, key=_age))


def latest_tasks(
    sweep: Sweep, tasks: Iterable[Task], records: Sequence[SubmissionRecord]
) -> dict[str, OwnedTask]:
    """The newest task of each run that has any, by the run's key."""
    return {each.run.key: each for each in owned_tasks(sweep, tasks, records)}


def run_of_log(
    sweep: Sweep, file_name: str, identity: Identity | None, records: Sequence[SubmissionRecord]
) -> tuple[Run, str] | None:
    """The run and the task (`123_2`) of a log file, from its identity line, else from a record of its job."""
    if identity is not None:
        run = _run_named(sweep, identity.run)
        is_ours = run is not None and identity.sweep == sweep.name and _is_root(sweep, identity.root)
        return (run, identity.job) if run is not None and is_ours else None
    match = _LOG_NAME.fullmatch(file_name)
    if match is None:
        return None
    record = next((record for record in records if record.job == match["job"]), None)
    if record is None:
        return None
    run = _run_named(sweep, record.run_of_index.get(int(match["index"]), ""))
    return (run, f"{match['job']}_{match['index']}") if run else None


def note_found_jobs(sweep: Sweep, tasks: Iterable[Task]) -> tuple[SubmissionRecord, ...]:
    """All records; one whose answer was lost gets the job that carries its token, here and on disk."""
    tasks = list(tasks)
    records = []
    for path, record in stored_records(sweep).items():
        job = next((task.job for task in tasks if _carries(task, record)), None)
        if record.state == "intended" and job is not None:
            record = msgspec.structs.replace(record, state="submitted", job=job)
            with suppress(OSError):  # a colleague's sweep is only watched
                replace_record(path, record)
        records.append(record)
    return tuple(records)


def _owned(sweep: Sweep, task: Task, records: Sequence[SubmissionRecord]) -> OwnedTask | None:
    # Slurm shows the tasks of an array that it refused as FAILED for a while.
    if any(record.state == "refused" and _carries(task, record) for record in records):
        return None
    record = _record_of(task, records)
    if record is not None:
        run = None if task.index is None else _run_named(sweep, record.run_of_index.get(task.index, ""))
    else:
        run = _run_by_hand(sweep, task)
    return OwnedTask(run, task, record) if run else None


def _record_of(task: Task, records: Sequence[SubmissionRecord]) -> SubmissionRecord | None:
    """The newest record of the task's job. Job ids start again when a cluster is set up anew."""
    named = (record for record in reversed(records) if record.job == task.job and _fits(task, record))
    lost = (record for record in reversed(records) if record.job is None and _carries(task, record))
    return next(named, None) or next(lost, None)


def _fits(task: Task, record: SubmissionRecord) -> bool:
    return not task.comment.startswith("lrdash:") or record.token in task.comment


def _carries(task: Task, record: SubmissionRecord) -> bool:
    """The groups of one submit share the token; the job's name tells them apart."""
    return record.token in task.comment and task.name == f"{record.sweep}_{record.group}"


def _run_by_hand(sweep: Sweep, task: Task) -> Run | None:
    if task.index is None or not task.work_dir or not _is_root(sweep, task.work_dir):
        return None
    for group in sweep.groups:
        if task.name == sweep.job_name(group.name) and task.index < len(group.runs):
            return group.runs[task.index]
    return None


def _is_root(sweep: Sweep, directory: str) -> bool:
    return directory == str(sweep.root) or Path(directory).resolve() == sweep.root


def _run_named(sweep: Sweep, name: str) -> Run | None:
    return sweep.by_name.get(name)


def _age(owned: OwnedTask) -> tuple[float, int]:
    return owned.task.submitted or 0.0, int(owned.task.job) if owned.task.job.isdigit() else 0
