"""The command of a run, as `lrdash launch` printed it at the start of the log."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from lrdash.logs.terminal_text import plain_text
from lrdash.logs.window import BLOCK, LogFile

MARK = "+ "
"""Before each line of the command, as a shell's `set -x` has it."""


def printed_command(path: Path) -> str | None:
    """What one types to run it again, from any directory; None where the log does not begin with it."""
    log = LogFile(path)
    log.refresh()
    lines = [plain_text(line) for line in log.read(0, BLOCK).splitlines()]
    log.close()
    start = next((at for at, line in enumerate(lines) if line.startswith(f"{MARK}cd ")), None)
    if start is None:
        return None
    printed = takewhile(lambda line: line.startswith(MARK), lines[start:])
    return "\n".join(line.removeprefix(MARK) for line in printed)
