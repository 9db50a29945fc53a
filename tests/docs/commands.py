"""The commands that the documents tell people to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "sbatch/final_sweep_v7/LR_EXPERIMENT_README.md",
]
_PROGRAMS = ("lrdash", "make", "python", "pip", "sbatch", "pytest", ".venv/bin/pip")
_BLOCK = re.compile(r"^ *```bash\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^ *```\w*\n.*?^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_CONTINUED = re.compile(r"\s*\\\n\s*")
_EXPLANATION = re.compile(r"\s+#.*$|\s{2,}\S.*$")
_VALUES = {
    "FOLDER…": "./results", "FOLDER": "./results", "RUN…": "text:2", "RUN": "text:2", "GROUP": "text",
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


def lines_of_blocks(path: Path) -> Iterator[str]:
    """What the document's blocks of commands tell people to type, one command each."""
    for block in _BLOCK.findall(path.read_text()):
        for line in _CONTINUED.sub(" ", block).splitlines():
            yield from (part.strip() for part in _EXPLANATION.sub("", line.strip()).split("&&"))


def _commands(path: Path) -> Iterator[tuple[str, ...]]:
    for line in lines_of_blocks(path):
        if is_ours(line):
            yield tuple(_VALUES.get(word, word) for word in _words(line) if word != "…")
    for line in _INLINE.findall(ANY_BLOCK.sub("", path.read_text())):
        if is_ours(line) and len(words := _words(line)) > 1 and _is_whole(words):
            yield tuple(_VALUES.get(word, word) for word in words)


def is_ours(line: str) -> bool:
    """Whether something that the tests can check is called."""
    return line.startswith("./") or line.partition(" ")[0] in _PROGRAMS


def _is_whole(words: Sequence[str]) -> bool:
    """Of words in a sentence: none stands for several others."""
    return not any("…" in word or set("<|*") & set(word) or word.startswith("[") for word in words)


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:  # the rest of it is on another line of the sentence
        return []
    return [words[0].removeprefix(".venv/bin/"), *words[1:]]
