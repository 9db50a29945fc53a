"""squeue's text -> tasks. Pure and total: no text makes a parser fail, and what it cannot read it counts.

Job names, comments and folders may hold anything, also newlines and separators. Therefore they come last in
a record, and every record starts with a mark that is drawn anew for each call: a name can spoil only itself.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import msgspec

from lrdash.scheduler.base import QueueReading, Task
from lrdash.scheduler.slurm.values import parse_duration, parse_text, parse_time
from lrdash.sweep.script import LARGEST_ARRAY

SEPARATOR = "\x1f"
# id, state, reason, elapsed, limit, submit, start, end, partition, nodes, user; what may hold anything
FIELDS = ("%i", "%T", "%r", "%M", "%l", "%V", "%S", "%e", "%P", "%N", "%u", "%Z", "%k", "%j")

_STATE = re.compile(r"[A-Z_]+")
_ID = re.compile(r"(\d{1,10})(?:\+\d+|_(\d{1,10})|_\[([0-9,:%-]*)\])?")
_NEXT_CLUSTER = re.compile(r"\n\n?CLUSTER: [^\n]*\n\Z")
"""What stands between the records of two clusters, where SLURM_CLUSTERS names several."""
_RANGE = re.compile(r"(\d{1,10})(?:-(\d{1,10})(?::(\d{1,10}))?)?")


def new_mark() -> str:
    """What starts each record of one reading."""
    return f"\x1e{secrets.token_hex(4)}"


def queue_format(mark: str) -> str:
    """The --format of squeue for `parse_queue`."""
    return mark + SEPARATOR.join(FIELDS)


def parse_queue(text: str, mark: str) -> QueueReading:
    """All tasks of a reading; a pending `123_[0-2]` becomes its three tasks."""
    before, *records = text.split(mark)
    tasks: list[Task] = []
    unparsed = sum(1 for line in before.splitlines() if line.strip() and not line.startswith("CLUSTER: "))
    for record in records:
        found = _parse_record(_NEXT_CLUSTER.sub("", record).removesuffix("\n"))
        tasks.extend(found)
        unparsed += not found
    return QueueReading(tuple(tasks), unparsed)


def expand_id(text: str) -> tuple[str, ...]:
    """The task ids meant by `123`, `123_4` or `123_[0-2,7%1]`; empty when it is none of these.

    >>> expand_id("19_[0-2]")
    ('19_0', '19_1', '19_2')
    """
    match = _ID.fullmatch(text)
    if not match:
        return ()
    job, _, indices = match.groups()
    if indices is None:
        return (text,)
    return tuple(f"{job}_{index}" for index in _expand_indices(indices))


def _parse_record(record: str) -> list[Task]:
    fields = record.split(SEPARATOR, len(FIELDS) - 1)
    if len(fields) < len(FIELDS):
        return []
    (identity, state, reason, elapsed, limit, submitted, started, ended, partition, nodes, user) = fields[:11]
    work_dir, comment, name = fields[11:]
    if not _STATE.fullmatch(state):
        return []
    task = Task(
        id="",
        state=state,
        reason=parse_text(reason),
        elapsed_seconds=parse_duration(elapsed),
        time_limit_seconds=parse_duration(limit),
        submitted=parse_time(submitted),
        started=parse_time(started),
        ended=parse_time(ended),
        partition=parse_text(partition),
        nodes=parse_text(nodes),
        user=parse_text(user),
        work_dir=parse_text(work_dir),
        name=name,
        comment="" if comment == "(null)" else comment,
    )
    return [msgspec.structs.replace(task, id=one) for one in expand_id(identity)]


def _expand_indices(text: str) -> Iterator[int]:
    parts = [_RANGE.fullmatch(part) for part in text.partition("%")[0].split(",")]
    if not all(parts):
        return
    ranges = [_range(*part.groups()) for part in parts if part]
    if sum(map(len, ranges)) <= LARGEST_ARRAY:
        for one in ranges:
            yield from one


def _range(first: str, last: str | None, step: str | None) -> range:
    return range(int(first), int(last or first) + 1, int(step or 1) or 1)
