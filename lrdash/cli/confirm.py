"""Asking before something that cannot be taken back."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from lrdash.errors import UsageError


def confirm(question: str, items: Iterable[object], *, yes: bool) -> bool:
    """Show what would be hit and ask; the default is no.

    Raises:
        UsageError: nobody is there to answer.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question} Nobody can answer here: give --yes")
    for item in items:
        print(f"  {item}", file=sys.stderr)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
