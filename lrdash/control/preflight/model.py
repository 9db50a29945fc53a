"""Is the starting checkpoint there, whole, and how large is it? Reads headers only."""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from lrdash.control.preflight.findings import Finding
from lrdash.sweep.paths import is_local_model, resolve
from lrdash.sweep.spec import Run, Sweep

INDEX = "model.safetensors.index.json"
_POINTER = b"version https://git-lfs"
_LARGEST_HEADER = 100 << 20  # the safetensors format's own limit


def check_model(sweep: Sweep, run: Run, environment: Mapping[str, str]) -> Iterator[Finding]:
    name = run.args.get("model_name_or_path")
    if not name:
        yield Finding(
            "error",
            "model",
            f"{run.group} in {sweep.file} has no model_name_or_path; name a folder or a hub id",
        )
        return
    folder = find_checkpoint(sweep, str(name), environment)
    if folder is None:
        yield Finding("error", "model", _not_found(sweep, str(name), environment))
    elif problem := _problem(folder):
        yield Finding("error", "model", f"{folder} {problem}")
    else:
        yield Finding("ok", "model", f"{name} is in {folder}")


def find_checkpoint(sweep: Sweep, name: str, environment: Mapping[str, str]) -> Path | None:
    """The folder of a model: the one it names, else the newest snapshot in the hub's cache."""
    if is_local_model(sweep, name):
        folder = resolve(sweep, name)
        return folder if folder.is_dir() else None
    snapshots = hub_cache(environment) / f"models--{name.replace('/', '--')}" / "snapshots"
    found = [path for path in snapshots.glob("*") if (path / "config.json").exists()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def hub_cache(environment: Mapping[str, str]) -> Path:
    """Where huggingface_hub keeps what was downloaded (its docs, environment variables)."""
    if cache := environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE"):
        return Path(os.path.expanduser(cache))
    base = Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.path.expanduser(environment.get("HF_HOME") or base)) / "hub"


def count_parameters(folder: Path) -> int | None:
    """Parameters of a checkpoint, from the headers of its safetensors files; None when it has none."""
    files = [path for path in folder.glob("*.safetensors") if path.is_file()]
    return sum(map(_parameters, files)) if files else None


def _not_found(sweep: Sweep, name: str, environment: Mapping[str, str]) -> str:
    if is_local_model(sweep, name):
        return f"model_name_or_path in {sweep.file}: there is no folder {resolve(sweep, name)}; correct it"
    return (
        f"model_name_or_path in {sweep.file}: {name} is neither a folder under {sweep.root} "
        f"nor in {hub_cache(environment)}; "
        f"download it first: hf download {name}"
    )


def _problem(folder: Path) -> str | None:
    """What keeps a checkpoint from being loaded, in words."""
    again = "copy or download it again"
    if not (folder / "config.json").exists():
        return f"has no config.json; {again}"
    try:
        names = _weight_files(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return f"has a {INDEX} that is not whole; {again}"
    if not names:
        return f"has no model.safetensors; {again}"
    for name in names:
        if not (folder / name).is_file():
            return f"has no {name}; {again}"
        if _is_pointer(folder / name):
            return f"has a git-lfs pointer in the place of {name}; fetch the weights: git lfs pull"
    return None


def _weight_files(folder: Path) -> list[str]:
    index = folder / INDEX
    if index.exists():
        return sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    found = [path for ending in ("safetensors", "bin") for path in folder.glob(f"*.{ending}")]
    return sorted(path.name for path in found if path.is_file())


def _is_pointer(file: Path) -> bool:
    try:
        with file.open("rb") as weights:
            return weights.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


def _parameters(file: Path) -> int:
    """Elements of all tensors: 8 bytes of header length, then the header as JSON (safetensors' format)."""
    try:
        with file.open("rb") as weights:
            (length,) = struct.unpack("<Q", weights.read(8))
            header = json.loads(weights.read(min(length, _LARGEST_HEADER)))
        tensors = [tensor for key, tensor in header.items() if key != "__metadata__"]
        return sum(math.prod(tensor["shape"]) for tensor in tensors)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error):
        return 0  # no such file, or another format
