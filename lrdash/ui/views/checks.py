"""Checks."""

from __future__ import annotations

from textual.containers import Vertical

from lrdash.ui.state import ScreenState


class ChecksView(Vertical):
    def show(self, state: ScreenState) -> None: ...
