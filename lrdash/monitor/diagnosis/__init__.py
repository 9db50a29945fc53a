"""Why a run died: class, evidence, remedy and the command that applies it (docs/troubleshooting.md)."""

from __future__ import annotations

from lrdash.monitor.diagnosis.finding import came_to_its_end, find_failure
from lrdash.monitor.diagnosis.remedies import killed_remedy, refused_remedy, remedy_for, unknown_remedy
from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.snapshot import Diagnosis


def diagnose(evidence: RunEvidence) -> Diagnosis | None:
    """The first cause of a failure; None for a run that has none.

    A run that still runs is diagnosed only when it is silent or its loss is no number any more.
    """
    failure = find_failure(evidence)
    if failure is None:
        return None
    told = failure.evidence.text
    if failure.failure == "launch_refused":
        remedy = refused_remedy(told, evidence)
    elif failure.failure == "unknown":
        remedy = (
            killed_remedy(evidence) if failure.is_bare_kill else unknown_remedy(failure.evidence, evidence)
        )
    else:
        remedy = remedy_for(failure.failure, evidence)
    return Diagnosis(failure.failure, failure.evidence, remedy.text, remedy.command)


__all__ = ["came_to_its_end", "diagnose"]
