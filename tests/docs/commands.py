"""The commands that the documents tell people to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "sbatch/final_sweep_v7/LR_EXPERIMENT_README.md",
]
_PROGRAMS = ("lrdash", "make", "python", "pip", "sbatch", "pytest", "./")
_BLOCK = re.compile(r"^```(?:bash|sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_EXPLANATION = re.compile(r"\s+#.*$|\s{2,}\S.*$")
_VALUES = {
    "FOLDER…": "results", "FOLDER": "results", "RUN…": "text:2", "RUN": "text:2", "GROUP": "text",
    "INDEX": "1", "FILE": "sweep.yaml", "SWEEP": "sweep.yaml", "DIR": "recording", "KEY=VALUE": "seed=1",
    "N": "3", "K": "2", "P": "loss",
}  # fmt: skip
"""What stands for something else in the documents, and something it could be."""


@dataclass(frozen=True)
class Command:
    document: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}: {shlex.join(self.words)}"


def documented_commands() -> list[Command]:
    """Each command once, with the first document that has it; whole ones only."""
    found: dict[tuple[str, ...], Command] = {}
    for path in DOCUMENTS:
        for words in _commands(path):
            found.setdefault(words, Command(path.name, words))
    return list(found.values())


def _commands(path: Path) -> Iterator[tuple[str, ...]]:
    text = path.read_text()
    lines = [line for block in _BLOCK.findall(text) for line in block.splitlines()]
    for line in [*lines, *_INLINE.findall(_BLOCK.sub("", text))]:
        for part in _EXPLANATION.sub("", line.strip()).split("&&"):
            if part.strip().startswith(_PROGRAMS) and (words := _words(part)):
                yield words


def _words(part: str) -> tuple[str, ...]:
    try:
        words = [_VALUES.get(word, word) for word in shlex.split(part)]
    except ValueError:
        return ()
    is_command = words[0] in _PROGRAMS or words[0].startswith("./")
    is_whole = not any("…" in word or set("<|*[]") & set(word) for word in words)
    return tuple(words) if is_command and is_whole and len(words) > 1 else ()
