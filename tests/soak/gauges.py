"""What a process uses: memory, descriptors, threads, processor time."""

from __future__ import annotations

import gc
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

MIB = 2**20
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Reading:
    memory: float
    """Resident, MiB."""
    descriptors: int
    threads: int
    seconds: float
    """Processor time since the reading before."""


@dataclass
class Gauges:
    """Read again and again; `quarter` gives means of a part of the time."""

    readings: list[Reading] = field(default_factory=list)
    _cpu: float = field(default_factory=time.process_time)

    def read(self) -> None:
        gc.collect()
        cpu = time.process_time()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        descriptors = len(os.listdir("/proc/self/fd"))
        self.readings.append(
            Reading(pages * PAGE / MIB, descriptors, threading.active_count(), cpu - self._cpu)
        )
        self._cpu = time.process_time()  # what reading itself took does not count

    def quarter(self, which: int) -> Reading:
        """Means of quarter 0, 1, 2 or 3."""
        size = len(self.readings) // 4
        part = self.readings[which * size : (which + 1) * size]
        return Reading(
            mean(one.memory for one in part),
            max(one.descriptors for one in part),
            max(one.threads for one in part),
            mean(one.seconds for one in part),
        )

    def table(self, title: str) -> str:
        lines = [
            f"{title}",
            f"{'':<16}{'memory, MiB':>14}{'descriptors':>13}{'threads':>9}{'CPU s a reading':>17}",
        ]
        for name, which in (("first quarter", 0), ("last quarter", 3)):
            one = self.quarter(which)
            lines.append(
                f"{name:<16}{one.memory:>14.1f}{one.descriptors:>13}{one.threads:>9}{one.seconds:>17.3f}"
            )
        return "\n".join(lines)

    def check_flat(self, *, memory: float, processor: float = 1.5) -> None:
        """
        Args:
            memory: MiB that the last quarter may hold more than the first.
            processor: how many times the processor time of the first quarter the last may take.
        """
        first, last = self.quarter(0), self.quarter(3)
        assert last.memory <= first.memory + memory, self.table("memory grows")
        assert last.descriptors <= first.descriptors + 2, self.table("descriptors are left open")
        assert last.threads <= first.threads, self.table("threads are left behind")
        assert last.seconds <= processor * first.seconds + 0.05, self.table("every look takes longer")
