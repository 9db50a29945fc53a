"""The first cause of a failure, from the state, the exit code and both streams of all ranks.

In the order of time, not the last line: a log nearly always ends in its launcher's exception or in
Slurm's epilogue. What a run survived (training went on after it) is no cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple, cast

from lrdash.logs.causes import LAUNCHER_ERROR
from lrdash.logs.facts import AttemptFacts, Cause, LogLine, StreamFacts
from lrdash.monitor.evidence import RunEvidence, as_evidence
from lrdash.monitor.snapshot import Evidence, FailureClass

NEAR_LIMIT = 0.95
"""Share of the memory asked for from which on a bare signal 9 is the memory's: Slurm samples the peak."""
SILENT_SECONDS = 600.0
"""The trainer says something at least once a minute; other programs log an evaluation's end much later."""
NON_FINITE_ROWS = 2
"""Training lines in a row without a finite loss and gradient that make a running run a failed one."""

_BY_STATE: dict[str, FailureClass] = {
    "TIMEOUT": "time_limit",
    "DEADLINE": "time_limit",
    "OUT_OF_MEMORY": "host_out_of_memory",
    "PREEMPTED": "preempted",
    "NODE_FAIL": "node_failure",
    "BOOT_FAIL": "node_failure",
    "LAUNCH_FAILED": "node_failure",
    "CANCELLED": "cancelled",
    "REVOKED": "cancelled",
}
_STATE_IS_CERTAIN = frozenset({"OUT_OF_MEMORY", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "LAUNCH_FAILED"})
"""States that Slurm does not give for what a program did; whatever the log holds came of them."""
_FOLLOWS = frozenset({"nccl", "cancelled", "time_limit", "preempted", "unknown"})
"""Classes that may come of another rank's failure."""
_OF_THE_START = frozenset(
    {"dataset_not_found", "import_error", "launch_refused", "missing_model", "port_in_use"}
)
"""Classes of what keeps a run from starting."""
KILLED = "killed by signal 9"
_EXIT_CODES = {
    "0:9": KILLED,
    "9:0": KILLED,
    "137:0": KILLED,
    "0:53": "Slurm could not open the log file",
    "126:0": "the batch script's program cannot be executed",
    "127:0": "the batch script's program was not found",
}


class Failure(NamedTuple):
    failure: FailureClass
    evidence: Evidence
    is_bare_kill: bool = False
    """Ended by a signal 9 of which nobody says where it came from."""


def find_failure(evidence: RunEvidence) -> Failure | None:
    """What ended the run, or keeps it from going on; None for neither."""
    if evidence.task is None:
        return _from_log(evidence)
    if evidence.state == "COMPLETED":
        return None
    if evidence.state == "UNKNOWN":
        return _from_log(evidence) or Failure("vanished", Evidence(text=evidence.task.reason or "gone"))
    if not evidence.task.is_finished:
        return _while_running(evidence)
    return _after_the_end(evidence)


def came_to_its_end(evidence: RunEvidence) -> bool:
    """Whether the log, of a task whose state nobody knows, shows its own end and no failure after it."""
    return evidence.end is not None and _from_log(evidence) is None


def _while_running(evidence: RunEvidence) -> Failure | None:
    if evidence.state != "RUNNING":
        return None
    if diverged := _diverged(evidence.facts, NON_FINITE_ROWS):
        return diverged
    heard = evidence.facts.last_output
    started = evidence.task.started if evidence.task else None
    since = max((moment for moment in (heard, started) if moment is not None), default=None)
    if heard is None or since is None or evidence.now - since < SILENT_SECONDS:
        return None
    return Failure("silent", Evidence(text=f"no output for {round((evidence.now - since) / 60)} min"))


def _after_the_end(evidence: RunEvidence) -> Failure:
    state = evidence.state or ""
    by_state = _BY_STATE.get(state)
    logged = _from_log(evidence)
    if logged is not None and logged.is_bare_kill:
        logged = _killed(evidence, logged.evidence)
    told = logged is not None and logged.failure != "unknown"
    if logged and logged.failure in _OF_THE_START and evidence.facts.first_step:
        told = False  # a run that trained survived it: it would have failed, and Slurm does not say so
    if by_state is None:
        return logged or _from_exit_code(evidence)
    if not told or state in _STATE_IS_CERTAIN or (logged and logged.failure in ("cancelled", by_state)):
        return _named_by_slurm(evidence, by_state)
    assert logged is not None
    return logged


def _named_by_slurm(evidence: RunEvidence, failure: FailureClass) -> Failure:
    """Slurm's own line in the log where there is one, else the state."""
    causes = [
        cause for stream in evidence.facts.streams for cause in stream.causes if cause.failure == failure
    ]
    if causes:
        return Failure(failure, as_evidence(causes[0].at))
    reason = evidence.task.reason if evidence.task else None
    return Failure(failure, Evidence(text=f"state {evidence.state}" + (f" ({reason})" if reason else "")))


def _from_exit_code(evidence: RunEvidence) -> Failure:
    code = evidence.task.exit_code if evidence.task else None
    meaning = _EXIT_CODES.get(code or "", "the log does not say why")
    words = f"state {evidence.state}, exit code {code}"
    if meaning == KILLED:
        return _killed(evidence, Evidence(text=words))
    return Failure("unknown", Evidence(text=f"{words}: {meaning}"))


