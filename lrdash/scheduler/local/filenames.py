"""Log file names as Slurm expands them: `%A_%a.out` (sbatch(1), FILENAME PATTERN)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_FIELD = re.compile(r"%(\d*)([%AajJxuN])")
DEFAULT = "slurm-%A_%a.out"


def expand(pattern: str, values: Mapping[str, str]) -> str:
    """
    >>> expand("logs/%x/%A_%3a.out", {"x": "text", "A": "12", "a": "2"})
    'logs/text/12_002.out'
    """

    def value(match: re.Match[str]) -> str:
        width, letter = match.groups()
        return "%" if letter == "%" else values.get(letter, "").rjust(int(width or 0), "0")

    return _FIELD.sub(value, pattern)
