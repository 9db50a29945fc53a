"""What the application works with, opened after the first frame has been painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdash.ui.results import Results
    from lrdash.ui.saved_view import ViewFile
    from lrdash.ui.settings import Settings
    from lrdash.ui.source import SnapshotSource


@dataclass(frozen=True)
class Session:
    """One look at one sweep."""

    source: SnapshotSource
    settings: Settings
    results: Results | None = None
    """None for a recording, which has none; a `Backend` where there is a sweep to act on."""
    view_file: ViewFile | None = None
