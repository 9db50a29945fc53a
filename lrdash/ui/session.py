"""What the application works with, opened after the first frame has been painted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from lrdash.ui.results import Results
    from lrdash.ui.saved_view import ViewFile
    from lrdash.ui.settings import Settings
    from lrdash.ui.source import SnapshotSource


class Session(msgspec.Struct, frozen=True):
    """One look at one sweep."""

    source: SnapshotSource
    settings: Settings
    results: Results | None = None
    """A `Backend` where there is a sweep to act on; None until `connect` has opened them."""
    view_file: ViewFile | None = None
    connect: Callable[[], Session] | None = None
    """Opens the session that this one, made of what was kept on disk, stands for until Home is painted;
    blocks, and raises LrdashError where the sweep cannot be opened any more."""
