"""Looking at a running app: its text, and waiting until it shows something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.pilot import Pilot


def screen_text(app: App[Any]) -> str:
    """What the terminal shows, without colours."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def until(
    pilot: Pilot[Any], condition: Callable[[], object], what: str = "", seconds: float = 20
) -> None:
    """Let the app work until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{screen_text(pilot.app)}"
        await pilot.pause()
        await asyncio.sleep(0.01)


async def shows(pilot: Pilot[Any], text: str) -> None:
    """Wait until a text stands on the screen."""
    await until(pilot, lambda: text in screen_text(pilot.app), f"{text!r} on the screen")


async def opened(pilot: Pilot[Any]) -> None:
    """Wait until the main screen is there, with all of Home."""
    app: Any = pilot.app
    await until(pilot, lambda: app.is_open and app.main.is_attached and app.main.charts, "the main screen")
    await pilot.pause()
