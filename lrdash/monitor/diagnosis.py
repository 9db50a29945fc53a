"""Why a run died: class, evidence, remedy and the command that applies it."""

from __future__ import annotations

from lrdash.monitor.evidence import RunEvidence, as_evidence
from lrdash.monitor.snapshot import Diagnosis, Evidence, FailureClass

_STATES: dict[str, FailureClass] = {
    "TIMEOUT": "time_limit",
    "DEADLINE": "time_limit",
    "OUT_OF_MEMORY": "host_out_of_memory",
    "PREEMPTED": "preempted",
    "NODE_FAIL": "node_failure",
    "BOOT_FAIL": "node_failure",
    "CANCELLED": "cancelled",
}


def diagnose(evidence: RunEvidence) -> Diagnosis | None:
    """The first cause of a failure; None for a run that did not fail."""
    state = evidence.state
    if state in (None, "COMPLETED") or not (evidence.task and evidence.task.is_finished):
        return None
    assert state is not None
    if failure := _STATES.get(state):
        return Diagnosis(failure, Evidence(text=f"state {state}"))
    traceback = next((stream for stream in evidence.facts.streams if stream.traceback), None)
    if traceback is None:
        return Diagnosis("unknown", Evidence(text=f"state {state}, no traceback"))
    place = as_evidence(traceback.traceback_at)
    return Diagnosis("unknown", Evidence(place.file, place.line, "\n".join(traceback.traceback)))
