"""The loss of an effective batch: the plain mean of the cross entropy over its rows; and that of an epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from trainer.data.batches import IGNORED


def batch_loss(
    outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Summed cross entropy / rows of the effective batch on all processes.

    transformers counts those rows (labels other than -100), multiplies by the number of processes, whose
    gradients are then averaged, and does not divide by the accumulation steps: so every row weighs the same,
    however the batch was dealt out.
    """
    summed = cross_entropy(outputs.logits.float(), labels, ignore_index=IGNORED, reduction="sum")
    return summed / (num_items_in_batch if num_items_in_batch is not None else (labels != IGNORED).sum())


class EpochLoss:
    """The training loss of the current epoch: the mean over its steps so far and over the processes."""

    def __init__(
        self, steps: int, device: torch.device, gather: Callable[[torch.Tensor], torch.Tensor]
    ) -> None:
        self._steps = steps
        self._gather = gather
        self._epoch = 0
        self._sum = torch.zeros((), dtype=torch.float64, device=device)  # NCCL gathers from GPUs only

    def resume(self, step: int, total: float) -> None:
        """Take over the sum of the attempt that ended after so many steps."""
        self._epoch = (step - 1) // self._steps
        self._sum.fill_(total)

    def add(self, step: int, loss: torch.Tensor) -> None:
        """The loss of a forward pass of a step, counted from 0."""
        if step // self._steps != self._epoch:
            self._epoch = step // self._steps
            self._sum.zero_()
        self._sum += loss

    def total(self) -> float:
        """Over the steps of the epoch; all processes call this and `mean`."""
        return float(self._gather(self._sum.reshape(1)).mean())

    def mean(self, step: int) -> float:
        """After so many steps of the run."""
        return self.total() / ((step - 1) % self._steps + 1)
