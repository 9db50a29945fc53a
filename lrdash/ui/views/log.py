"""Log."""

from __future__ import annotations

from textual.containers import Vertical

from lrdash.ui.state import ScreenState


class LogView(Vertical):
    def show(self, state: ScreenState) -> None: ...
