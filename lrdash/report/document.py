"""What a report holds: the comparison, and where its numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lrdash import __version__
from lrdash.monitor.snapshot import Check, Diagnosis, Snapshot
from lrdash.results.candidates import Candidate
from lrdash.results.comparison import Comparison

SCHEMA = 1


class RunProvenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where one run's numbers come from; None where nobody says."""

    run: str
    job: str | None = None
    restart: int | None = None
    git_commit: str | None = None
    args_hash: str | None = None
    source: str | None = None
    modified: str | None = None
    """When the newest of its files was written; ISO 8601."""
    state: str | None = None
    checks: tuple[Check, ...] = ()
    """With their evidence, as in `lrdash status --json`."""
    diagnosis: Diagnosis | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report in any format shows."""

    schema: int = SCHEMA
    made_by: str = f"lrdash {__version__}"
    taken_at: str
    comparison: Comparison
    provenance: tuple[RunProvenance, ...] = ()


def make_report(
    comparison: Comparison, candidates: Sequence[Candidate], snapshot: Snapshot | None = None
) -> Report:
    """The report of a comparison; with a snapshot, the runs' states and check verdicts too."""
    return Report(
        taken_at=_iso(datetime.now().timestamp()),
        comparison=comparison,
        provenance=tuple(_provenance(one, snapshot) for one in candidates),
    )


def epoch_words(comparison: Comparison) -> str:
    """Which epoch the numbers are of."""
    words = {"last": "last epoch", "best": "best epoch, selected on test"}
    return words.get(str(comparison.epoch), f"epoch {comparison.epoch}")


def methods(comparison: Comparison) -> str:
    """Which statistics these are, in one paragraph."""
    return (
        "95 % intervals: Wilson for accuracy, Newcombe's method 10 for paired differences, percentile "
        f"bootstrap for F1 ({comparison.bootstrap_resamples:,} resamples, seed {comparison.bootstrap_seed}). "
        f"Tests: McNemar's exact test, Holm-adjusted inside a group, alpha {comparison.alpha:g}."
    )


def _provenance(one: Candidate, snapshot: Snapshot | None) -> RunProvenance:
    meta = one.results.meta
    attempt = (meta.job, meta.restart) if meta and meta.job else one.results.attempt
    status = snapshot.find(one.run) if snapshot else None
    return RunProvenance(
        run=one.run,
        job=attempt[0] if attempt else None,
        restart=attempt[1] if attempt else None,
        git_commit=meta.git_commit if meta else None,
        args_hash=meta.args_hash if meta else None,
        source=one.results.source,
        modified=None if one.results.modified is None else _iso(one.results.modified),
        state=status.state if status else None,
        checks=status.checks if status else (),
        diagnosis=status.diagnosis if status else None,
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
