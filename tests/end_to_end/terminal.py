"""A real terminal for tests: a program in a tmux of its own, its keys and its screen.

with Terminal(["lrdash"], width=100, height=30, cwd=workspace) as terminal:
    terminal.wait_for("lr_experiment_v7")
    terminal.keys("2", "l")
    terminal.wait_for(re.compile(r"text 2 · .* · following"))
    assert terminal.pressed <= 4
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.waiting import POLL_SECONDS, wait_until

_CONFIGURATION = """
set -g status off
set -g escape-time 0
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g default-terminal tmux-256color
set -g history-limit 10000
set -g set-clipboard on
set -g mouse on
"""


_OF_THE_CALLER = ("TMUX", "TMUX_PANE", "COLUMNS", "LINES")
"""Of the terminal around the test, if any; a program would take its size for that of this one."""


class Terminal:
    """`command` runs until `close`, in an environment of this process plus `env`."""

    def __init__(
        self,
        command: Sequence[str],
        width: int = 120,
        height: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("tmux is not on PATH: no terminal to drive")
        self.width, self.height = width, height
        self.pressed = 0
        """Keys sent so far."""
        self._folder = Path(tempfile.mkdtemp(prefix="lrdash-tmux-"))  # short: socket paths end at 107 bytes
        configuration = self._folder / "tmux.conf"
        configuration.write_text(_CONFIGURATION)
        # The server hands its own environment to the program.
        environment = {"LC_ALL": "C.UTF-8", **os.environ, "COLORTERM": "truecolor", **(env or {})}
        environment = {name: value for name, value in environment.items() if name not in _OF_THE_CALLER}
        self._tmux(
            "-u", "-f", str(configuration), "new-session", "-d", "-x", str(width), "-y", str(height),
            "-c", str(cwd or Path.cwd()), self._and_keep_code(command), env=environment,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names: `a`, `Enter`, `Escape`, `Tab`, `BTab`, `C-d`, `PageUp`, `Up`..."""
        for key in keys:
            # a key of its own each: Escape and a letter in one write would be Alt and that letter
            self._tmux("send-keys", "--", _argument(key))
            self.pressed += 1

    def type(self, text: str) -> None:
        """Type a text, letter by letter."""
        self._tmux("send-keys", "-l", "--", _argument(text))
        self.pressed += len(text)

    def paste(self, text: str) -> None:
        """As a terminal pastes: in one piece, bracketed when the program asks for that."""
        self._tmux("set-buffer", "--", _argument(text))
        self._tmux("paste-buffer", "-p")

    def click(self, column: int, row: int) -> None:
        """Press and release the left button on a cell; both count from 0."""
        for end in "Mm":
            self._tmux("send-keys", "-l", "--", f"\x1b[<0;{column + 1};{row + 1}{end}")

    def resize(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def screen(self) -> list[str]:
        """The rows that are seen, without trailing spaces."""
        rows = self._tmux("capture-pane", "-p").split("\n")
        return [row.rstrip() for row in rows[: self.height]]

    def text(self) -> str:
        return "\n".join(self.screen())

    def find(self, what: str | re.Pattern[str]) -> bool:
        text = self.text()
        return bool(what.search(text)) if isinstance(what, re.Pattern) else what in text

    def wait_for(self, what: str | re.Pattern[str], seconds: float = 10.0) -> list[str]:
        """Wait until a text, or a match across rows, is seen; returns the screen that has it."""
        return self._wait(what, seconds, wanted=True)

    def wait_gone(self, what: str | re.Pattern[str], seconds: float = 10.0) -> list[str]:
        return self._wait(what, seconds, wanted=False)

    def wait_exit(self, seconds: float = 10.0) -> int:
        """Wait for the program's end; returns its exit code as a shell has it (128 and more: a signal)."""
        code = self._folder / "code"
        return int(wait_until(lambda: code.exists() and code.read_text(), seconds, "the program ends"))

    def title(self) -> str:
        """What the program, or a log that it shows, has set the terminal's title to."""
        return self._format("#{pane_title}")

    def clipboard(self) -> str:
        """What was last copied with OSC 52; empty when nothing was."""
        answer = self._run("show-buffer")
        return answer.stdout if answer.returncode == 0 else ""

    def close(self) -> None:
        self._run("kill-server")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _and_keep_code(self, command: Sequence[str]) -> str:
        # tmux 3.3 does not always have the status of a pane that is dead
        return f"{shlex.join(command)}; echo $? > {shlex.quote(str(self._folder / 'code'))}"

    def _wait(self, what: str | re.Pattern[str], seconds: float, *, wanted: bool) -> list[str]:
        deadline = time.monotonic() + seconds
        while True:
            found = self.find(what)
            screen = self.screen()
            if found == wanted:
                return screen
            if time.monotonic() > deadline:
                problem = "not seen" if wanted else "still seen"
                pytest.fail(f"{problem} after {seconds:g} s: {what!r} in\n" + "\n".join(screen))
            time.sleep(POLL_SECONDS)

    def _format(self, text: str) -> str:
        return self._tmux("display-message", "-p", text).rstrip("\n")

    def _tmux(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        answer = self._run(*arguments, env=env)
        assert answer.returncode == 0, f"tmux {shlex.join(arguments)}: {answer.stderr.strip()}"
        return answer.stdout

    def _run(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = ["tmux", "-S", str(self._folder / "socket"), *arguments]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False
        )


def _argument(text: str) -> str:
    """A semicolon at the end of an argument would end tmux's command."""
    return text[:-1] + "\\;" if text.endswith(";") else text
