"""What an sbatch script that somebody already has says about a training. It is read, never run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lrdash.control.init import Rates
from lrdash.errors import ConfigError
from lrdash.sweep.load import parse_scalar
from lrdash.sweep.script import BatchScript, read_script
from lrdash.sweep.spec import Scalar

# Made anew for every sweep, or given by launch.
_OURS = frozenset({"job-name", "array", "output", "error", "open-mode", "requeue", "signal"})
_NOT_TAKEN = frozenset(
    {"output_dir", "results_dir", "overwrite_output_dir", "learning_rate", "cls_backbone_learning_rate"}
)
_SETUP = re.compile(r"(?:module|source|conda|mamba|export|ulimit)\s+\S.*")
_NO_SETUP = re.compile(r"SLURM_ARRAY_TASK_ID|MASTER_PORT|MASTER_ADDR")
_ARRAY = re.compile(r"^\s*(\w+)=\(([^)]*)\)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?(\w+)=([^\s(;&|]+|\"[^\"]*\"|'[^']*')\s*(?:#.*)?$", re.MULTILINE)
_ELEMENT = re.compile(r"\$\{(\w+)\[\$\{?SLURM_ARRAY_TASK_ID\}?\]\}")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_FLAG = re.compile(r"--([A-Za-z]\w*)(?:=(.*))?", re.DOTALL)


@dataclass(frozen=True)
class ExistingScript:
    """What could be read off a script."""

    options: Mapping[str, str]
    processes: int
    args: Mapping[str, Scalar]
    rates: tuple[Rates, ...]
    setup: tuple[str, ...]
    unread: tuple[str, ...]
    """Flags whose value depends on something that only the shell knows."""


def read_existing(path: Path) -> ExistingScript:
    """
    Raises:
        ConfigError: the script cannot be read.
    """
    script = read_script(path)
    try:
        flags = dict(_flags(script.text))
    except ValueError as error:
        raise ConfigError(
            f"{path}: its training command cannot be read: {error}; give flags instead"
        ) from None
    arrays = {name: shlex.split(items) for name, items in _ARRAY.findall(script.text)}
    taken = {key: value for key, value in flags.items() if key not in _NOT_TAKEN}
    return ExistingScript(
        options={key: value for key, value in script.options.items() if key not in _OURS},
        processes=script.gpus or 1,
        args={key: parse_scalar(value) for key, value in taken.items() if "$" not in value},
        rates=tuple(_rates(flags, arrays, script)),
        setup=tuple(_setup(script.text)),
        unread=tuple(key for key, value in taken.items() if "$" in value),
    )


def _flags(text: str) -> Iterator[tuple[str, str]]:
    """`--key value`, `--key=value` and bare `--key` of all commands, constants filled in."""
    constants = {name: value.strip("\"'") for name, value in _ASSIGNMENT.findall(text) if "$" not in value}
    for line in text.replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("#") or "--" not in line:
            continue
        words = shlex.split(line, comments=True)
        for place, word in enumerate(words):
            if match := _FLAG.fullmatch(word):
                following = words[place + 1] if place + 1 < len(words) else "--"
                value = (
                    match[2] if match[2] is not None else "true" if following.startswith("--") else following
                )
                yield match[1], _VARIABLE.sub(lambda found: constants.get(found[1], found[0]), value)


def _rates(flags: Mapping[str, str], arrays: Mapping[str, list[str]], script: BatchScript) -> Iterator[Rates]:
    """One configuration an array index, where the rate is a constant or an element of a bash array."""
    for index in script.array or (0,):
        head = _rate(flags.get("learning_rate", ""), arrays, index)
        if head is not None:
            yield Rates(head, _rate(flags.get("cls_backbone_learning_rate", ""), arrays, index))


def _rate(text: str, arrays: Mapping[str, list[str]], index: int) -> float | None:
    if match := _ELEMENT.fullmatch(text):
        values = arrays.get(match[1], [])
        text = values[index] if index < len(values) else ""
    value = parse_scalar(text)
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
    )


def _setup(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if _SETUP.fullmatch(line.strip()) and not _NO_SETUP.search(line):
            yield line.strip()
