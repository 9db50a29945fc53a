"""What the user made of the screen, kept between starts: one small file a sweep."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
import platformdirs


class SavedView(msgspec.Struct, frozen=True):
    """Whatever is no longer there (a run, a theme) is passed over when it is restored."""

    tab: str = "Home"
    selected: str = ""
    stream: str = "out"
    sort: str = "index"
    reverse: bool = False
    folded: tuple[str, ...] = ()
    baselines: dict[str, str] = {}
    metric: int = 0
    unit: str = "epoch"
    log: bool = False
    theme: str = ""


def view_file(sweep: str, place: str) -> Path:
    """One file for each sweep at each place."""
    digest = sha256(f"{sweep}\0{place}".encode()).hexdigest()[:12]
    name = re.sub(r"[^\w.+-]", "_", sweep)[:60]
    return platformdirs.user_state_path("lrdash") / "views" / f"{name}-{digest}.json"


def read_view(path: Path) -> SavedView:
    """The saved view; the first one where there is none or it cannot be understood."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedView)
    except (OSError, msgspec.DecodeError):
        return SavedView()


def write_view(path: Path, view: SavedView) -> None:
    """Keep it; a folder that cannot be written loses the view and nothing else."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(msgspec.json.encode(view))
        temporary.replace(path)
