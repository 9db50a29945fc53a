"""A starting checkpoint -> tokenizer, images and the classifier. Exactly the head may be new."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoTokenizer, Qwen2ForSequenceClassification

from trainer.data.examples import Labels
from trainer.errors import ModelError, listing
from trainer.model.folder import Checkpoint

HEAD = "score.weight"


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The tokenizer, padding on the right."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            checkpoint.folder, local_files_only=True, padding_side="right"
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"model {checkpoint.folder}: tokenizer cannot be loaded: {_first_line(error)}"
        ) from None
    if tokenizer.pad_token_id is None:
        raise ModelError(f"model {checkpoint.folder}: its tokenizer has no padding token")
    return tokenizer


def classes_of(checkpoint: Checkpoint) -> dict[int, str]:
    """The classes of a trained model; raises ModelError if it has no head to predict with."""
    if not has_head(checkpoint):
        raise ModelError(f"model {checkpoint.folder}: has no classification head ({HEAD}); train it first")
    id2label: dict[int, str] = AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True).id2label
    return id2label


def has_head(checkpoint: Checkpoint) -> bool:
    return any(HEAD in _tensor_names(path) for path in checkpoint.folder.glob("model*.safetensors"))


def _tensor_names(path: Path) -> list[str]:
    try:
        with safe_open(path, framework="np") as file:
            return list(file.keys())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None


def load_image_processor(checkpoint: Checkpoint) -> Any:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    try:
        return Qwen2VLImageProcessorPil.from_pretrained(checkpoint.folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model {checkpoint.folder}: image processor cannot be loaded: {_first_line(error)}"
        ) from None


def classifier_class(checkpoint: Checkpoint) -> Any:
    if checkpoint.is_vision:
        from trainer.model.vision import QwenVLForSequenceClassification

        return QwenVLForSequenceClassification
    return Qwen2ForSequenceClassification


def classifier_config(checkpoint: Checkpoint, labels: Labels, pad_token_id: int) -> Any:
    """The checkpoint's config with the classes; the head reads the last token that is not padding."""
    config = AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
    config.num_labels = len(labels.values)
    config.id2label = dict(enumerate(labels.names))
    config.label2id = {name: position for position, name in enumerate(labels.names)}
    config.problem_type = "single_label_classification"
    for part in (config, config.get_text_config()):
        part.pad_token_id = pad_token_id
        part.use_cache = False
    return config


def load_classifier(
    checkpoint: Checkpoint, labels: Labels, pad_token_id: int, *, head_is_new: bool, seed: int
) -> Any:
    """The model in float32; raises ModelError unless exactly the head is new (of a trained one, nothing)."""
    torch.manual_seed(seed)  # the head's first weights
    kind = classifier_class(checkpoint)
    try:
        model, report = kind.from_pretrained(
            checkpoint.folder,
            config=classifier_config(checkpoint, labels, pad_token_id),
            dtype=torch.float32,  # master weights: in bfloat16 most updates at 2e-6 would round to nothing
            attn_implementation="sdpa",
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"model {checkpoint.folder}: weights cannot be loaded: {_first_line(error)}"
        ) from None
    _check_report(checkpoint, report, head_is_new)
    model.accepts_loss_kwargs = False  # else transformers leaves out the division by processes and passes
    if checkpoint.is_vision:
        model.model.visual.requires_grad_(False)  # the tower, and its merger: the projector
    return model


def _check_report(checkpoint: Checkpoint, report: dict[str, Any], head_is_new: bool) -> None:
    missing = set(report["missing_keys"])
    unexpected = set(report["unexpected_keys"]) - {"lm_head.weight"}
    mismatched = {item[0] for item in report["mismatched_keys"]}
    if mismatched:
        raise ModelError(f"model {checkpoint.folder}: weights of another shape: {listing(mismatched)}")
    if head_is_new and HEAD not in missing:
        raise ModelError(
            f"model {checkpoint.folder}: already has a classification head; start from a model without"
        )
    if lacking := missing - ({HEAD} if head_is_new else set()):
        raise ModelError(f"model {checkpoint.folder}: its files lack weights: {listing(lacking)}")
    if unexpected:
        raise ModelError(
            f"model {checkpoint.folder}: its files hold weights of another model: {listing(unexpected)}"
        )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:300]


def quiet_libraries() -> None:
    """No progress bars and tables of the libraries in the log."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
