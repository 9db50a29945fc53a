"""What is painted before anything else is imported or read: the last status document on disk, with its age.

The rows stand where the run table will draw them a moment later. This module and what it imports decide
how long the first paint takes, so it reads the document with the standard library and knows little of it.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import platformdirs
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from lrdash.ui.format import age

LABEL_WIDTH = 26


class FirstScreen(Screen[None]):
    """Replaced by the main screen as soon as that is there."""

    DEFAULT_CSS = "FirstScreen { background: $background; }"

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        yield Static(self.text, markup=False)


def cached_document(sweep_file: Path) -> Path | None:
    """The status document that the monitor keeps for a sweep file, if it has watched it before."""
    digest = sha256(str(sweep_file).encode()).hexdigest()[:16]
    found = list(platformdirs.user_cache_path("lrdash").glob(f"*-{digest}/status.json"))
    return found[0] if found else None


def view_path(sweep_file: Path) -> Path:
    """Where the view of a sweep is kept."""
    digest = sha256(str(sweep_file).encode()).hexdigest()[:16]
    return platformdirs.user_state_path("lrdash") / "views" / f"{digest}.json"


def saved_theme(sweep_file: Path) -> str:
    """The theme that was on when this sweep was last left."""
    try:
        return str(json.loads(view_path(sweep_file).read_bytes())["theme"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def first_frame(document: Path) -> str:
    """The text of the first frame; empty when the document cannot be shown."""
    try:
        status = json.loads(document.read_bytes())
        return "\n".join(
            [_heading(status), " Home  Log  Metrics  Compare  Checks", "", *_rows(status["runs"])]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""  # not there yet, or of another version


def _heading(status: dict[str, Any]) -> str:
    seconds = time.time() - datetime.fromisoformat(status["taken_at"]).timestamp()
    return f" {_plain(status['sweep'])}   as it was {age(seconds)} ago"


def _rows(runs: list[dict[str, Any]]) -> list[str]:
    rows, group = [], None
    for run in runs[:200]:
        if run.get("group") != group:
            group = run.get("group")
            rows.append(f"    {_plain(group)}")
        label = _plain(run.get("label") or run["run"])[:LABEL_WIDTH]
        index = "" if run.get("index") is None else run["index"]
        rows.append(f"    {index:>2}   {label:<{LABEL_WIDTH}}  {_plain(run.get('state') or 'not submitted')}")
    return rows


def _plain(text: object) -> str:
    return "".join(char if char.isprintable() else "�" for char in str(text))
