"""Findings of preflight, as lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdash.control.preflight import Finding

_MARKS = {"ok": "ok     ", "note": "note   ", "warning": "WARNING", "error": "ERROR  "}


def finding_line(finding: Finding) -> str:
    return f"{_MARKS[finding.level]}  {finding}"


def narrate(findings: Iterable[Finding]) -> None:
    """What a submission should not do in silence."""
    for finding in findings:
        if finding.level in ("warning", "note"):
            print(finding_line(finding), file=sys.stderr)
