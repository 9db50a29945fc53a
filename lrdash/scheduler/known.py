"""Which schedulers may have tasks of a sweep, and what all of them show."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from lrdash.errors import SchedulerError
from lrdash.scheduler.base import Scheduler
from lrdash.scheduler.ownership import OwnedTask, note_found_jobs, owned_tasks, users_of
from lrdash.scheduler.records import SubmissionRecord, asked_at, read_records
from lrdash.sweep.paths import submissions_dir
from lrdash.sweep.spec import Sweep

NAMES = ("slurm", "local")


@dataclass(frozen=True)
class Activity:
    """What all schedulers together show of a sweep."""

    active: Mapping[str, OwnedTask]
    """A task that waits or runs, by the key of its run."""
    records: tuple[SubmissionRecord, ...]


def make_scheduler(name: str, sweep: Sweep) -> Scheduler:
    if name == "local":
        from lrdash.scheduler.local import LocalScheduler

        return LocalScheduler(sweep)
    from lrdash.scheduler.slurm import SlurmScheduler

    return SlurmScheduler()


def usual_scheduler(sweep: Sweep) -> Scheduler | None:
    """The scheduler that the sweep was last submitted to, by a record or by hand, else Slurm.

    None where nothing was submitted and this machine has no Slurm.
    """
    records = [record for record in read_records(sweep) if record.state != "refused"]
    if not records:
        return make_scheduler("slurm", sweep) if _has_slurm() else None
    last = make_scheduler(records[-1].scheduler, sweep)
    if last.name == "local" and _has_slurm() and not any(map(_is_active, _shown(sweep, last))):
        slurm = make_scheduler("slurm", sweep)
        try:
            tasks = _shown(sweep, slurm)
        except SchedulerError:
            return last
        if any(_is_active(each) or _is_newer(each, records[-1]) for each in tasks):
            return slurm
    return last


def look_everywhere(sweep: Sweep, asked: Scheduler | None = None) -> Activity:
    """Every scheduler that has, or by hand may have, tasks of the sweep; `asked` is one of them.

    Raises:
        SchedulerError: one that is asked, or that a record names, does not answer.
    """
    named = {record.scheduler for record in read_records(sweep) if record.state != "refused"}
    active: dict[str, OwnedTask] = {}
    records: list[SubmissionRecord] = []
    for name in NAMES:
        is_asked = asked is not None and asked.name == name
        if not (is_asked or name in named or (name == "slurm" and _has_slurm())):
            continue
        scheduler = asked if asked is not None and is_asked else make_scheduler(name, sweep)
        try:
            tasks = scheduler.read_queue(users_of(sweep)).tasks
        except SchedulerError as error:
            if is_asked:
                raise
            if name in named:
                raise type(error)(
                    f"{error}; runs of {sweep.name} may be there: ask again where it answers, "
                    f"or, if this is a copy of the project, remove {submissions_dir(sweep)}"
                ) from None
            continue  # installed, but nothing of this sweep was ever submitted to it from here
        noted = note_found_jobs(sweep, name, tasks)
        records += noted
        active |= {each.run.key: each for each in owned_tasks(sweep, tasks, noted) if _is_active(each)}
    return Activity(active, tuple(records))


def _shown(sweep: Sweep, scheduler: Scheduler) -> tuple[OwnedTask, ...]:
    tasks = scheduler.read_queue(users_of(sweep)).tasks
    return owned_tasks(sweep, tasks, read_records(sweep, scheduler.name))


def _has_slurm() -> bool:
    return shutil.which("squeue") is not None


def _is_active(owned: OwnedTask) -> bool:
    return owned.task.is_active


def _is_newer(owned: OwnedTask, record: SubmissionRecord) -> bool:
    return (owned.task.submitted or 0.0) > asked_at(record)
