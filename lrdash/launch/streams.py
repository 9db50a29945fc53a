"""What this start of a run has written to its error log so far."""

from __future__ import annotations

import os
import stat

STDERR = 2
_LOOKED_AT_BYTES = 1 << 20
_PORT_TAKEN = (b"EADDRINUSE", b"Address already in use", b"address already in use")
_WORKER_STARTED = b"[INFO] Process rank:"


def stderr_position() -> int | None:
    """Where the error log ends now; None when stderr is no file."""
    status = os.fstat(STDERR)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def port_was_taken(start: int | None) -> bool:
    """Whether torchrun, after position `start` of the error log, found its port in use and ran no rank."""
    if start is None:
        return False
    with open(f"/proc/self/fd/{STDERR}", "rb") as log:
        log.seek(start)
        written = log.read(_LOOKED_AT_BYTES)
    return _WORKER_STARTED not in written and any(text in written for text in _PORT_TAKEN)
