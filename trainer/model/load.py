"""A starting checkpoint -> tokenizer, images and the classifier. Exactly the head may be new."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer, Qwen2ForSequenceClassification

from trainer.data.examples import Labels
from trainer.errors import ModelError, listing

HEAD = "score.weight"
_TEXT, _VISION = "qwen2", "qwen2_5_vl"


@dataclass(frozen=True)
class Checkpoint:
    """A folder in the hub's own layout."""

    name: str
    folder: Path
    config: Any

    @property
    def is_vision(self) -> bool:
        return bool(self.config.model_type == _VISION)


def find_checkpoint(name: str) -> Checkpoint:
    """A folder, or a hub id in the local cache; the network is never asked. Raises ModelError."""
    folder = _local_folder(name)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"model {folder}: config.json cannot be read: {_first_line(error)}") from None
    if config.model_type not in (_TEXT, _VISION):
        raise ModelError(
            f"model {folder}: is of type {config.model_type!r}; {_TEXT} and {_VISION} are trained here"
        )
    return Checkpoint(name, folder, config)


def _local_folder(name: str) -> Path:
    path = Path(name)
    if path.is_dir() or name[0] in "/." or name.count("/") != 1:
        if (path / "config.json").is_file():
            return path
        parent = path if path.is_dir() else path.parent
        there = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
        raise ModelError(
            f"model {name!r} not found: no config.json in {path}; {parent} holds: {listing(there)}"
        )
    return _cached_folder(name)


def _cached_folder(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        cached = [
            entry.name.removeprefix("models--").replace("--", "/")
            for entry in Path(HF_HUB_CACHE).glob("models--*")
        ]
        raise ModelError(
            f"model {name!r} not found: no such folder, and not in the cache {HF_HUB_CACHE}, which holds:"
            f" {listing(cached)}; download it once with `hf download {name}`"
        ) from None


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
    """The model in float32; raises ModelError unless exactly the head is new (or, for a trained one,
    nothing)."""
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
    except (OSError, ValueError, RuntimeError) as error:
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
    if not head_is_new and HEAD in missing:
        raise ModelError(f"model {checkpoint.folder}: has no classification head ({HEAD}); train it first")
    if head_is_new and HEAD not in missing and not missing:
        missing = set()
    elif missing != ({HEAD} if head_is_new else set()):
        raise ModelError(f"model {checkpoint.folder}: its files lack weights: {listing(missing - {HEAD})}")
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
