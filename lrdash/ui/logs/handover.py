"""Handing a log over to $PAGER or $EDITOR, and coming back."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from textual.app import App, SuspendNotSupported

from lrdash.errors import LogError

LINE_ARGUMENT = ("less", "more", "vi", "vim", "nvim", "view", "nano", "emacs", "micro", "kak", "joe")
"""Programs that take `+LINE` before the file."""


def pager_command(path: Path, line: int | None) -> list[str]:
    # -R lets colours through and nothing else that could act on the terminal.
    return _command(("PAGER",), ("less -R", "more"), path, line)


def editor_command(path: Path, line: int | None) -> list[str]:
    return _command(("VISUAL", "EDITOR"), ("vim", "nano", "vi"), path, line)


def hand_over(app: App[object], command: list[str]) -> None:
    """Run it in this terminal; the screen comes back when it ends.

    Raises:
        LogError: it cannot be started, or this terminal cannot be handed over.
    """
    problem = None
    try:
        with app.suspend():
            problem = _run(command)  # nothing may be raised in here: Textual would not come back
    except SuspendNotSupported:
        problem = "this terminal cannot be handed over to another program"
    if problem:
        raise LogError(problem)


def _run(command: list[str]) -> str | None:
    """Run the user's own program, without a shell; what went wrong, in words."""
    # ctrl+c is for the pager; a handler, unlike SIG_IGN, is not inherited by it
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        return f"{command[0]}: {error.strerror}; set $PAGER and $EDITOR"
    finally:
        signal.signal(signal.SIGINT, before)
    return f"{shlex.join(command)}: exit code {code}" if code else None


def _command(variables: tuple[str, ...], usual: tuple[str, ...], path: Path, line: int | None) -> list[str]:
    wanted = [os.environ[name] for name in variables if os.environ.get(name)]
    usual_here = [words for words in usual if shutil.which(words.split()[0])]
    try:
        words = shlex.split((wanted + usual_here + [usual[-1]])[0])
    except ValueError:
        raise LogError(f"${variables[-1]} is no command line: {wanted[0]!r}") from None
    at = [f"+{line}"] if line and Path(words[0]).name in LINE_ARGUMENT else []
    return [*words, *at, str(path)]
