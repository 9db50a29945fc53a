"""Where a starting checkpoint lies and what it is, without importing anything heavy."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import ModelError, listing

TEXT, VISION = "qwen2", "qwen2_5_vl"


@dataclass(frozen=True)
class Checkpoint:
    """A folder in the hub's own layout."""

    name: str
    folder: Path
    model_type: str

    @property
    def is_vision(self) -> bool:
        return self.model_type == VISION


def find_checkpoint(name: str) -> Checkpoint:
    """A folder, or a hub id in the local cache; the network is never asked. Raises ModelError."""
    checkpoint = find_config(name)
    folder = checkpoint.folder
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"model {folder}: holds no *.safetensors, but: {listing(os.listdir(folder))}")
    return checkpoint


def find_config(name: str) -> Checkpoint:
    """The same where config.json is enough: weights may be absent."""
    folder = _local_folder(name)
    model_type = str(_read_config(folder).get("model_type"))
    if model_type not in (TEXT, VISION):
        raise ModelError(f"model {folder}: is of type {model_type!r}; {TEXT} and {VISION} are trained here")
    return Checkpoint(name, folder, model_type)


def _local_folder(name: str) -> Path:
    path = Path(name)
    if (path / "config.json").is_file():
        return path
    if path.is_dir() or name.startswith(("/", ".", "~")) or name.count("/") != 1:
        parent = path if path.is_dir() else path.parent
        there = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
        raise ModelError(
            f"model {name!r} not found: there is no {path / 'config.json'}; {parent} holds: {listing(there)}"
        )
    return _cached_folder(name)


def _cached_folder(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError:
        cached = [path.name.removeprefix("models--") for path in Path(HF_HUB_CACHE).glob("models--*")]
        names = [entry.replace("--", "/") for entry in cached]
        raise ModelError(
            f"model {name!r} not found: no such folder, and not in the cache {HF_HUB_CACHE}, which holds:"
            f" {listing(names)}; download it once with `hf download {name}`"
        ) from None


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"model {folder}: config.json cannot be read: {error}") from None
    return config if isinstance(config, dict) else {}
