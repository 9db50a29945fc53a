"""Did the run really train with the settings that were asked for? Nine checks, each with its evidence.

PASS / WAITING / MISSING / WRONG_VALUE / FORBIDDEN; what does not apply passes and says why
(docs/checks.md).
"""

from __future__ import annotations

from lrdash.monitor.checks.outcome import check_data, check_predictions, check_same_rows
from lrdash.monitor.checks.rates import check_optimizer, check_rates
from lrdash.monitor.checks.setup import check_effective_batch, check_epochs, check_frozen, check_port
from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.snapshot import Check

_CHECKS = (
    check_optimizer, check_rates, check_effective_batch, check_epochs, check_frozen, check_port,
    check_data, check_predictions, check_same_rows,
)  # fmt: skip


def run_checks(evidence: RunEvidence) -> tuple[Check, ...]:
    """All nine, in the order of the status document; none for a folder without a sweep."""
    return tuple(check(evidence) for check in _CHECKS) if evidence.run else ()


__all__ = ["run_checks"]
