"""The trainer's arguments -> transformers' own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from transformers import TrainingArguments

from trainer.arguments import Arguments
from trainer.callbacks import wants_progress_bar
from trainer.errors import ArgumentsError
from trainer.processes import world_size

IMAGE_WORKERS = 2


def training_arguments(arguments: Arguments, *, has_images: bool) -> TrainingArguments:
    """On a CPU training is float32 and over gloo; several GPUs share the weights through FSDP2."""
    gpu = torch.cuda.is_available()
    several = world_size() > 1
    if gpu and several and world_size() > torch.cuda.device_count():
        raise ArgumentsError(f"{world_size()} processes, but {torch.cuda.device_count()} GPUs on this node")
    fsdp = arguments.do_train and arguments.is_sharded(world_size(), gpu=gpu)
    workers = arguments.dataloader_num_workers
    training = TrainingArguments(
        output_dir=arguments.output_dir,
        per_device_train_batch_size=arguments.per_device_train_batch_size,
        per_device_eval_batch_size=arguments.per_device_eval_batch_size,
        gradient_accumulation_steps=arguments.gradient_accumulation_steps,
        learning_rate=arguments.learning_rate,
        lr_scheduler_type=arguments.lr_scheduler_type,
        warmup_steps=arguments.warmup_steps,
        num_train_epochs=arguments.num_train_epochs,
        max_steps=arguments.max_steps,
        weight_decay=arguments.weight_decay,
        max_grad_norm=arguments.max_grad_norm,
        seed=arguments.seed,
        bf16=arguments.bf16 and gpu,
        use_cpu=not gpu,
        eval_strategy=arguments.eval_strategy,
        save_strategy=arguments.save_strategy,
        logging_steps=arguments.logging_steps,
        logging_nan_inf_filter=False,  # a diverged run must not show the mean of earlier losses
        disable_tqdm=not wants_progress_bar(),
        report_to="none",
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=(IMAGE_WORKERS if has_images and gpu else 0) if workers is None else workers,
        **(_sharding(arguments) if fsdp else {"activation_checkpointing": arguments.gradient_checkpointing}),
        ddp_backend="gloo" if several and not gpu else None,  # refused by transformers with one process
        ddp_timeout=arguments.ddp_timeout,
        ddp_find_unused_parameters=False,
    )
    # One process that sees several GPUs would train on all (DataParallel), and multiply the loss.
    training._n_gpu = min(training.n_gpu, 1)
    return training


def _sharding(arguments: Arguments) -> dict[str, Any]:
    """FSDP2. Without `sync_each_batch` every process would hold the sum of a step's gradients whole."""
    return {
        "fsdp": True,
        "fsdp_config": {"version": 2, "activation_checkpointing": arguments.gradient_checkpointing},
        "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}},
    }


def remarks(arguments: Arguments) -> Iterator[str]:
    """What happens otherwise than one might expect, on this machine and with so many processes."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if arguments.bf16 and not gpus:
        yield "bf16 is for GPUs: on a CPU training is float32"
    if arguments.fsdp and world_size() == 1:
        yield "--fsdp true has no effect: there is one process to shard over"
    if gpus > world_size():
        yield (
            f"{gpus} GPUs are visible, {world_size()} used: each process uses one;"
            f" `python -m torch.distributed.run --nproc-per-node {gpus} -m trainer …` starts {gpus}"
        )
