"""Are the data sets there? A name is a folder of dataset_dir or a key of its dataset_info.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lrdash.control.preflight.findings import Finding, Level
from lrdash.sweep.paths import dataset_dir
from lrdash.sweep.spec import Group, Run, Sweep

_SHOWN = 6


def check_data(sweep: Sweep, group: Group, run: Run) -> Iterator[Finding]:
    folder = dataset_dir(sweep, run)
    for key in ("dataset", "eval_dataset"):
        for name in _names(run.args.get(key)):
            if problem := _problem(folder, name):
                # Another program may know data sets of its own, on a hub for example.
                level: Level = "warning" if group.program else "error"
                yield Finding(level, "data", f"{key} of {group.name} in {sweep.file}: {name} {problem}")
            else:
                yield Finding("ok", "data", f"{name} is in {folder}")


def available(folder: Path) -> tuple[str, ...]:
    """Names of the data sets that are there."""
    folders = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return tuple(sorted({*folders, *_described(folder)}))


def _names(value: object) -> list[str]:
    return [name.strip() for name in str(value).split(",") if name.strip()] if value else []


def _problem(folder: Path, name: str) -> str | None:
    if (folder / name).is_dir():
        return None if any((folder / name).iterdir()) else f"is empty in {folder}; put the rows there"
    described = _described(folder)
    if name in described:
        file = described[name].get("file_name") if isinstance(described[name], dict) else None
        missing = isinstance(file, str) and not (folder / file).exists()
        return f"is {folder / str(file)}, says dataset_info.json, which is not there" if missing else None
    return _not_there(folder, name)


def _not_there(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return f"is not there: no folder {folder}; set dataset_dir or put the data there"
    names = available(folder)
    if not names:
        return f"is not in {folder}, which is empty; put the data there"
    near = get_close_matches(name, names, n=_SHOWN, cutoff=0.5) or list(names[:_SHOWN])
    more = f" and {len(names) - len(near)} others" if len(names) > len(near) else ""
    return f"is not in {folder}, which has {', '.join(near)}{more}; correct the name or put it there"


def _described(folder: Path) -> dict[str, Any]:
    try:
        described = json.loads((folder / "dataset_info.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return described if isinstance(described, dict) else {}
