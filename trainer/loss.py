"""The loss of an effective batch: the plain mean of the cross entropy over its rows."""

from __future__ import annotations

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
