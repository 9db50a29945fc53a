"""What a run needs: arithmetic over parameter counts and shapes. Estimates, not measured on a GPU.

FSDP2 shards float32 weights, gradients and AdamW's two moments over the GPUs: 16 bytes a trained parameter, 4
a frozen one. With DDP every GPU holds all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

_OVERHEAD = 4_000_000_000
"""Bytes of CUDA's context, NCCL's buffers and fragmentation."""
_PROCESS = 6_000_000_000
"""Bytes of host memory of a process with PyTorch and CUDA, before any weight."""


@dataclass(frozen=True)
class Shape:
    """What of a model decides its memory."""

    trained: int
    """Parameters."""
    frozen: int
    layers: int
    hidden: int
    intermediate: int
    layer: int
    """Parameters of one decoder layer."""
    outside: int
    """Trained parameters outside the decoder layers: embedding, last norm, head."""


@dataclass(frozen=True)
class GpuMemory:
    """Bytes on one GPU at the peak of a step."""

    weights: int
    gradients: int
    optimizer: int
    gathered: int
    """Weights of 16 bits that a layer's computation needs whole."""
    activations: int
    overhead: int = _OVERHEAD

    @property
    def total(self) -> int:
        return (
            self.weights + self.gradients + self.optimizer + self.gathered + self.activations + self.overhead
        )


@dataclass(frozen=True)
class HostMemory:
    """Bytes of all processes together."""

    load: int
    """Every process reads the model in float32 before it is sharded."""
    save: int
    """The first process gathers the weights, then the optimizer's state."""


def gpu_memory(shape: Shape, gpus: int, tokens: int, *, checkpointing: bool) -> GpuMemory:
    """`tokens` are those of one forward pass of one GPU."""
    sharded = max(gpus, 1)
    gathered = 2 * (2 * shape.layer + shape.outside) if gpus > 1 else 2 * (shape.trained + shape.frozen)
    return GpuMemory(
        weights=4 * (shape.trained + shape.frozen) // sharded,
        gradients=4 * shape.trained // sharded,
        optimizer=8 * shape.trained // sharded,
        gathered=gathered,
        activations=activation_bytes(shape, tokens, checkpointing=checkpointing),
    )


def activation_bytes(shape: Shape, tokens: int, *, checkpointing: bool) -> int:
    """Bytes that the backward pass needs of the forward pass, computed in 16 bits.

    A layer keeps four intermediate vectors of 2 bytes (gate, up, their activation and product), and about 15
    of the hidden size (inputs of two norms in float32, queries, keys, values, attention, residuals). With
    checkpointing it keeps its input, and one layer at a time everything.
    """
    layer = tokens * (4 * 2 * shape.intermediate + 15 * 2 * shape.hidden)
    if checkpointing:
        return shape.layers * tokens * 2 * shape.hidden + layer
    return shape.layers * layer


def host_memory(shape: Shape, processes: int) -> HostMemory:
    weights = 4 * (shape.trained + shape.frozen)
    base = processes * _PROCESS
    return HostMemory(load=base + processes * weights, save=base + max(weights, 8 * shape.trained))
