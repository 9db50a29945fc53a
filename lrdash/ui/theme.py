"""Colours: three themes of our own, and the styles that widgets draw with under any theme."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from lrdash.ui.glyphs import Glyphs

Role = Literal[
    "text", "bold", "muted", "faint", "primary", "accent", "success", "warning", "error", "track", "title",
]  # fmt: skip

# Okabe and Ito's colour-blind safe set, lightened or darkened for the background.
_SERIES_ON_DARK = ("#56b4e9", "#f0a63c", "#2fc49a", "#d98cb8", "#f0e442", "#e8703a", "#8ea6ff", "#b3bac5")
_SERIES_ON_LIGHT = ("#0072b2", "#c65a00", "#00795a", "#a8467a", "#7a6a00", "#8a2f10", "#4a4fc4", "#5c6470")
_SERIES_MONO = ("#ffffff", "#c4c4c4", "#9a9a9a", "#e0e0e0", "#b0b0b0", "#888888", "#d0d0d0", "#a6a6a6")


def _series(colours: tuple[str, ...]) -> dict[str, str]:
    return {f"series-{position}": colour for position, colour in enumerate(colours)}


SERIES_COLOURS = len(_SERIES_ON_DARK)
VARIABLE_DEFAULTS = _series(_SERIES_ON_DARK)
"""For themes that are not ours."""

DARK = Theme(
    name="lrdash-dark", dark=True, primary="#6cb6ff", secondary="#7a8bb5", accent="#f2b866",
    foreground="#d5dbe5", background="#0f131a", surface="#141a23", panel="#1d2531",
    success="#5fd08a", warning="#f2b866",
    error="#ff7b72",
    variables=_series(_SERIES_ON_DARK)
    | {"border": "#2c3644", "scrollbar": "#2c3644", "scrollbar-background": "#141a23"},
)  # fmt: skip
LIGHT = Theme(
    name="lrdash-light", dark=False, primary="#0b5cad", secondary="#5a6b8c", accent="#9a5b00",
    foreground="#20262e", background="#fbfaf7", surface="#f5f3ee", panel="#e7e3da", success="#14713f",
    warning="#8f5a00", error="#b3261e",
    variables=_series(_SERIES_ON_LIGHT)
    | {"border": "#cfc9bb", "scrollbar": "#cfc9bb", "scrollbar-background": "#f5f3ee"},
)  # fmt: skip
MONO = Theme(
    name="lrdash-mono", dark=True, primary="#ffffff", secondary="#b0b0b0", accent="#ffffff",
    foreground="#d8d8d8", background="#000000", surface="#0c0c0c", panel="#242424", success="#ffffff",
    warning="#ffffff", error="#ffffff",
    variables=_series(_SERIES_MONO)
    | {"border": "#5a5a5a", "scrollbar": "#5a5a5a", "scrollbar-background": "#0c0c0c"},
)  # fmt: skip
THEMES = (DARK, LIGHT, MONO)


class Paint:
    """Rich styles by role, from the variables of whatever theme is on."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        foreground, background = variables["foreground"], variables["background"]
        text, ground = Color.parse(foreground), Color.parse(background)
        named = {
            name: Style(color=variables[name])
            for name in ("primary", "accent", "success", "warning", "error")
        }
        self._styles: dict[str, Style] = named | {
            "text": Style(color=foreground),
            "bold": Style(color=foreground, bold=True),
            "title": Style(color=text.blend(ground, 0.25).hex, bold=True),
            "muted": Style(color=text.blend(ground, 0.38).hex),
            "faint": Style(color=text.blend(ground, 0.62).hex),
            "track": Style(color=text.blend(ground, 0.82).hex),
        }
        self._series = [Style(color=variables[f"series-{position}"]) for position in range(SERIES_COLOURS)]
        self.selected = Style(bgcolor=ground.blend(Color.parse(variables["primary"]), 0.18).hex)
        self.selected_elsewhere = Style(bgcolor=variables["panel"])
        self.tab = Style(color=variables["primary"], bold=True, underline=True)

    def __getitem__(self, role: Role) -> Style:
        return self._styles[role]

    def series(self, colour: int) -> Style:
        return self._series[colour % SERIES_COLOURS]


class Look:
    """How one scheduler state is shown: glyph, colour, and the tally it counts in."""

    __slots__ = ("glyph", "role", "tally")

    def __init__(self, glyph: str, role: Role, tally: str) -> None:
        self.glyph, self.role, self.tally = glyph, role, tally


WITHOUT_JOB = "without a job"
TALLIES = ("running", "pending", "done", "failed", "stopped", "unknown", "not submitted", WITHOUT_JOB)


@cache
def state_look(state: str | None, glyphs: Glyphs) -> Look:
    """The look of a state; one that is not known here is shown as it is, with `?`."""
    match state:
        case None:
            return Look(glyphs.absent, "faint", "not submitted")
        case "RUNNING" | "SIGNALING" | "RESIZING":
            return Look(glyphs.running, "primary", "running")
        case "COMPLETING" | "STAGE_OUT":
            return Look(glyphs.ending, "primary", "running")
        case "PENDING" | "CONFIGURING" | "REQUEUED" | "POWER_UP_NODE" | "RESV_DEL_HOLD":
            return Look(glyphs.pending, "accent", "pending")
        case "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "SUSPENDED" | "STOPPED":
            return Look(glyphs.suspended, "accent", "pending")
        case "COMPLETED":
            return Look(glyphs.done, "success", "done")
        case "FAILED" | "NODE_FAIL" | "BOOT_FAIL" | "OUT_OF_MEMORY" | "LAUNCH_FAILED" | "RECONFIG_FAIL":
            return Look(glyphs.failed, "error", "failed")
        case "TIMEOUT" | "DEADLINE":
            return Look(glyphs.timed_out, "error", "failed")
        case "CANCELLED" | "REVOKED":
            return Look(glyphs.cancelled, "muted", "stopped")
        case "PREEMPTED":
            return Look(glyphs.preempted, "warning", "stopped")
        case _:
            return Look(glyphs.unknown, "warning", "unknown")
