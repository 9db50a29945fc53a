"""What this start of a run has written to its logs so far."""

from __future__ import annotations

import os
import re
import stat

from lrdash.logs.patterns import SHOWN_COMMAND

STREAMS = (1, 2)
_LOOKED_AT_BYTES = 1 << 20
_PORT_TAKEN = (b"EADDRINUSE", b"Address already in use", b"address already in use")
_HAS_TRAINED = re.compile(rb"Process rank|Running training|[\'\"]loss[\'\"]|\d+/\d+ \[")
"""What the bundled trainer, LLaMA-Factory and transformers print once ranks run, and a progress bar."""


def log_positions() -> dict[int, int]:
    """Where stdout and stderr end now; a stream that is no file is left out."""
    statuses = {stream: os.fstat(stream) for stream in STREAMS}
    return {stream: status.st_size for stream, status in statuses.items() if stat.S_ISREG(status.st_mode)}


def port_was_taken(starts: dict[int, int]) -> bool:
    """Whether torchrun, after these positions, found its port in use before any rank ran.

    Where not all that was written can be read back, nobody knows that.
    """
    written = [_read(stream, start) for stream, start in starts.items()]
    if len(written) < len(STREAMS) or any(len(text) > _LOOKED_AT_BYTES for text in written):
        return False
    said = SHOWN_COMMAND.sub(b"", b"\n".join(written))
    return any(text in said for text in _PORT_TAKEN) and not _HAS_TRAINED.search(said)


def _read(stream: int, start: int) -> bytes:
    with open(f"/proc/self/fd/{stream}", "rb") as log:
        log.seek(start)
        return log.read(_LOOKED_AT_BYTES + 1)
