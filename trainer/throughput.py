"""Rows and tokens trained per second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from trainer.data.batches import TrainingBatches


class Throughput:
    """Counts from the batches that all processes share, so nothing is measured on the GPU and nothing is
    sent.

    Tokens are those of the rows, without padding; the time of evaluations and saves is not counted.
    """

    def __init__(self, batches: TrainingBatches, lengths: list[int]) -> None:
        self._batches = batches
        self._lengths = np.asarray(lengths)
        self._epoch = -1
        self._tokens_of_step: list[int] = []
        self._rows_of_step: list[int] = []
        self.total_tokens = 0
        self._rows = 0
        self._tokens = 0
        self._seconds = 0.0
        self._since = time.perf_counter()

    def restart(self, finished_steps: int) -> None:
        """Begin to measure, after so many steps of earlier attempts."""
        self.total_tokens = sum(self._step(step)[1] for step in range(finished_steps))
        self._since = time.perf_counter()

    def count(self, step: int) -> None:
        """A step (from 0) is done."""
        rows, tokens = self._step(step)
        self._rows += rows
        self._tokens += tokens
        self.total_tokens += tokens

    def _step(self, step: int) -> tuple[int, int]:
        epoch, position = divmod(step, self._batches.steps)
        if epoch != self._epoch:
            batches = self._batches.effective_batches(epoch)
            self._epoch = epoch
            self._rows_of_step = [len(rows) for rows in batches]
            self._tokens_of_step = [int(self._lengths[rows].sum()) for rows in batches]
        return self._rows_of_step[position], self._tokens_of_step[position]

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._seconds += time.perf_counter() - self._since
        yield
        self._since = time.perf_counter()

    def take(self) -> dict[str, float | int]:
        """Rates since the last call, LLaMA-Factory's keys among them; memory in GiB."""
        now = time.perf_counter()
        seconds = max(self._seconds + now - self._since, 1e-9)
        values: dict[str, float | int] = {
            "samples_per_second": round(self._rows / seconds, 3),
            "tokens_per_second": round(self._tokens / seconds, 1),
            "throughput": round(self._tokens / seconds, 1),
            "total_tokens": self.total_tokens,
        }
        if torch.cuda.is_available():
            values["vram_allocated"] = round(torch.cuda.max_memory_allocated() / 2**30, 3)
            values["vram_reserved"] = round(torch.cuda.max_memory_reserved() / 2**30, 3)
        self._rows, self._tokens, self._seconds, self._since = 0, 0, 0.0, now
        return values
