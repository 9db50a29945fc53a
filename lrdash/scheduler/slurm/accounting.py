"""sacct's text -> what became of tasks, and what they used. Pure and total."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from lrdash.scheduler.base import SettledTask, Task, TaskUsage
from lrdash.scheduler.slurm.queue import expand_id
from lrdash.scheduler.slurm.values import (
    parse_count,
    parse_duration,
    parse_exit_code,
    parse_memory,
    parse_text,
    parse_time,
)

# All of them since 20.11; the name last, it may hold anything.
FIELDS = (
    "JobID", "State", "ExitCode", "Submit", "Start", "End", "Elapsed", "Timelimit", "Partition", "NodeList",
    "User", "ReqMem", "AllocCPUS", "NNodes", "TotalCPU", "MaxRSS", "WorkDir", "JobName",
)  # fmt: skip

Row = Mapping[str, str]


def sacct_command(jobs: Iterable[str], mark: str) -> tuple[str, ...]:
    """One question for all jobs. With -j, also those that never became eligible are listed; the rows of steps
    carry the memory. `mark` separates the fields."""
    return ("sacct", "-n", "-P", f"--delimiter={mark}", "-j", ",".join(jobs), "-o", ",".join(FIELDS))


def parse_accounting(text: str, mark: str, tasks: Collection[str]) -> dict[str, SettledTask]:
    """The finished ones of `tasks`; sacct lags, so a task that it still calls RUNNING is left out."""
    jobs: list[Row] = []
    steps: dict[str, list[Row]] = {}
    for row in _rows(text, mark):
        identity, dot, _ = row["JobID"].partition(".")
        (steps.setdefault(identity, []) if dot else jobs).append(row)
    settled: dict[str, SettledTask] = {}
    for row in jobs:
        task = _task(row)
        for identity in expand_id(row["JobID"]):
            if identity in tasks and task.is_finished:
                usage = _usage(row, steps.get(identity, []))
                settled[identity] = SettledTask(msgspec.structs.replace(task, id=identity), usage)
    return settled


def _rows(text: str, mark: str) -> list[Row]:
    """A line without enough marks is the rest of a job name with a newline."""
    split = (line.split(mark, len(FIELDS) - 1) for line in text.split("\n"))
    return [dict(zip(FIELDS, fields, strict=True)) for fields in split if len(fields) == len(FIELDS)]


def _task(row: Row) -> Task:
    state = row["State"].partition(" ")[0]
    return Task(
        id="",
        state=state,
        elapsed_seconds=parse_duration(row["Elapsed"]),
        time_limit_seconds=parse_duration(row["Timelimit"]),
        submitted=parse_time(row["Submit"]),
        started=parse_time(row["Start"]),
        ended=parse_time(row["End"]),
        partition=parse_text(row["Partition"]),
        nodes=None if row["NodeList"] == "None assigned" else parse_text(row["NodeList"]),
        user=parse_text(row["User"]),
        work_dir=parse_text(row["WorkDir"]),
        name=row["JobName"],
        # A row can be FAILED before its exit code has arrived (20.11).
        exit_code=None if (state, row["ExitCode"]) == ("FAILED", "0:0") else parse_exit_code(row["ExitCode"]),
    )


def _usage(row: Row, steps: list[Row]) -> TaskUsage:
    peaks = [peak for step in steps if (peak := parse_memory(step["MaxRSS"])) is not None]
    return TaskUsage(
        max_rss_bytes=max(peaks, default=None),
        requested_memory_bytes=_requested_memory(row),
        cpu_seconds=parse_duration(row["TotalCPU"]),
        allocated_cpus=parse_count(row["AllocCPUS"]) or None,
    )


def _requested_memory(row: Row) -> int | None:
    """ReqMem is the job's total since 21.08; before, `200Gn` counts a node and `4Gc` a CPU."""
    memory = parse_memory(row["ReqMem"])
    per = {"n": "NNodes", "c": "AllocCPUS"}.get(row["ReqMem"][-1:])
    return memory * (parse_count(row[per]) or 1) if memory and per else memory or None
