"""Hostile things for tests, and programs that write down how they were called."""

from __future__ import annotations

import os
import pickle
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lrdash.sweep.spec import Sweep

ESCAPES = "\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b[2J\x9b31m[bold red]x[/]\r\b\x00"
"""Sets a title, fills the clipboard, clears the screen, 8-bit CSI, markup, and what moves the cursor."""
OPTION = "--injected=1"


class Bomb:
    """Unpickled it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, (f"touch {self.file}",))


def plant_bombs(folder: Path, exploded: Path) -> None:
    """Pickles with the names that training tools give to theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "pytorch_model.bin"):
        (folder / name).write_bytes(pickle.dumps(Bomb(exploded)))


def fake_slurm(folder: Path, answers: Mapping[str, str] = {}) -> Path:
    """A folder for PATH; every call adds its words to `calls`, one a line, NUL between words."""
    folder.mkdir()
    for name in ("squeue", "sacct", "scontrol", "scancel", "sbatch", "sinfo"):
        program = folder / name
        program.write_text(
            f"#!{sys.executable} -S\n"
            "import os, sys\n"
            f"words = '\\0'.join([{name!r}, *sys.argv[1:]]) + '\\n'\n"
            f"log = os.open({str(folder / 'calls')!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
            "os.write(log, words.encode())\n"
            f"print({answers.get(name, '')!r}, end='')\n"
        )
        program.chmod(0o755)
    return folder


def calls(folder: Path) -> list[list[str]]:
    file = folder / "calls"
    return [line.split("\0") for line in file.read_text().split("\n")[:-1]] if file.exists() else []


def environment(home: Path, programs: Path | None = None, **more: str) -> dict[str, str]:
    first = f"{programs}:" if programs else ""
    caches = {name: str(home) for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    return {**os.environ, **caches, "PATH": f"{first}{sys.prefix}/bin:{os.environ['PATH']}", **more}


def lrdash(
    sweep: Sweep, *words: str, env: Mapping[str, str], seconds: float = 60
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["lrdash", "--sweep", str(sweep.file), *words], env=env, cwd=sweep.root, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=seconds, check=False,
    )  # fmt: skip


def in_terminal(sweep: Sweep, *words: str, env: Mapping[str, str]) -> bytes:
    """What a command sends to a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["lrdash", "--sweep", str(sweep.file), *words], env={**env, "TERM": "xterm-256color"}, cwd=sweep.root,
        stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    try:
        while block := os.read(master, 1 << 16):
            shown += block
    except OSError:  # EIO: the other end was closed
        pass
    assert process.wait(30) == 0, shown.decode(errors="replace")
    os.close(master)
    return shown
