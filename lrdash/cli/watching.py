"""The loop of commands that watch: the queue and the files are each looked at on a clock of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdash.monitor.monitor import Monitor
    from lrdash.monitor.snapshot import Snapshot


def watch(
    monitor: Monitor,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Snapshot]:
    """The snapshot of now, then one whenever the files or the queue may tell something new."""
    queue_due = clock()
    while True:
        if clock() >= queue_due:
            monitor.poll_queue()
            queue_due = clock() + monitor.queue_interval
        yield monitor.poll_files(whole=True)
        sleep(max(0.0, min(queue_due - clock(), monitor.files_interval)))
