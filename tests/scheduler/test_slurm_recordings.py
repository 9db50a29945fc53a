"""The parsers on recordings of three versions of Slurm, against `scontrol -o show job` of the same moment."""

from __future__ import annotations

import getpass

import pytest

from lrdash.scheduler.slurm import SlurmScheduler
from lrdash.scheduler.slurm.accounting import parse_accounting
from lrdash.scheduler.slurm.queue import parse_queue
from lrdash.scheduler.slurm.records import parse_records, record_tasks
from tests.slurm.cluster import Cluster
from tests.slurm.fixtures import require_slurm
from tests.slurm.record import LINE_BREAK, NAMES, make_queue
from tests.slurm.recordings import (
    MARK,
    MOMENTS,
    QUEUE_FIELDS,
    VERSIONS,
    accounting_text,
    expected_tasks,
    mismatches,
    queue_text,
    recorded,
)

ACCOUNTING_FIELDS = ("state", "time_limit_seconds", "submitted", "partition", "nodes", "name", "exit_code")


# Tasks that went on between the two commands of one recording.
MOVED = {
    ("20.11", "21-acted"): {"7_1", "32_0", "32_1"},
    ("24.11", "21-acted"): {"6_1", "11_1", "20_0"},
}


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


@pytest.mark.parametrize("version", VERSIONS)
def test_the_production_query_is_what_scontrol_says(version: str) -> None:
    """Recorded with tests/slurm/record.py, hostile names included."""
    expected = expected_tasks(recorded(version, "production.scontrol.out"))

    reading = parse_queue(recorded(version, "production.squeue.out"), MARK)

    differences = mismatches(reading.tasks, expected, QUEUE_FIELDS)
    print(f"{version}  production query {len(reading.tasks):3} tasks  {len(differences)} mismatches")
    assert len(reading.tasks) == 25
    assert differences == []
    assert {*NAMES, LINE_BREAK} <= {task.name for task in reading.tasks}
    assert reading.unparsed_lines == 0


def test_the_production_query_on_a_real_cluster() -> None:
    require_slurm()
    with Cluster() as cluster:
        make_queue(cluster)
        scheduler = SlurmScheduler(cluster.environment)

        reading = scheduler.read_queue([getpass.getuser()])

        expected = expected_tasks(cluster.run("scontrol", "-o", "show", "job"))
    differences = mismatches(reading.tasks, expected, QUEUE_FIELDS)
    print(f"here   {len(reading.tasks)} tasks  {len(differences)} mismatches")
    assert differences == []
    assert {*NAMES, LINE_BREAK} <= {task.name for task in reading.tasks}
    assert reading.unparsed_lines == 0
