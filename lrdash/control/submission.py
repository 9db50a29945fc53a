"""Submitting: what exactly would be submitted, then doing it, with a record of each step."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lrdash.errors import (
    AlreadyActiveError,
    AuthenticationError,
    ConfigError,
    LrdashError,
    NoConfigurationError,
    SchedulerError,
    TimedOutError,
    UnreachableError,
    UsageError,
)
from lrdash.scheduler.base import Scheduler, Submission
from lrdash.scheduler.environment import FRESH, OVERRIDES
from lrdash.scheduler.known import look_everywhere
from lrdash.scheduler.ownership import note_found_jobs, users_of
from lrdash.scheduler.records import (
    SubmissionRecord,
    age_seconds,
    replace_record,
    submitting,
    utc_now,
    write_record,
)
from lrdash.sweep.arguments import with_overrides
from lrdash.sweep.script import parse_options, read_script
from lrdash.sweep.spec import Group, Run, Scalar, Sweep

LOST_SECONDS = 60.0
"""How long a request without an answer may still be on its way."""
GIT_SECONDS = 5.0
_OURS = {
    "array": "--index chooses the indices",
    "job-name": "the sweep's name and group are the job's name",
    "chdir": "a job runs in the sweep's root",
    "comment": "it carries the token by which a lost answer is found",
    "wrap": "the group's script is what runs",
    "test-only": "`lrdash preflight` asks that",
    "wait": "the answer is needed at once; `lrdash wait` waits",
}
"""sbatch's options that a submission sets itself, and why they cannot be given."""


@dataclass(frozen=True)
class SubmissionPlan:
    """What `carry_out` will do; made without side effects."""

    sweep: Sweep
    """With the overrides in its runs."""
    jobs: tuple[Submission, ...]
    overrides: Mapping[str, Scalar]
    fresh: bool

    def shell_commands(self, scheduler: Scheduler) -> tuple[str, ...]:
        """What would be run, as one could type it: a line a job, without Slurm a line a task."""
        if scheduler.name != "local":
            return tuple(_shell_command(scheduler, job) for job in self.jobs)
        return tuple(
            f"cd {shlex.quote(str(job.work_dir))} && "
            + _shell_command(scheduler, job, {"SLURM_ARRAY_TASK_ID": str(index)})
            for job in self.jobs
            for index in job.indices
        )

    def runs_of(self, job: Submission) -> tuple[Run, ...]:
        runs = self.sweep.group(job.group).runs
        return tuple(runs[index] for index in job.indices)


@dataclass(frozen=True)
class Outcome:
    """What became of one array job."""

    submission: Submission
    job: str | None
    error: LrdashError | None = None

    def __str__(self) -> str:
        indices = ",".join(map(str, self.submission.indices))
        what = f"{self.submission.group} [{indices}]"
        if self.error is None:
            return f"{what}: job {self.job}"
        return f"{what}: {self.error}" if self.job else f"{what}: not submitted: {self.error}"


def plan_submission(
    sweep: Sweep,
    scheduler: Scheduler,
    runs: Collection[Run] | None = None,
    *,
    overrides: Mapping[str, Scalar] = {},
    fresh: bool = False,
    options: Sequence[str] = (),
) -> SubmissionPlan:
    """One array job for each group that has any of `runs` (all by default).

    Raises:
        UsageError: an override cannot hold, or an option is not for the user to give.
    """
    _check_options(options)
    chosen = {run.name for run in (sweep.runs if runs is None else runs)}
    sweep = with_overrides(sweep, overrides)
    token = secrets.token_hex(4)
    environment = {"LRDASH_VENV": os.environ.get("LRDASH_VENV", sys.prefix)}
    if overrides:
        environment[OVERRIDES] = json.dumps(dict(overrides))
    if fresh:
        environment[FRESH] = "1"
    jobs = tuple(
        Submission(
            group=group.name,
            script=group.script,
            job_name=sweep.job_name(group.name),
            indices=tuple(run.index for run in group.runs if run.name in chosen),
            work_dir=sweep.root,
            token=token,
            options=tuple(options),
            environment=environment,
            processes=group.processes,
            at_once=_at_once(group),
        )
        for group in sweep.groups
        if any(run.name in chosen for run in group.runs)
    )
    return SubmissionPlan(sweep, jobs, dict(overrides), fresh)


def _shell_command(scheduler: Scheduler, job: Submission, more: Mapping[str, str] = {}) -> str:
    variables = (f"{name}={value}" for name, value in {**job.environment, **more}.items())
    return shlex.join(["env", *variables, *scheduler.submit_command(job)])


def _check_options(options: Sequence[str]) -> None:
    before = "="
    for word in options:
        # sbatch takes the first word that is no option, nor the value of one, for the script.
        if not word.startswith("-") and ("=" in before or not before.startswith("-")):
            raise UsageError(f"{word!r} after -- is no sbatch option; write --name=value")
        before = word
    for name in parse_options(options):
        # sbatch takes an option's beginning for the option.
        if ours := next((ours for ours in _OURS if name and ours.startswith(name)), None):
            raise UsageError(f"--{ours} cannot be given after --: {_OURS[ours]}")


