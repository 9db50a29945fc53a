"""Keys one after the other: each goes to what the one before it has opened."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from textual import events, on
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message

from lrdash.errors import LrdashError

PATIENCE_SECONDS = 2.0
"""The longest that a key is held; the next one then goes to whatever has the focus."""
GLANCE_SECONDS = 0.02
"""How often to look whether the widget that a key went to is still there."""


class Follower(Message):
    """Goes the way of a key, from the widget with the focus up to the app, behind all that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()


class KeysInTurn(App[LrdashError]):
    """An app that holds a key until the one before it has had its effect.

    Textual sends a key to the widget that has the focus when it is read; `x` `s` typed at once would both go
    to the view below the menu that `x` opens.
    """

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key] = deque()

    async def on_event(self, event: events.Event) -> None:
        """Hold what was typed; everything else, and keys that come back from a widget, is Textual's."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        if len(self._typed) == 1:
            self.run_worker(self._send_keys(), group="keys")

    async def _send_keys(self) -> None:
        while self._typed:
            target = self.focused or self.screen
            await super().on_event(self._typed[0])
            await self._follow(target)  # the key has been handled
            await self._follow(self.focused or self.screen)  # and so has what it asked for, a new screen too
            self._typed.popleft()

    async def _follow(self, target: DOMNode) -> None:
        """Wait until a message has passed from the target to the app, or the target is gone."""
        follower = Follower()
        target.post_message(follower)
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not follower.arrived.is_set() and target.is_attached:
            if asyncio.get_running_loop().time() > deadline:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(follower.arrived.wait(), GLANCE_SECONDS)

    @on(Follower)
    def _has_followed(self, event: Follower) -> None:
        event.arrived.set()
