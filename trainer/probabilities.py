"""Logits -> probabilities and loss, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def log_probabilities(logits: Array) -> Array:
    """Logarithm of the softmax over the classes."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def mean_loss(logits: Array, labels: Array) -> float:
    """Cross entropy, the plain mean over the rows."""
    return float(-log_probabilities(logits)[np.arange(len(labels)), labels].mean())
