"""`scontrol show job` -> records. Pure and total.

A job's name, comment and folder may hold newlines that look like fields, so a field that occurs twice in a
record is not believed at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from lrdash.scheduler.base import Task
from lrdash.scheduler.slurm.queue import expand_id
from lrdash.scheduler.slurm.values import parse_count, parse_duration, parse_exit_code, parse_text, parse_time

Record = Mapping[str, str]

NO_VALUE = "4294967294"
"""Slurm's NO_VAL, which it prints for the %a of tasks that have no record of their own yet."""

_HEAD = re.compile(
    r"JobId=(\d+)(?: ArrayJobId=(\d+) ArrayTaskId=(\S+))?(?: ArrayTaskThrottle=\d+)?(?: HetJob\w+=\S+)*"
    r"(?: JobName=(.*))?"
)
# Fields that stand alone on their line and fields that share it, with the neighbour that ends them.
_LINES = {
    key: re.compile(rf"^   {pattern}$", re.MULTILINE)
    for key, pattern in {
        "UserId": r"UserId=(\S+?)\(\d+\) GroupId=.*",
        "JobState": r"JobState=([A-Z_]+) Reason=.*",
        "Reason": r"JobState=[A-Z_]+ Reason=(.*?)(?: FailedNode=.*)? Dependency=.*",
        "Restarts": r"Requeue=\d+ Restarts=(\d+) .*",
        "ExitCode": r"Requeue=.* ExitCode=(\d+:\d+).*",
        "RunTime": r"RunTime=(\S+) TimeLimit=.*",
        "TimeLimit": r"RunTime=\S+ TimeLimit=(\S+) .*",
        "SubmitTime": r"SubmitTime=(\S+) .*",
        "StartTime": r"StartTime=(\S+) EndTime=.*",
        "EndTime": r"StartTime=\S+ EndTime=(\S+) .*",
        "Partition": r"Partition=(\S+) .*",
        "NodeList": r"NodeList=(\S*)",
        "WorkDir": r"WorkDir=(.*)",
        "Comment": r"Comment=(.*?) ?",
        "StdErr": r"StdErr=(.*)",
        "StdOut": r"StdOut=(.*)",
    }.items()
}


def parse_records(text: str) -> tuple[Record, ...]:
    """The records of `scontrol show job`, keyed by scontrol's own names."""
    starts = [match.start() for match in re.finditer(r"^JobId=\d", text, re.MULTILINE)]
    bounds = [*starts, len(text)]
    return tuple(_parse_record(text[start:end]) for start, end in pairwise(bounds))


def record_tasks(record: Record) -> tuple[Task, ...]:
    """The tasks of one record: several for the pending rest of an array."""
    state = record.get("JobState")
    if not state:
        return ()
    task = {
        "state": state,
        "reason": parse_text(record.get("Reason", "").replace("_", " ")),
        "elapsed_seconds": parse_duration(record.get("RunTime", "")),
        "time_limit_seconds": parse_duration(record.get("TimeLimit", "")),
        "submitted": parse_time(record.get("SubmitTime", "")),
        "started": parse_time(record.get("StartTime", "")),
        "ended": parse_time(record.get("EndTime", "")),
        "partition": parse_text(record.get("Partition", "")),
        "nodes": parse_text(record.get("NodeList", "")),
        "user": parse_text(record.get("UserId", "")),
        "work_dir": parse_text(record.get("WorkDir", "")),
        "name": record.get("JobName", ""),
        "comment": record.get("Comment", ""),
        "exit_code": parse_exit_code(record.get("ExitCode", "")),
        "restarts": parse_count(record.get("Restarts", "")),
    }
    return tuple(Task(id=one, **task) for one in expand_id(record["Id"]))  # type: ignore[arg-type]


def _parse_record(text: str) -> Record:
    head = _HEAD.match(text.partition("\n")[0])
    assert head is not None, "records start with JobId=<digits>"
    raw, array, index, name = head.groups()
    fields = {"JobId": raw, "Id": _identity(raw, array, index), "JobName": name or ""}
    for key, line in _LINES.items():
        values = line.findall(text)
        if len(values) == 1:
            fields[key] = values[0]
    return fields


def _identity(raw: str, array: str | None, index: str | None) -> str:
    if array is None or index is None:
        return raw
    if index == NO_VALUE:  # the rest of an array that was cancelled while pending
        return array
    return f"{array}_{index}" if index.isdigit() else f"{array}_[{index}]"
