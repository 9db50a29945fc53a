"""Telling the user outside of the terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

SECONDS = 20.0


def run_command(command: Sequence[str], text: str) -> None:
    """Run the user's command with the news as its last argument; blocks. No shell reads the text."""
    try:
        subprocess.run(
            [*command, text],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return  # the screen has said it all the same
