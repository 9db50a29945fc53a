"""The views behind the tabs; each is imported and mounted when it is first shown."""

from __future__ import annotations

from textual.widget import Widget


def make_view(tab: str) -> Widget:
    match tab:
        case "Log":
            from lrdash.ui.views.log import LogView

            return LogView(id="log")
        case "Metrics":
            from lrdash.ui.views.metrics import MetricsView

            return MetricsView(id="metrics")
        case "Compare":
            from lrdash.ui.views.compare import CompareView

            return CompareView(id="compare")
        case _:
            from lrdash.ui.views.checks import ChecksView

            return ChecksView(id="checks")
