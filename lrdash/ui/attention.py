"""What a person should look at, why, and the key that helps; and what has just happened (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from lrdash.monitor.snapshot import Check, Diagnosis, Evidence, RunStatus, Snapshot
from lrdash.scheduler.reasons import never_starts
from lrdash.ui.columns import SILENT_SECONDS
from lrdash.ui.format import age, plain
from lrdash.ui.glyphs import UNICODE
from lrdash.ui.series import run_name
from lrdash.ui.theme import Role, state_look

NAMED = 3
"""So many runs are named where something has happened to several."""


class Concern(msgspec.Struct, frozen=True):
    """One reason to look at a run."""

    key: str
    run: str
    reason: str
    help: str
    """What to press there."""
    tab: str = ""
    """The view that enter opens; empty: the one that is open."""
    role: Role = "error"
    at: Evidence | None = None
    """The line of the log that is the reason."""


class News(msgspec.Struct, frozen=True):
    """Something that has just happened to a run."""

    key: str
    run: str
    what: str
    is_bad: bool


def concerns(snapshot: Snapshot) -> list[Concern]:
    """The gravest first."""
    found = [concern for run in snapshot.runs for concern in _concerns_of(run)]
    return sorted(found, key=lambda concern: concern.role != "error")


def _concerns_of(run: RunStatus) -> Iterator[Concern]:
    tally = state_look(run.state, UNICODE).tally
    if run.diagnosis is not None:
        reason = f"{run.diagnosis.words}: {plain(run.diagnosis.remedy)}"
        role: Role = "muted" if run.diagnosis.failure == "cancelled" else "error"
        if _can_be_applied(run.diagnosis):
            yield _concern(run, reason, "x r: apply the remedy", role=role)
        else:
            yield _concern(run, reason, "enter: its log", "Log", role, run.diagnosis.evidence)
    elif tally == "failed":
        exit_code = f", exit {run.exit_code}" if run.exit_code else ""
        yield _concern(run, plain(f"{run.state}{exit_code}"), "enter: its log", "Log")
    for check in run.checks:
        if _says_more(check, run):
            reason = f"check {check.name}: {check.verdict}  {plain(check.observed)}".rstrip()
            yield _concern(run, reason, "enter: its checks", "Checks")
    if tally == "pending" and never_starts(run.reason):
        yield _concern(run, plain(f"{run.reason}: {run.reason_in_words}"), "x: actions")
    if run.state is None and run.reason:
        yield _concern(run, plain(run.reason), "x: actions", "warning")
    if tally == "running" and run.progress.exceeds_time_limit:
        yield _concern(run, "will not finish within its time limit", "x t: time limit", role="warning")
    silence = run.progress.last_output_seconds
    if tally == "running" and silence is not None and silence > SILENT_SECONDS:
        yield _concern(run, f"its log has been silent for {age(silence)}", "enter: its log", "Log", "warning")


def _can_be_applied(diagnosis: Diagnosis) -> bool:
    from lrdash.control.remedy import read_remedy  # not before anything has failed

    return read_remedy(diagnosis.command) is not None


def _concern(
    run: RunStatus,
    reason: str,
    help_text: str,
    tab: str = "",
    role: Role = "error",
    at: Evidence | None = None,
) -> Concern:
    return Concern(run.key, plain(run_name(run)), reason, help_text, tab, role, at)


def news(before: Snapshot, after: Snapshot) -> list[News]:
    """Runs that ended or failed a check between two snapshots."""
    known = {run.run: run for run in before.runs}
    return [
        item
        for run in after.runs
        if (earlier := known.get(run.run)) is not None and earlier is not run
        for item in _news_of(earlier, run)
    ]


def _news_of(before: RunStatus, after: RunStatus) -> Iterator[News]:
    was, now = state_look(before.state, UNICODE).tally, state_look(after.state, UNICODE).tally
    if was != now and was in ("running", "pending") and now in ("done", "failed", "stopped", "unknown"):
        why = f": {after.diagnosis.words}" if after.diagnosis else ""
        yield News(after.key, plain(run_name(after)), f"{plain(after.state or '')}{why}", now != "done")
    verdicts = {check.name: check.verdict for check in before.checks}
    for check in after.checks:
        if _says_more(check, after) and verdicts.get(check.name) != check.verdict:
            yield News(after.key, plain(run_name(after)), f"check {check.name}: {check.verdict}", True)


def _says_more(check: Check, run: RunStatus) -> bool:
    """Whether a check fails, and not for want of epochs in a run that did not come to its end."""
    came_to_its_end = state_look(run.state, UNICODE).tally not in ("failed", "stopped")
    return check.has_failed and (came_to_its_end or check.name != "epochs")


def in_words(found: Sequence[News]) -> list[tuple[str, bool]]:
    """What is told, and whether it is bad: what has happened to many runs at once is said once."""
    runs: dict[tuple[str, bool], list[str]] = {}
    for item in found:
        runs.setdefault((item.what, item.is_bad), []).append(item.run)
    return [(f"{_listed(names)} {what}", is_bad) for (what, is_bad), names in runs.items()]


def _listed(names: Sequence[str]) -> str:
    """`a`, `a, b, c`, or `7 runs (a, b, c…)`."""
    first = ", ".join(names[:NAMED])
    return first if len(names) <= NAMED else f"{len(names)} runs ({first}{UNICODE.ellipsis})"
