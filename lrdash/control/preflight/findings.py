"""What a check before a submission found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note", "ok"]


@dataclass(frozen=True)
class Finding:
    """One line of a preflight; an error keeps anything from being submitted."""

    level: Level
    subject: str
    """What was looked at: `data`, `model`, `script text`..."""
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


def guarded(subject: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of a check; a place that cannot be looked at (no permission, a dead disk) is one too."""
    try:
        yield from findings
    except OSError as error:
        yield Finding(
            "error", subject, f"{error.filename}: cannot be looked at: {error.strerror}; correct it"
        )