def _killed(evidence: RunEvidence, told: Evidence) -> Failure:
    """A bare signal 9 is the node's memory where the task was near what it had asked for, else anybody's."""
    usage = evidence.usage
    peak, asked = (usage.max_rss_bytes, usage.requested_memory_bytes) if usage else (None, None)
    words = f"{told.text}: {KILLED}"
    if not peak or not asked:
        return Failure("unknown", Evidence(told.file, told.line, words), is_bare_kill=True)
    words += f"; MaxRSS {_mebibytes(peak)}, {peak / asked:.0%} of the {_mebibytes(asked)} asked for"
    is_memory = peak >= NEAR_LIMIT * asked
    failure: FailureClass = "host_out_of_memory" if is_memory else "unknown"
    return Failure(failure, Evidence(told.file, told.line, words), is_bare_kill=True)


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"


def _from_log(evidence: RunEvidence) -> Failure | None:
    """What the log alone tells; None where the run came to its own end, or nothing points to a failure."""
    facts = evidence.facts
    end = evidence.end if evidence.state in (None, "UNKNOWN") else None
    causes = [cause for stream in (facts.err, facts.out) for cause in _that_count(stream, facts, end)]
    if facts.stopped and not any(cause.decisive for cause in causes):
        return None  # saved and stopped as it was told to
    raised = [cause for cause in causes if _is_raised(cause, facts)]
    cause = _of_trained(facts, raised) or first_cause(causes)
    traceback = _own_traceback(facts, end)
    is_told = cause and (cause.decisive or not traceback or cause.failure in {one.failure for one in raised})
    if cause and is_told and cause.failure != "unknown":
        is_bare_kill = cause.failure == "host_out_of_memory" and not cause.decisive
        return Failure(cast(FailureClass, cause.failure), as_evidence(cause.at), is_bare_kill)
    if end is None and (diverged := _diverged(facts, 1)):
        return diverged
    if traceback:
        return Failure("unknown", traceback)
    return Failure("unknown", as_evidence(cause.at)) if cause else _launcher_only(facts, end)


def _that_count(stream: StreamFacts, facts: AttemptFacts, end: LogLine | None) -> list[Cause]:
    """The causes that the run did not survive.

    What keeps a run from starting ended no run that trained, unless it is what the program raised at last.
    A loss that is no number is survived by one that is, not by more steps.
    """
    since = _survived_until(stream, facts, end)
    in_doubt = stream.in_doubt and end is None
    return [
        cause
        for cause in stream.causes
        if ((cause.at.line or 0) >= since or (in_doubt and cause.failure == "non_finite_loss"))
        and not (facts.first_step and cause.failure in _OF_THE_START and cause.at.line != stream.uncaught)
    ]


def _survived_until(stream: StreamFacts, facts: AttemptFacts, end: LogLine | None) -> float:
    """The line of a stream before which nothing ended the run, which went on to train, or came to its end.

    Of two streams, only this is known of their common time: training began after the banner. What the
    program raised at last ended it even where the other stream holds the end.
    """
    if end is not None and end not in (stream.predicted, stream.trained):
        return stream.uncaught or inf
    trained = stream.training_line if facts.first_step else 0
    return max(stream.progress_line, trained, (end.line or 0) if end else 0)


def _is_raised(cause: Cause, facts: AttemptFacts) -> bool:
    """Whether it is the exception with which the program's last traceback ends."""
    stream = facts.err if cause.stream == "err" else facts.out
    return cause.at.line == stream.uncaught


def _of_trained(facts: AttemptFacts, raised: Sequence[Cause]) -> Cause | None:
    """Of a run that trained: what it raised at last, if that can be a cause of its own."""
    if facts.first_step is None:
        return None
    return next((cause for cause in raised if cause.decisive and cause.failure not in _FOLLOWS), None)


def first_cause(causes: Sequence[Cause]) -> Cause | None:
    """The first decisive one.

    A peer's complaint or a bare signal gives way to what came of the program, and the death of a node to
    the preemption that it came of.
    """
    decisive = [cause for cause in causes if cause.decisive]
    if not decisive:
        known = next((cause for cause in causes if cause.failure != "unknown"), None)
        # What cancels a step follows the end of one of its tasks.
        return known if known and known.failure != "cancelled" else next(iter(causes), None)
    if decisive[0].failure == "nccl":
        return next((cause for cause in decisive if cause.failure not in _FOLLOWS), decisive[0])
    if decisive[0].failure == "node_failure":
        return next((cause for cause in decisive if cause.failure == "preempted"), decisive[0])
    return decisive[0]


def _diverged(facts: AttemptFacts, rows: int) -> Failure | None:
    """Rows at the end without a finite loss; of the gradient alone, which a skipped step has, several."""
    for stream in facts.streams:
        lost = bool(stream.steps) and stream.steps[-1].loss is None
        if stream.non_finite_run >= (rows if lost else NON_FINITE_ROWS) and stream.non_finite:
            return Failure("non_finite_loss", as_evidence(stream.non_finite[-1]))
    return None


def _own_traceback(facts: AttemptFacts, end: LogLine | None) -> Evidence | None:
    """The last traceback of the program itself, all of it."""
    for stream in (facts.err, facts.out):
        at = stream.traceback_at
        if _is_late(stream, facts, end) and at and not LAUNCHER_ERROR.match(_last(stream)):
            return Evidence(at.file, at.line, "\n".join(stream.traceback))
    return None


def _launcher_only(facts: AttemptFacts, end: LogLine | None) -> Failure | None:
    for stream in (facts.err, facts.out):
        if stream.traceback_at and _is_late(stream, facts, end):
            return Failure("unknown", as_evidence(stream.traceback_at))
    return None


def _is_late(stream: StreamFacts, facts: AttemptFacts, end: LogLine | None) -> bool:
    """Whether a stream's traceback may have ended the run."""
    at = stream.uncaught or (stream.traceback_at.line if stream.traceback_at else 0) or 0
    return at >= _survived_until(stream, facts, end)


def _last(stream: StreamFacts) -> bytes:
    return stream.traceback[-1].encode() if stream.traceback else b""
