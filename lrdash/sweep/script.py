"""What an .sbatch file asks of Slurm: its #SBATCH lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from lrdash.errors import ConfigError

# sbatch's short options (sbatch(1), 20.11 to 26.05); those of the second table take no value.
_SHORT = {
    "A": "account", "a": "array", "B": "extra-node-info", "b": "begin", "C": "constraint",
    "c": "cpus-per-task", "D": "chdir", "d": "dependency", "e": "error", "F": "nodefile", "G": "gpus",
    "i": "input", "J": "job-name", "L": "licenses", "M": "clusters", "m": "distribution", "N": "nodes",
    "n": "ntasks", "o": "output", "p": "partition", "q": "qos", "S": "core-spec", "t": "time",
    "w": "nodelist", "x": "exclude",
}  # fmt: skip
_SHORT_FLAGS = {
    "H": "hold", "h": "help", "k": "no-kill", "O": "overcommit", "Q": "quiet", "s": "oversubscribe",
    "u": "usage", "V": "version", "v": "verbose", "W": "wait",
}  # fmt: skip
GPU_OPTIONS = ("gres", "gpus-per-node", "gpus", "gpus-per-task")
LARGEST_ARRAY = 4_000_001
"""Slurm's own limit of MaxArraySize."""
_ARRAY_PART = re.compile(r"(\d+)(?:-(\d+)(?::(\d+))?)?")


@dataclass(frozen=True)
class BatchScript:
    """An .sbatch file; `options` maps long option names to values ("" for a bare flag)."""

    path: Path
    options: dict[str, str]
    text: str = ""

    @property
    def array(self) -> tuple[int, ...]:
        """The array indices that the script asks for; empty without --array."""
        return parse_array(self.options.get("array", "")) or ()

    @property
    def at_once(self) -> int | None:
        """Most tasks that may run at once, the `%2` of --array=0-5%2."""
        return parse_at_once(self.options.get("array", ""))

    def without_gpus(self) -> BatchScript:
        """The script for a scheduler that grants none, whatever is asked for."""
        kept = {name: value for name, value in self.options.items() if name not in GPU_OPTIONS}
        return replace(self, options=kept)

    @property
    def gpus(self) -> int | None:
        """GPUs a task, from --gres=gpu[:type][:count], --gpus and the like; None when it asks for none."""
        for option in GPU_OPTIONS:
            for part in self.options.get(option, "").split(","):
                name, *rest = part.split(":")
                if option == "gres" and name != "gpu":
                    continue
                count = rest[-1] if rest else (name if name.isdecimal() else "")
                if part:
                    return int(count) if count.isdecimal() else 1
        return None

    @property
    def time_limit_seconds(self) -> int | None:
        return parse_time_limit(self.options.get("time", ""))


def read_script(path: Path) -> BatchScript:
    """Read the #SBATCH lines of a script, as sbatch does: until the first command.

    Raises:
        ConfigError: the script is missing, or not to be understood.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}; the sweep's `script` names it"
        ) from None
    try:
        return BatchScript(path, _read_options(text), text)
    except ValueError as error:
        raise ConfigError(f"{path}: an #SBATCH line cannot be read: {error}; correct its quotes") from None


def _read_options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("#SBATCH"):
            options.update(parse_options(shlex.split(line.removeprefix("#SBATCH"), comments=True)))
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return options


def parse_array(text: str) -> tuple[int, ...] | None:
    """`0-2`, `0,2`, `0-8:4`, `0-5%2` -> the indices; None when it is none of these.

    >>> parse_array("0-4:2,7%3")
    (0, 2, 4, 7)
    """
    parts: list[range] = []
    for part in text.partition("%")[0].strip("[]").split(","):
        match = _ARRAY_PART.fullmatch(part.strip())
        if not match:
            return None
        first, last, step = (int(value) if value else None for value in match.groups())
        assert first is not None
        parts.append(range(first, (first if last is None else last) + 1, step or 1))
    return tuple(chain(*parts)) if sum(map(len, parts)) <= LARGEST_ARRAY else None


def parse_at_once(text: str) -> int | None:
    """
    >>> parse_at_once("0-5%2"), parse_at_once("0-5")
    (2, None)
    """
    most = text.partition("%")[2].strip()
    return int(most) if most.isdecimal() and int(most) > 0 else None


def parse_time_limit(text: str) -> int | None:
    """Slurm's time forms (`30`, `30:00`, `24:00:00`, `1-12`, `1-12:00:00`) in seconds; None if it is none.

    >>> parse_time_limit("36:00:00"), parse_time_limit("1-12"), parse_time_limit("30")
    (129600, 129600, 1800)
    """
    days, dash, clock = text.strip().rpartition("-")
    parts = clock.split(":")
    if not all(part.isdecimal() for part in parts) or (dash and not days.isdecimal()) or len(parts) > 3:
        return None
    numbers = [int(part) for part in parts]
    if dash:
        hours, minutes, seconds = ([*numbers, 0, 0])[:3]
    elif len(numbers) == 3:
        hours, minutes, seconds = numbers
    else:
        hours, (minutes, seconds) = 0, ([*numbers, 0])[:2]
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds


def parse_options(arguments: Sequence[str]) -> dict[str, str]:
    """sbatch's options by long name; "" for a bare flag.

    >>> parse_options(["-t", "30", "--gres=gpu:2", "--requeue"])
    {'time': '30', 'gres': 'gpu:2', 'requeue': ''}
    """
    options: dict[str, str] = {}
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and words and not words[0].startswith("-"):
                value = words.pop(0)
            options[name] = value
        elif word[1:2] in _SHORT_FLAGS and word.startswith("-"):
            options |= {_SHORT_FLAGS[letter]: "" for letter in word[1:] if letter in _SHORT_FLAGS}
        elif word.startswith("-") and len(word) > 1:
            name, value = _SHORT.get(word[1], word[1]), word[2:].removeprefix("=")
            if not value and words and not words[0].startswith("-"):
                value = words.pop(0)
            options[name] = value
    return options
