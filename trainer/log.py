"""What the trainer prints: rank 0, stdout, flushed, plain lines; a heartbeat when nothing else is said."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

HEARTBEAT_SECONDS = 60.0

_last_line = time.monotonic()


def is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


def info(text: str) -> None:
    line(f"[INFO] {text}")


def line(text: str) -> None:
    """Print a line of its own on the first process; a progress bar, if there is one, stays below it."""
    global _last_line
    if not is_first_process():
        return
    _last_line = time.monotonic()
    if sys.stderr.isatty() and "tqdm" in sys.modules:
        from tqdm import tqdm  # type: ignore[import-untyped]

        tqdm.write(text, file=sys.stdout)
    else:
        print(text)
    sys.stdout.flush()


def numbers(values: Mapping[str, Any]) -> None:
    """A line that is a Python mapping of numbers, as transformers prints them; six significant digits."""
    line(str({name: _rounded(value) for name, value in values.items()}))


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


class Heartbeat:
    """Says what is going on when nothing was printed for a minute, so that a silent log means trouble."""

    def __init__(self, seconds: float = HEARTBEAT_SECONDS) -> None:
        self._seconds = seconds
        self._stop = threading.Event()
        self._text: Callable[[], str] = lambda: "Starting"
        self._since = time.monotonic()
        self._seen = ""

    def doing(self, text: str | Callable[[], str]) -> None:
        """What to say from now on."""
        self._text = (lambda: text) if isinstance(text, str) else text

    def start(self) -> None:
        if is_first_process():
            threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(max(0.01, _last_line + self._seconds - time.monotonic())):
            if time.monotonic() - _last_line >= self._seconds:
                info(self._sentence())

    def _sentence(self) -> str:
        """The activity; how long it has not moved, once it was said before."""
        text = self._text()
        if text != self._seen:
            self._seen, self._since = text, time.monotonic()
            return text
        return f"{text}, for {time.monotonic() - self._since + self._seconds:.0f} s"
