"""The trainer's arguments: transformers' and LLaMA-Factory's names, and their defaults where they apply.

This module imports nothing heavy, so that a mistake on the command line is told at once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import ArgumentsError


def _described(default: Any, text: str, *, choices: tuple[str, ...] = (), affects_result: bool = True) -> Any:
    metadata = {"help": text, "choices": choices, "affects_result": affects_result}
    return field(default=default, metadata=metadata)


def _elsewhere(default: Any, text: str, *, choices: tuple[str, ...] = ()) -> Any:
    """An argument that says where or how fast, not what is trained: a resumed run may change it."""
    return _described(default, text, choices=choices, affects_result=False)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Everything that can be set; `--help` is made from it."""

    stage: str = _described("sft", "what is trained; only cls is trained here")
    finetuning_type: str = _described("full", "only full is trained here")
    do_train: bool = _elsewhere(False, "train")
    do_eval: bool = _elsewhere(False, "evaluate the model as it is at the end")
    do_predict: bool = _elsewhere(False, "write predictions for the rows of eval_dataset at the end")

    model_name_or_path: str = _described(
        "", "folder of the starting checkpoint, or a hub id in the local cache"
    )
    dataset: str = _described("", "training data: a folder of dataset_dir or a key of its dataset_info.json")
    eval_dataset: str = _described("", "test data, named likewise")
    dataset_dir: str = _elsewhere("data", "where data sets lie")
    media_dir: str = _elsewhere(
        "", "where image paths start; default: the data set's folder, then dataset_dir"
    )
    text_column: str = _described(
        "", "column of the text; default: messages, conversations, text, instruction or prompt"
    )
    label_column: str = _described(
        "", "column of the class name or integer; default: label, output, response or the last answer"
    )
    cutoff_len: int = _described(2048, "longest input in tokens; longer texts lose their end")
    max_samples: int | None = _described(None, "use only this many rows of each data set")
    image_min_pixels: int = _described(32 * 32, "smaller images are enlarged to this many pixels")
    image_max_pixels: int = _described(768 * 768, "larger images are reduced to this many pixels")

    output_dir: str = _elsewhere("", "checkpoints and the trained model")
    results_dir: str = _elsewhere("", "metrics and predictions; default: output_dir")
    overwrite_output_dir: bool = _elsewhere(False, "start afresh, whatever output_dir holds")
    resume_from_checkpoint: str = _elsewhere(
        "", "a checkpoint folder; default: the newest of output_dir; false: none, start afresh"
    )

    learning_rate: float = _described(5e-5, "the head's rate, and the backbone's unless it has its own")
    cls_backbone_learning_rate: float | None = _described(
        None, "the backbone's own rate (only with stage cls)"
    )
    lr_scheduler_type: str = _described(
        "linear",
        "how the rates fall",
        choices=("linear", "cosine", "constant", "constant_with_warmup", "polynomial"),
    )
    warmup_steps: float = _described(0.0, "steps of warm-up; below 1: the share of all steps")
    num_train_epochs: int = _described(3, "passes over the training data")
    max_steps: int = _described(-1, "stop after this many optimizer steps; default: all epochs")
    per_device_train_batch_size: int = _elsewhere(8, "rows of one process in one forward pass")
    gradient_accumulation_steps: int = _elsewhere(1, "forward passes of one optimizer step")
    per_device_eval_batch_size: int = _elsewhere(
        8, "rows of one process in one forward pass of an evaluation"
    )
    weight_decay: float = _described(0.0, "AdamW's weight decay; none for biases and norms")
    adam_beta1: float = _described(0.9, "AdamW's first beta")
    adam_beta2: float = _described(0.999, "AdamW's second beta")
    adam_epsilon: float = _described(1e-8, "AdamW's epsilon")
    max_grad_norm: float = _described(1.0, "gradients are clipped to this norm; 0: never")
    seed: int = _described(42, "the head's first weights and the order of the rows")

    bf16: bool = _described(False, "compute in bfloat16 on a GPU; weights stay float32")
    gradient_checkpointing: bool = _elsewhere(
        False, "recompute activations: less memory, about a third slower"
    )
    fsdp: bool | None = _elsewhere(None, "shard over the processes; default: on several GPUs")
    freeze_vision_tower: bool = _described(True, "only true is trained here")
    freeze_multi_modal_projector: bool = _described(True, "only true is trained here")

    eval_strategy: str = _described("no", "when to evaluate", choices=("no", "epoch"), affects_result=False)
    save_strategy: str = _elsewhere("epoch", "when to save", choices=("no", "epoch"))
    save_total_limit: int | None = _elsewhere(None, "checkpoints to keep; default: all")
    logging_steps: int = _elsewhere(10, "optimizer steps between two log lines")
    dataloader_num_workers: int | None = _elsewhere(
        None, "processes that read images; default: 2 with images on a GPU"
    )
    ddp_timeout: int = _elsewhere(1800, "seconds that a process waits for the others")

    dry_run: bool = _elsewhere(False, "print what would be trained and what it needs, and stop")
    processes: int | None = _elsewhere(None, "with --dry_run: GPUs to plan for")
    host_memory: str = _elsewhere("", "with --dry_run: what Slurm's --mem grants, such as 200G")

    @property
    def results(self) -> Path:
        return Path(self.results_dir or self.output_dir)

    @property
    def output(self) -> Path:
        return Path(self.output_dir)

    @property
    def resumes_from(self) -> Path | bool:
        """The checkpoint that is named, else whether to go on from the newest one of output_dir."""
        asked = self.resume_from_checkpoint
        return {"": True, "true": True, "null": True, "false": False}.get(asked.lower(), Path(asked))

    @property
    def checkpoints_kept(self) -> int:
        """Those that lie in output_dir while another is written; without saves, that of a stop."""
        epochs = self.num_train_epochs
        return 1 if self.save_strategy == "no" else min(self.save_total_limit or epochs, epochs)

    def effective_batch_size(self, processes: int) -> int:
        """Rows of one optimizer step."""
        return processes * self.per_device_train_batch_size * self.gradient_accumulation_steps

    def is_sharded(self, processes: int, *, gpu: bool) -> bool:
        """Whether the processes share weights, gradients and optimizer, or each has all of them."""
        return processes > 1 and (gpu if self.fsdp is None else self.fsdp)

    def total_steps(self, steps_per_epoch: int) -> int:
        """Optimizer steps of a whole run."""
        return self.max_steps if self.max_steps > 0 else steps_per_epoch * self.num_train_epochs

    def that_matter(self, processes: int) -> dict[str, Any]:
        """What decides the result: a run may be resumed only if all of it is the same."""
        matters = {f.name: getattr(self, f.name) for f in FIELDS.values() if f.metadata["affects_result"]}
        return matters | {"effective_batch_size": self.effective_batch_size(processes)}


