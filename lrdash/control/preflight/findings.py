"""What a check before a submission found."""

from __future__ import annotations

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
