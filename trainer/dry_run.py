"""`--dry_run`: what would be trained and what it needs. No GPU, no data, no weights, no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from trainer import checkpoints, estimates
from trainer.arguments import Arguments, arguments_hash
from trainer.command_line import as_mapping
from trainer.data.batches import TrainingBatches
from trainer.data.examples import Labels
from trainer.data.sources import find_source, read_rows
from trainer.errors import ArgumentsError, DataError
from trainer.estimates import Method, Shape
from trainer.model.folder import Checkpoint, find_config
from trainer.model.load import classifier_class, classifier_config, quiet_libraries
from trainer.model.parts import FROZEN, count_parameters
from trainer.processes import world_size

H200_BYTES = 141_000_000_000
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def dry_run(arguments: Arguments) -> None:
    quiet_libraries()
    processes = arguments.processes or world_size()
    checkpoint = find_config(arguments.model_name_or_path)
    model = empty_model(checkpoint)
    counts = {str(part): count for part, count in count_parameters(model).items()}
    for line in (
        *_argument_lines(arguments, processes),
        *_parameter_lines(checkpoint, counts),
        *_step_lines(arguments, processes),
        *_memory_lines(arguments, shape_of(model, counts), processes, counts),
    ):
        print(line, flush=True)


def empty_model(checkpoint: Checkpoint) -> Any:
    """The classifier with two classes, without memory for its weights."""
    config = classifier_config(checkpoint, Labels(["0", "1"]), pad_token_id=0)
    with torch.device("meta"):
        return classifier_class(checkpoint)(config)


def shape_of(model: Any, counts: dict[str, int]) -> Shape:
    config = model.config.get_text_config()
    decoder = getattr(model.model, "language_model", model.model)
    layer = sum(parameter.numel() for parameter in decoder.layers[0].parameters())
    trained = sum(count for part, count in counts.items() if part not in FROZEN)
    return Shape(
        trained=trained,
        frozen=sum(counts.values()) - trained,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layer=layer,
        outside=trained - config.num_hidden_layers * layer,
    )


def _argument_lines(arguments: Arguments, processes: int) -> Iterator[str]:
    yield "Arguments"
    for name, value in as_mapping(arguments).items():
        if value not in (None, "") and name not in ("dry_run", "processes", "host_memory"):
            yield f"  {name}: {str(value).lower() if isinstance(value, bool) else value}"
    matters = arguments.that_matter(processes)
    factors = (processes, arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps)
    yield f"  effective batch size: {' x '.join(map(str, factors))} = {matters['effective_batch_size']}"
    yield f"  hash of what decides the result: {arguments_hash(matters)}"


def _parameter_lines(checkpoint: Checkpoint, counts: dict[str, int]) -> Iterator[str]:
    yield f"Parameters of {checkpoint.name}"
    for part, count in counts.items():
        yield f"  {part:<22}{count:>16,}  {'frozen' if part in FROZEN else 'trained'}"
    frozen = sum(count for part, count in counts.items() if part in FROZEN)
    total = sum(counts.values())
    yield f"  {'total':<22}{total:>16,}  {total / 1e9:.2f} B, of which {frozen / 1e9:.2f} B frozen"


def _step_lines(arguments: Arguments, processes: int) -> Iterator[str]:
    yield "Steps"
    if not arguments.dataset:
        yield "  no --dataset given"
        return
    try:
        source = find_source(arguments.dataset, Path(arguments.dataset_dir))
        rows = len(read_rows(source, arguments.max_samples))
    except DataError as error:
        yield f"  unknown: {error}"
        return
    accumulation = arguments.gradient_accumulation_steps
    batches = TrainingBatches(
        [1] * rows, arguments.effective_batch_size(processes), accumulation, arguments.seed
    )
    total = arguments.total_steps(batches.steps)
    yield f"  {rows:,} rows: {batches.steps:,} steps an epoch, {total:,} in all"


def _memory_lines(
    arguments: Arguments, shape: Shape, processes: int, counts: dict[str, int]
) -> Iterator[str]:
    tokens = arguments.per_device_train_batch_size * arguments.cutoff_len
    sharded = arguments.is_sharded(processes, gpu=True)
    method = Method(processes, sharded, arguments.bf16, arguments.gradient_checkpointing)
    gpu = estimates.gpu_memory(shape, method, tokens)
    how = "on 1" if processes == 1 else f"{'FSDP2' if sharded else 'DDP'} over {processes}"
    kind = "bfloat16" if arguments.bf16 else "float32"
    yield f"Memory of each GPU, {how}, rows of {arguments.cutoff_len} tokens in {kind} (estimate)"
    for name in ("weights", "gradients", "optimizer", "gathered", "activations", "overhead", "total"):
        yield f"  {name:<22}{_gigabytes(getattr(gpu, name))}"
    advice = (
        "--gradient_checkpointing true, or fewer rows a pass" if sharded else "shard it over several GPUs"
    )
    fits = "fits" if gpu.total < H200_BYTES else f"DOES NOT FIT: {advice}"
    yield f"  an H200 has {_gigabytes(H200_BYTES).strip()}: {fits}"
    yield from _host_lines(arguments, shape, processes)
    keep = arguments.checkpoints_kept
    disk = checkpoints.disk_bytes(counts, keep)
    yield "Disk"
    yield f"  {'checkpoints at most':<22}{_gigabytes(disk)}  {keep} kept, one being written"


def _host_lines(arguments: Arguments, shape: Shape, processes: int) -> Iterator[str]:
    host = estimates.host_memory(shape, processes)
    yield "Host memory of all processes (estimate)"
    yield f"  {'while loading':<22}{_gigabytes(host.load)}"
    yield f"  {'while saving':<22}{_gigabytes(host.save)}"
    if arguments.host_memory:
        granted = parse_memory(arguments.host_memory)
        enough = "enough" if max(host.load, host.save) < granted else "NOT ENOUGH: ask for more with --mem"
        yield f"  --mem={arguments.host_memory} grants {_gigabytes(granted).strip()}: {enough}"


def parse_memory(text: str) -> int:
    """Slurm's `200G`, or `200000` in MiB -> bytes."""
    match = re.fullmatch(r"(\d+)([KMGT]?)B?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ArgumentsError(f"--host_memory {text}: write it as Slurm's --mem, such as 200G")
    return int(match[1]) * _UNITS[(match[2] or "M").upper()]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:>10.1f} GB"
