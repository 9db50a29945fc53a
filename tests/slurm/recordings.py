"""Recorded output of Slurm 20.11.4, 22.05.8 and 24.11.5 (tests/data/slurm), and a reader of its own for what
the parsers under test should find in it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lrdash.scheduler.base import Task
from lrdash.scheduler.slurm import accounting, queue

DATA = Path(__file__).parent.parent / "data" / "slurm"
VERSIONS = ("20.11", "22.05", "24.11")
MOMENTS = ("10-mixed", "21-acted", "50-final")
"""Seven seconds after submission, after cancelling and requeueing, after a time limit."""

MARK = "\x1emark"
# The columns of the recorded `squeue -o` and `sacct -o`, separated by "|".
RECORDED_QUEUE = tuple(f"%{letter}" for letter in "iAFKTtrMlLSeVPDCmbuNBoZj")
RECORDED_ACCOUNTING = (
    "JobID", "JobIDRaw", "JobName", "Partition", "State", "ExitCode", "DerivedExitCode", "Elapsed",
    "Timelimit", "Submit", "Start", "End", "NodeList", "AllocTRES", "Reason",
)  # fmt: skip


def recorded(version: str, name: str) -> str:
    return (DATA / version / name).read_text(encoding="utf-8", errors="replace")


def queue_text(version: str, name: str) -> str:
    """A recorded queue in the layout of the production query."""
    records = (
        dict(zip(RECORDED_QUEUE, line.split("|", len(RECORDED_QUEUE) - 1), strict=True))
        for line in recorded(version, name).splitlines()
    )
    lines = (queue.SEPARATOR.join(record.get(field, "") for field in queue.FIELDS) for record in records)
    return "".join(f"{MARK}{line}\n" for line in lines)


def accounting_text(version: str, name: str) -> str:
    """A recorded accounting in the layout of the production query."""
    rows = (
        dict(zip(RECORDED_ACCOUNTING, line.split("|"), strict=False))
        for line in recorded(version, name).splitlines()
    )
    return "".join(MARK.join(row.get(field, "") for field in accounting.FIELDS) + "\n" for row in rows)


def exit_statuses(version: str) -> dict[str, int]:
    """The exit status of every recorded command."""
    statuses = {}
    for index in ("INDEX.tsv", "OUTAGE.tsv"):
        with (DATA / version / index).open(newline="", encoding="utf-8") as lines:
            statuses.update({row[0]: int(row[1]) for row in csv.reader(lines, delimiter="\t", quoting=3)})
    return statuses


@dataclass(frozen=True)
class Expected:
    """A task as `scontrol -o show job` describes it."""

    id: str
    state: str
    reason: str | None
    time_limit_seconds: float | None
    submitted: float | None
    started: float | None
    partition: str | None
    nodes: str | None
    user: str | None
    work_dir: str | None
    name: str
    exit_code: str


QUEUE_FIELDS = (
    "state", "reason", "time_limit_seconds", "submitted", "started", "partition", "nodes", "user",
    "work_dir", "name",
)  # fmt: skip
"""What the queue and scontrol both tell."""


def mismatches(tasks: Iterable[Task], expected: Mapping[str, Expected], fields: tuple[str, ...]) -> list[str]:
    """What differs, one line each."""
    found = {task.id: task for task in tasks}
    lines = [f"{one}: only in scontrol" for one in expected.keys() - found.keys()]
    lines += [f"{one}: not in scontrol" for one in found.keys() - expected.keys()]
    for identity in found.keys() & expected.keys():
        for field in fields:
            ours, theirs = getattr(found[identity], field), getattr(expected[identity], field)
            # A range of tasks with several reasons has them joined.
            joined = field == "reason" and "," in (ours or "") and (theirs or "") in ours
            if ours != theirs and not joined:
                lines.append(f"{identity} {field}: {ours!r}, scontrol says {theirs!r}")
    return sorted(lines)


def expected_tasks(text: str) -> dict[str, Expected]:
    """Read `scontrol -o show job`, one line a record, without any code of the project."""
    tasks = {}
    for line in re.split(r"\n(?=JobId=)", text.strip("\n")):
        words = re.split(r" (?=[A-Z][A-Za-z/:&]*=)", line)
        fields = dict(word.partition("=")[::2] for word in reversed(words))
        for identity in _identities(fields):
            tasks[identity] = Expected(
                id=identity,
                state=fields["JobState"],
                reason=_nothing(fields["Reason"].replace("_", " ")),
                time_limit_seconds=_seconds(fields["TimeLimit"]),
                submitted=_time(fields["SubmitTime"]),
                started=_time(fields["StartTime"]),
                partition=fields["Partition"],
                nodes=_nothing(fields["NodeList"]),
                user=fields["UserId"].partition("(")[0],
                work_dir=fields["WorkDir"],
                name=fields["JobName"],
                exit_code=fields["ExitCode"],
            )
    return tasks


def _identities(fields: dict[str, str]) -> list[str]:
    # A whole array that was cancelled while pending has the index NO_VAL.
    if fields.get("ArrayTaskId", "4294967294") == "4294967294":
        return [fields["JobId"]]
    indices: list[int] = []
    for part in fields["ArrayTaskId"].partition("%")[0].split(","):
        bounds, _, step = part.partition(":")
        first, _, last = bounds.partition("-")
        indices.extend(range(int(first), int(last or first) + 1, int(step or 1)))
    return [f"{fields['ArrayJobId']}_{index}" for index in indices]


def _nothing(text: str) -> str | None:
    return text if text not in ("", "None", "(null)", "Unknown") else None


def _time(text: str) -> float | None:
    if text.isdigit():
        return float(text)
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").timestamp() if "T" in text else None


def _seconds(text: str) -> float | None:
    days, _, clock = text.rpartition("-")
    parts = clock.split(":")
    if len(parts) != 3:
        return None
    return float(int(days or 0) * 86400 + int(parts[0]) * 3600 + int(parts[1]) * 60 + int(parts[2]))
