"""Work that goes on beside the screen for as long as it is open, never twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress


class Errand:
    """One kind of work: done again after a while, or as soon as somebody wants it.

    What is wanted while the work goes on is done once more behind it. Threads cannot be cancelled, so this,
    and not an exclusive worker, is what keeps two calls of one kind apart.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], seconds: Callable[[], float | None]) -> None:
        self._work = work
        self._seconds = seconds
        """From the end of one to the start of the next; None: only when wanted."""
        self._wanted = asyncio.Event()
        self.is_held = False
        """Only done when wanted."""

    def want(self) -> None:
        """As soon as possible."""
        self._wanted.set()

    async def run(self) -> None:
        """The worker."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), None if self.is_held else self._seconds())
            if self.is_held:
                await self._wanted.wait()
            self._wanted.clear()
            await self._work()
