"""Which task, and which log on disk, belongs to which run.

In this order, so that several sweeps, attempts and people in one folder are told apart:
a submission record names the job, which has the record's name or the sweep's folder; the job carries a
record's token (the answer of that submission was lost); the job's work directory is the sweep's root and
its name is one of the sweep's (plain sbatch, by hand).

Ids are one scheduler's: whoever asks a scheduler for tasks gives the records of that scheduler with them.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lrdash.scheduler.base import TOKEN_PREFIX, Task
from lrdash.scheduler.records import SubmissionRecord, asked_at, job_name, replace_record, stored_records
from lrdash.sweep.identity import Identity
from lrdash.sweep.paths import logs_dir
from lrdash.sweep.spec import Run, Sweep

ANSWER_SECONDS, CLOCK_SECONDS = 180.0, 5.0
"""How long after a record its sbatch may still submit, and by how much two machines' clocks may differ."""
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
    """The task of each run that has any, by the run's key: the newest, but one that is active before others.

    What was submitted twice goes on when the second job has ended.
    """
    owned = sorted(owned_tasks(sweep, tasks, records), key=lambda each: each.task.is_active)
    return {each.run.key: each for each in owned}


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


def note_found_jobs(sweep: Sweep, scheduler: str, tasks: Iterable[Task]) -> tuple[SubmissionRecord, ...]:
    """The scheduler's records; one without a job gets the one that is its own, here and on disk."""
    tasks = list(tasks)
    records = []
    for path, record in stored_records(sweep).items():
        if record.scheduler != scheduler:
            continue
        lost = record.job is None
        job = next((task.job for task in tasks if lost and _is_found(sweep, task, record)), None)
        if job is not None:
            record = msgspec.structs.replace(record, state="submitted", job=job)
            with suppress(OSError):  # a colleague's sweep is only watched
                replace_record(path, record)
        records.append(record)
    return tuple(records)


def _owned(sweep: Sweep, task: Task, records: Sequence[SubmissionRecord]) -> OwnedTask | None:
    if any(_was_refused(task, record) for record in records):
        return None
    record = _record_of(sweep, task, records)
    if record is not None:
        run = None if task.index is None else _run_named(sweep, record.run_of_index.get(task.index, ""))
    else:
        run = _run_by_hand(sweep, task)
    return OwnedTask(run, task, record) if run else None


def _record_of(sweep: Sweep, task: Task, records: Sequence[SubmissionRecord]) -> SubmissionRecord | None:
    """The newest record of the task's job. Job ids start again when a cluster is set up anew."""
    named = (record for record in reversed(records) if record.job == task.job and _fits(sweep, task, record))
    lost = (record for record in reversed(records) if record.job is None and _is_found(sweep, task, record))
    return next(named, None) or next(lost, None)


def _fits(sweep: Sweep, task: Task, record: SubmissionRecord) -> bool:
    """Whether the job with a record's id is the record's, and not somebody's who got the id later."""
    if _has_token(task):
        return record.token in task.comment
    return task.name == job_name(record) or _is_root(sweep, task.work_dir)


def _is_found(sweep: Sweep, task: Task, record: SubmissionRecord) -> bool:
    """Whether a task is of the job that a record without an answer tells of."""
    return (_carries(task, record) and not _was_refused(task, record)) or _is_alike(sweep, task, record)


def _carries(task: Task, record: SubmissionRecord) -> bool:
    """The groups of one submit share the token; the job's name tells them apart."""
    return record.token in task.comment and task.name == job_name(record)


def _was_refused(task: Task, record: SubmissionRecord) -> bool:
    """Slurm shows the tasks of an array that it refused as FAILED for a while: they were never on a node."""
    never_ran = task.is_finished and not task.nodes and not task.elapsed_seconds
    return record.state == "refused" and never_ran and _carries(task, record)


def _is_alike(sweep: Sweep, task: Task, record: SubmissionRecord) -> bool:
    """Where Slurm drops comments: name, folder, index and the time of the submission."""
    if record.state != "intended" or task.name != job_name(record) or _has_token(task):
        return False
    after = (task.submitted or 0.0) - asked_at(record)
    return -CLOCK_SECONDS <= after <= ANSWER_SECONDS and (
        task.index in record.indices and _is_root(sweep, task.work_dir)
    )


def _has_token(task: Task) -> bool:
    return task.comment.startswith(TOKEN_PREFIX)


def _run_by_hand(sweep: Sweep, task: Task) -> Run | None:
    # The name first: a folder may be on a disk that does not answer.
    group = next((group for group in sweep.groups if task.name == sweep.job_name(group.name)), None)
    if group is None or task.index is None or task.index >= len(group.runs):
        return None
    return group.runs[task.index] if _is_root(sweep, task.work_dir) else None


def _is_root(sweep: Sweep, directory: str | None) -> bool:
    return directory is not None and (directory == str(sweep.root) or Path(directory).resolve() == sweep.root)


def _run_named(sweep: Sweep, name: str) -> Run | None:
    return sweep.by_name.get(name)


def _age(owned: OwnedTask) -> tuple[float, int]:
    return owned.task.submitted or 0.0, int(owned.task.job) if owned.task.job.isdigit() else 0