FIELDS: dict[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Arguments)}


def arguments_hash(matters: dict[str, Any]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the arguments as canonical JSON."""
    text = json.dumps(matters, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check(arguments: Arguments) -> None:
    """Refuse what is missing, impossible or contradictory, before anything heavy is imported."""
    _check_method(arguments)
    _check_required(arguments)
    _check_start(arguments)
    _check_numbers(arguments)


def _check_method(arguments: Arguments) -> None:
    if arguments.cls_backbone_learning_rate is not None and arguments.stage != "cls":
        raise ArgumentsError("--cls_backbone_learning_rate is only valid for --stage cls")
    if arguments.stage != "cls":
        raise ArgumentsError(
            f"--stage {arguments.stage} is not trained here, only cls; for another stage name the program"
            " that trains it, such as `program: [llamafactory-cli, train]`, in sweep.yaml"
        )
    if arguments.finetuning_type != "full":
        raise ArgumentsError(f"--finetuning_type {arguments.finetuning_type} is not trained here, only full")
    for flag in ("freeze_vision_tower", "freeze_multi_modal_projector"):
        if not getattr(arguments, flag):
            raise ArgumentsError(
                f"--{flag} false is not trained here: vision tower and projector stay frozen"
            )


def _check_required(arguments: Arguments) -> None:
    if not (arguments.do_train or arguments.do_eval or arguments.do_predict or arguments.dry_run):
        raise ArgumentsError("nothing to do: give --do_train, --do_eval or --do_predict")
    needed = ["model_name_or_path"]
    needed += ["output_dir"] if not arguments.dry_run else []
    needed += ["dataset"] if arguments.do_train and not arguments.dry_run else []
    for flag in needed:
        if not getattr(arguments, flag):
            raise ArgumentsError(f"--{flag} is missing")
    if arguments.dry_run:
        return
    for flag, giver in (("processes", "torchrun's --nproc-per-node"), ("host_memory", "Slurm's --mem")):
        if getattr(arguments, flag):
            raise ArgumentsError(f"--{flag} only plans, with --dry_run; {giver} gives it to a run")
    if arguments.eval_dataset:
        return
    if arguments.do_eval or arguments.do_predict or arguments.eval_strategy != "no":
        raise ArgumentsError("--eval_dataset is missing: evaluation and prediction need test rows")


def _check_start(arguments: Arguments) -> None:
    if arguments.overwrite_output_dir and isinstance(arguments.resumes_from, Path):
        raise ArgumentsError(
            f"--resume_from_checkpoint {arguments.resume_from_checkpoint} goes on and --overwrite_output_dir"
            " starts afresh; leave one of them out"
        )


_POSITIVE = (
    "cutoff_len", "max_samples", "image_min_pixels", "image_max_pixels", "learning_rate",
    "cls_backbone_learning_rate", "num_train_epochs", "per_device_train_batch_size",
    "gradient_accumulation_steps", "per_device_eval_batch_size", "save_total_limit", "logging_steps",
    "adam_epsilon", "ddp_timeout", "processes",
)  # fmt: skip
_NOT_NEGATIVE = ("warmup_steps", "weight_decay", "max_grad_norm", "seed", "dataloader_num_workers")
_LARGEST_SEED = 2**32 - 1  # of NumPy's generator, which transformers seeds too


def _check_numbers(arguments: Arguments) -> None:
    for flag in _POSITIVE + _NOT_NEGATIVE:
        value = getattr(arguments, flag)
        may_be_0 = flag in _NOT_NEGATIVE
        if value is not None and not (0 < value < math.inf or (value == 0 and may_be_0)):
            raise ArgumentsError(f"--{flag} is {value}; give {'0 or ' if may_be_0 else ''}a positive number")
    if arguments.max_steps < 1 and arguments.max_steps != -1:
        raise ArgumentsError(f"--max_steps is {arguments.max_steps}; give a positive number, or -1")
    if arguments.seed > _LARGEST_SEED:
        raise ArgumentsError(f"--seed is {arguments.seed}; give a number up to {_LARGEST_SEED}")
    if arguments.image_min_pixels > arguments.image_max_pixels:
        raise ArgumentsError("--image_min_pixels is above --image_max_pixels")
    for flag in ("adam_beta1", "adam_beta2"):
        if not 0 <= getattr(arguments, flag) < 1:
            raise ArgumentsError(f"--{flag} is {getattr(arguments, flag)}; give a number from 0 up to 1")
