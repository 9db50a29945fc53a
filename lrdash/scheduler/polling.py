"""How long to wait before the next question to the scheduler. Pure arithmetic on an injected clock.

squeue(1): "Do not run squeue ... from loops in shell scripts or other programs"; every site has rules about
it. So: one question at a time, seldom while nothing happens, seldom while nobody answers, and never more
than a tenth of the time spent asking.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BASE_SECONDS = 5.0
LONGEST_SECONDS = 60.0
QUIET_SHARE = 1 / 12
"""After t quiet seconds the next question waits t/12: a minute of quiet keeps 5 s, twelve reach 60 s."""
DURATION_FACTOR = 10.0


class PollInterval:
    """Tell it how each poll went; `seconds` is how long to wait after it."""

    def __init__(
        self,
        base: float = BASE_SECONDS,
        longest: float = LONGEST_SECONDS,
        quiet_share: float = QUIET_SHARE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base
        self._longest = longest
        self._quiet_share = quiet_share
        self._clock = clock
        self._last_change = clock()
        self._duration = 0.0
        self._failures = 0

    @property
    def seconds(self) -> float:
        if self._failures:
            return min(self._base * 2.0**self._failures, self._longest)
        quiet = (self._clock() - self._last_change) * self._quiet_share
        polite = min(max(self._base, quiet), self._longest)
        return max(polite, self._duration * DURATION_FACTOR)

    def succeeded(self, duration: float, *, changed: bool) -> None:
        """A poll that took `duration` seconds was answered, with something new or not."""
        self._failures = 0
        self._duration = duration
        if changed:
            self.wake()

    def failed(self) -> None:
        """Nobody answered; each further failure doubles the wait."""
        self._failures = min(self._failures + 1, 16)

    def wake(self) -> None:
        """Something happened or is about to, such as an action of the user."""
        self._last_change = self._clock()
