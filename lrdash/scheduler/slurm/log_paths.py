"""Where the tasks of a job write: scontrol's paths, with what scontrol leaves open filled in by us."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from lrdash.scheduler.base import StreamPaths
from lrdash.scheduler.slurm.queue import expand_id
from lrdash.scheduler.slurm.records import NO_VALUE, Record

# sbatch(1), "filename pattern"; %N and %n only when the job has a node, %j only when the task has its raw id.
_PATTERN = re.compile(r"%(\d*)([%AaJjNnsStuxb])")


def stream_paths(records: Sequence[Record], indices: Collection[int]) -> dict[int, StreamPaths]:
    """The log files of these tasks; a path that nobody can know yet is left out."""
    found: dict[int, StreamPaths] = {}
    for record in records:
        for task in expand_id(record["Id"]):
            index = int(task.partition("_")[2] or -1)
            if index in indices and (paths := _paths(record, index)):
                found[index] = paths
    return found


def expand_pattern(pattern: str, record: Record, index: int) -> str | None:
    """A file name pattern of sbatch for one task; None while a part of it is not known.

    `%4a` pads with zeros. scontrol writes NO_VAL for the index of a task that has not started, even if its
    record is its own: an array of one, or the last that waits.
    """
    shared = not record["Id"].endswith(f"_{index}")
    nodes = re.findall(r"[^,\[\]]+", record.get("NodeList", ""))
    known = {
        "A": record["Id"].partition("_")[0],
        "a": str(index),
        "j": None if shared else record["JobId"],
        "J": None if shared else record["JobId"],
        "N": nodes[0].partition(".")[0] if nodes and "[" not in record.get("NodeList", "") else None,
        "n": "0",
        "s": "batch",
        "t": "0",
        "u": record.get("UserId"),
        "x": record.get("JobName"),
        "b": str(index % 10),
        "%": "%",
    }
    letters = {letter for _, letter in _PATTERN.findall(pattern)}
    if any(known.get(letter) is None for letter in letters):
        return None
    filled = _PATTERN.sub(lambda match: str(known[match[2]]).zfill(int(match[1] or 0)), pattern)
    return filled.replace(NO_VALUE, str(index))


def _paths(record: Record, index: int) -> StreamPaths | None:
    out = expand_pattern(record.get("StdOut", ""), record, index)
    if not out:
        return None
    # Since 26.05 StdErr is empty when it is not set apart.
    err = expand_pattern(record.get("StdErr", ""), record, index) or out
    folder = Path(record.get("WorkDir") or "/")
    return StreamPaths(out=folder / out, err=folder / err)
