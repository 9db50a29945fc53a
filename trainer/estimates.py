"""What a run needs: arithmetic over parameter counts and shapes. Estimates, not measured on a GPU.

FSDP2 shards float32 weights, gradients and AdamW's two moments over the GPUs: 16 bytes a trained parameter, 4
a frozen one. With DDP every GPU holds all of them, and a copy of the gradients to send.
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
    """Of a layer or two at a time: weights as computed with, and gradients before they are sharded."""
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


@dataclass(frozen=True)
class Method:
    """How a model is trained, as far as memory goes."""

    gpus: int
    sharded: bool
    bf16: bool
    checkpointing: bool

    @property
    def compute_bytes(self) -> int:
        """Of a number in a forward pass."""
        return 2 if self.bf16 else 4


def gpu_memory(shape: Shape, method: Method, tokens: int) -> GpuMemory:
    """`tokens` are those of one forward pass of one GPU."""
    shards = method.gpus if method.sharded else 1
    sent = 4 * shape.trained if method.gpus > shards else 0
    return GpuMemory(
        weights=4 * (shape.trained + shape.frozen) // shards,
        gradients=4 * shape.trained // shards + sent,
        optimizer=8 * shape.trained // shards,
        gathered=_gathered_bytes(shape, method),
        activations=activation_bytes(shape, tokens, method),
    )


def _gathered_bytes(shape: Shape, method: Method) -> int:
    if not method.sharded:  # float32 weights are computed with as they are
        return 2 * (shape.trained + shape.frozen) if method.bf16 else 0
    weights = method.compute_bytes * (2 * shape.layer + shape.outside)
    gradients = (method.compute_bytes + 4) * max(shape.layer, shape.outside)  # and in float32, to be summed
    return weights + gradients


def activation_bytes(shape: Shape, tokens: int, method: Method) -> int:
    """Bytes that the backward pass needs of the forward pass.

    A layer keeps four intermediate vectors (gate, up, their activation and product), and about 15 of the
    hidden size (inputs of two norms in float32, queries, keys, values, attention, residuals). With
    checkpointing it keeps its input, and one layer at a time everything.
    """
    layer = tokens * method.compute_bytes * (4 * shape.intermediate + 15 * shape.hidden)
    if method.checkpointing:
        return shape.layers * tokens * method.compute_bytes * shape.hidden + layer
    return shape.layers * layer


def host_memory(shape: Shape, processes: int) -> HostMemory:
    weights = 4 * (shape.trained + shape.frozen)
    base = processes * _PROCESS
    return HostMemory(load=base + processes * weights, save=base + max(weights, 8 * shape.trained))
