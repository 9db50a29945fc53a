"""Slurm as a Scheduler."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

import msgspec

from lrdash.errors import AccountingDisabledError, InvalidJobError, SchedulerError
from lrdash.scheduler.base import QueueReading, SettledTask, StreamPaths, Submission, Task
from lrdash.scheduler.programs import CommandLog, Finished
from lrdash.scheduler.slurm import actions
from lrdash.scheduler.slurm.accounting import parse_accounting, sacct_command
from lrdash.scheduler.slurm.client import SlurmClient
from lrdash.scheduler.slurm.errors import slurm_words
from lrdash.scheduler.slurm.limits import asked_time_limit, check_limits, partition_of
from lrdash.scheduler.slurm.log_paths import stream_paths
from lrdash.scheduler.slurm.queue import new_mark, parse_queue, queue_format
from lrdash.scheduler.slurm.records import Record, parse_records, record_tasks
from lrdash.scheduler.slurm.submit import parse_job_id, sbatch_command


class SlurmScheduler:
    """Talks to Slurm through its own programs. Every call blocks: call from a worker thread."""

    name = "slurm"

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._client = SlurmClient(environment)
        self._keeps_accounting = True

    @property
    def command_log(self) -> CommandLog:
        """Every command that was run, with its duration and outcome."""
        return self._client.log

    def submit_command(self, submission: Submission) -> tuple[str, ...]:
        return sbatch_command(submission)

    def submit(self, submission: Submission) -> str:
        """Submit once; after a TimedOutError the job may exist, and carries the submission's token."""
        return parse_job_id(self._sbatch(sbatch_command(submission), submission).out)

    def check(self, submission: Submission) -> str:
        program, *arguments = sbatch_command(submission)
        words = slurm_words(self._sbatch((program, "--test-only", *arguments), submission))
        if partition := partition_of(words):
            record = self._client.ask("scontrol", "-o", "show", "partition", partition)
            check_limits(record, asked_time_limit(submission, self._environment))
        return words

    def read_queue(self, users: Collection[str]) -> QueueReading:
        mark = new_mark()
        command = ("squeue", "-h", "-r", "-a", "-t", "all", "-u", ",".join(users), "-o", queue_format(mark))
        return parse_queue(self._client.ask(*command), mark)

    def settle(self, tasks: Collection[str]) -> dict[str, SettledTask]:
        settled: dict[str, SettledTask] = {}
        failure: SchedulerError | None = None
        try:
            settled = self._ask_accounting(tasks)
        except SchedulerError as error:
            failure = error
        settled.update(self._ask_controller([task for task in tasks if task not in settled]))
        if failure is not None and not settled:
            raise failure
        return settled

    def log_paths(self, job: str, indices: Collection[int]) -> dict[int, StreamPaths]:
        return stream_paths(self._records(job), indices)

    def cancel(self, tasks: Sequence[str]) -> None:
        actions.act(self._client, actions.CANCEL, tasks)

    def requeue(self, tasks: Sequence[str]) -> None:
        actions.act(self._client, actions.REQUEUE, tasks)

    def hold(self, tasks: Sequence[str]) -> None:
        actions.act(self._client, actions.HOLD, tasks)

    def release(self, tasks: Sequence[str]) -> None:
        actions.act(self._client, actions.RELEASE, tasks)

    def set_time_limit(self, tasks: Sequence[str], seconds: int) -> None:
        actions.act(self._client, actions.time_limit(seconds), tasks)

    def close(self) -> None:
        self._client.close()

    def _sbatch(self, command: tuple[str, ...], submission: Submission) -> Finished:
        return self._client.submit(command, submission.work_dir, submission.environment)

    def _ask_accounting(self, tasks: Collection[str]) -> dict[str, SettledTask]:
        if not self._keeps_accounting:
            raise AccountingDisabledError("sacct: this cluster keeps no accounting")
        mark = new_mark()
        try:
            out = self._client.ask(*sacct_command(_jobs(tasks), mark))
        except AccountingDisabledError:
            self._keeps_accounting = False
            raise
        return parse_accounting(out, mark, tasks)

    def _ask_controller(self, tasks: Collection[str]) -> dict[str, SettledTask]:
        """What the controller remembers of tasks, the finished ones for MinJobAge seconds, usually 300."""
        records = [record for job in _jobs(tasks) for record in self._records(job)]
        known = {task.id: task for record in records for task in record_tasks(record)}
        return {identity: SettledTask(task) for identity in tasks if (task := _find(known, identity))}

    def _records(self, job: str) -> tuple[Record, ...]:
        try:
            return parse_records(self._client.ask("scontrol", "show", "job", job))
        except InvalidJobError:
            return ()


def _find(known: Mapping[str, Task], identity: str) -> Task | None:
    # Tasks that were cancelled while pending share the record of their array.
    task = known.get(identity) or known.get(identity.partition("_")[0])
    if task is None or not (task.is_finished or task.id == identity):
        return None
    # scontrol shows 0:0 of a task that has not ended.
    return msgspec.structs.replace(task, id=identity, exit_code=task.exit_code if task.is_finished else None)


def _jobs(tasks: Collection[str]) -> list[str]:
    return sorted({task.partition("_")[0] for task in tasks})
