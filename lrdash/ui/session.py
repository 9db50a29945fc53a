"""What the application works with, opened after the first frame has been painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdash.ui.backend import Backend
    from lrdash.ui.saved_view import ViewFile
    from lrdash.ui.settings import Settings
    from lrdash.ui.source import SnapshotSource


@dataclass(frozen=True)
class Session:
    """One look at one sweep."""

    source: SnapshotSource
    settings: Settings
    backend: Backend | None = None
    """None for a recording: there is nothing to act on."""
    view_file: ViewFile | None = None