def _at_once(group: Group) -> int | None:
    try:
        return read_script(group.script).at_once
    except ConfigError:
        return None  # preflight says what is wrong with the script


def check_not_active(plan: SubmissionPlan, scheduler: Scheduler) -> None:
    """
    Raises:
        AlreadyActiveError: one of the runs is queued or running, on whichever scheduler.
        SchedulerError: one that may have them does not answer.
    """
    found = look_everywhere(plan.sweep, scheduler)
    _check_none_is_lost(plan, found.records)
    planned = [run for job in plan.jobs for run in plan.runs_of(job)]
    active = [run for run in planned if run.key in found.active]
    if active:
        named = ", ".join(f"{run.key} ({found.active[run.key].task.id})" for run in active)
        raise AlreadyActiveError(
            f"already queued or running: {named}; "
            f"choose others with --group and --index, or cancel these first"
        )


def carry_out(plan: SubmissionPlan, scheduler: Scheduler) -> Iterator[Outcome]:
    """Submit job after job; stops after the first that was not accepted. Nothing is cancelled.

    Raises:
        AlreadyActiveError: one of the runs is queued or running; nothing was submitted.
        ConfigError: this folder lets nobody submit; nothing was submitted.
    """
    with submitting(plan.sweep):
        check_not_active(plan, scheduler)
        for job in plan.jobs:
            outcome = _submit(plan, job, scheduler)
            yield outcome
            if outcome.error is not None:
                return


def _submit(plan: SubmissionPlan, job: Submission, scheduler: Scheduler) -> Outcome:
    try:
        record = _record(plan, job, scheduler)
        path = write_record(plan.sweep, record)
    except ConfigError as error:
        return Outcome(job, None, error)
    try:
        job_id = scheduler.submit(job)
    except SchedulerError as error:
        if _may_have_arrived(error):
            return _after_no_answer(plan, job, record, scheduler, error)
        with suppress(OSError):  # then it stays an intention, and the next submit waits a minute
            replace_record(path, msgspec.structs.replace(record, state="refused", error=str(error)))
        return Outcome(job, None, error)
    try:
        replace_record(path, msgspec.structs.replace(record, state="submitted", job=job_id))
    except OSError as error:
        # The job is there and its comment carries the token: the next look at the queue finds it.
        problem = f"job {job_id} runs, but {path} cannot say so: {error.strerror}; do not submit again"
        return Outcome(job, job_id, ConfigError(problem))
    return Outcome(job, job_id)


def _after_no_answer(
    plan: SubmissionPlan,
    job: Submission,
    record: SubmissionRecord,
    scheduler: Scheduler,
    error: SchedulerError,
) -> Outcome:
    """The job may exist all the same: it is looked for once, by its token, and never submitted again."""
    with suppress(SchedulerError):
        tasks = scheduler.read_queue(users_of(plan.sweep)).tasks
        records = note_found_jobs(plan.sweep, scheduler.name, tasks)
        found = [each for each in records if each.token == record.token and each.group == record.group]
        if found and found[0].job:
            return Outcome(job, found[0].job)
    return Outcome(
        job,
        None,
        TimedOutError(
            f"{error}; it may have been submitted all the same (token {record.token}): "
            f"look with `lrdash status` when Slurm answers again, before you submit again"
        ),
    )


def _may_have_arrived(error: SchedulerError) -> bool:
    """Whether the job may exist all the same; a connection that never was carries nothing."""
    never_sent = isinstance(error, NoConfigurationError | AuthenticationError)
    return isinstance(error, UnreachableError) and not never_sent and "(connect failure)" not in str(error)


def _check_none_is_lost(plan: SubmissionPlan, records: Sequence[SubmissionRecord]) -> None:
    groups = {job.group for job in plan.jobs}
    for record in records:
        wait = LOST_SECONDS - abs(age_seconds(record))
        if record.state == "intended" and record.group in groups and wait > 0:
            raise AlreadyActiveError(
                f"a submission of {record.group} at {record.time} got no answer (token {record.token}) "
                f"and may still arrive; submit again in {wait:.0f} s if it is not in `lrdash status` by then"
            )


def _record(plan: SubmissionPlan, job: Submission, scheduler: Scheduler) -> SubmissionRecord:
    return SubmissionRecord(
        state="intended",
        time=utc_now(),
        sweep=plan.sweep.name,
        group=job.group,
        indices=job.indices,
        runs=tuple(run.name for run in plan.runs_of(job)),
        scheduler=scheduler.name,
        command=scheduler.submit_command(job),
        script=str(job.script),
        script_sha256=_digest(job.script),
        git_commit=_git_commit(plan.sweep.root),
        user=getpass.getuser(),
        host=os.uname().nodename,
        token=job.token,
        overrides=plan.overrides,
        fresh=plan.fresh,
    )


def _digest(script: Path) -> str:
    try:
        return hashlib.sha256(script.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"{script}: cannot be read: {error.strerror}") from None


def _git_commit(root: Path) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True, text=True, timeout=GIT_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
