"""The parsers on recordings of three versions of Slurm, against `scontrol -o show job` of the same moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from lrdash.scheduler.base import Task
from lrdash.scheduler.slurm.accounting import parse_accounting
from lrdash.scheduler.slurm.queue import parse_queue
from lrdash.scheduler.slurm.records import parse_records, record_tasks
from tests.slurm.recordings import (
    MARK,
    MOMENTS,
    VERSIONS,
    Expected,
    accounting_text,
    expected_tasks,
    queue_text,
    recorded,
)

QUEUE_FIELDS = (
    "state", "reason", "time_limit_seconds", "submitted", "started", "partition", "nodes", "user",
    "work_dir", "name",
)  # fmt: skip
ACCOUNTING_FIELDS = ("state", "time_limit_seconds", "submitted", "partition", "nodes", "name", "exit_code")


# Tasks that went on between the two commands of one recording.
MOVED = {
    ("20.11", "21-acted"): {"7_1", "32_0", "32_1"},
    ("24.11", "21-acted"): {"6_1", "11_1", "20_0"},
}


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


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("query", ["squeue-o-r", "squeue-o"], ids=["expanded", "ranges"])
def test_the_queue_is_what_scontrol_says(version: str, moment: str, query: str) -> None:
    expected = expected_tasks(recorded(version, f"{moment}.scontrol-show-job-o.out"))

    reading = parse_queue(queue_text(version, f"{moment}.{query}.out"), MARK)

    moved = MOVED.get((version, moment), set())
    lines = mismatches(reading.tasks, expected, QUEUE_FIELDS)
    differences = [line for line in lines if line.partition(" ")[0] not in moved]
    print(f"{version}  {moment:9} {query:11} {len(reading.tasks):3} tasks  {len(differences)} mismatches")
    assert differences == []
    assert reading.unparsed_lines == 0


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_records_are_what_scontrol_says_on_one_line(version: str, moment: str) -> None:
    expected = expected_tasks(recorded(version, f"{moment}.scontrol-show-job-o.out"))

    records = parse_records(recorded(version, f"{moment}.scontrol-show-job-d.out"))

    tasks = [task for record in records for task in record_tasks(record)]
    moved = MOVED.get((version, moment), set())
    lines = mismatches(tasks, expected, (*QUEUE_FIELDS, "exit_code"))
    assert [line for line in lines if line.partition(" ")[0] not in moved] == []


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_accounting_agrees_on_what_has_ended(version: str, moment: str) -> None:
    everything = expected_tasks(recorded(version, f"{moment}.scontrol-show-job-o.out"))
    # sacct gives cancelled and timed-out tasks no signal; an array cancelled while pending is a range.
    expected = {
        identity: task
        for identity, task in everything.items()
        if task.state == "COMPLETED" or (task.state == "FAILED" and task.reason == "NonZeroExitCode")
    }

    settled = parse_accounting(accounting_text(version, f"{moment}.sacct-P-X.out"), MARK, expected.keys())

    assert mismatches([one.task for one in settled.values()], expected, ACCOUNTING_FIELDS) == []
