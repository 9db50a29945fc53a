"""Plain words for Slurm's reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdash.scheduler.reasons import explain_reason, never_starts
from lrdash.scheduler.slurm.queue import parse_queue
from tests.slurm.recordings import MARK, MOMENTS, VERSIONS, queue_text


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_recorded_reason_has_words(version: str, moment: str) -> None:
    tasks = parse_queue(queue_text(version, f"{moment}.squeue-o-r.out"), MARK).tasks
    reasons = {task.reason for task in tasks if task.reason}

    assert reasons
    assert {reason for reason in reasons if explain_reason(reason) is None} == set()


@pytest.mark.parametrize("reason", ["DependencyNeverSatisfied", "PartitionTimeLimit", "PartitionConfig"])
def test_what_waits_in_vain(reason: str) -> None:
    assert never_starts(reason)


@pytest.mark.parametrize("reason", [None, "Priority", "Dependency", "JobArrayTaskLimit"])
def test_what_waits_for_something(reason: str | None) -> None:
    assert not never_starts(reason)


@given(st.text())
def test_any_text_is_taken(reason: str) -> None:
    never_starts(reason)
