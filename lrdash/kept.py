"""Files that only make the next start quicker: whole or not there, and done without where that cannot be."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def keep(path: Path, content: bytes) -> None:
    """Replace a file at once, so that a reader never sees half of it.

    On a full disk, or in a home folder that is read-only or somebody else's, nothing is kept.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
