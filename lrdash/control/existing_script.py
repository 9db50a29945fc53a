"""What an sbatch script that somebody already has says about a training. It is read, never run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrdash.control.init import Rates
from lrdash.errors import ConfigError
from lrdash.sweep.load import parse_scalar
from lrdash.sweep.script import BatchScript, read_script
from lrdash.sweep.spec import Scalar

# Made anew for every sweep, or given by launch.
_OURS = frozenset(
    {"job-name", "array", "output", "error", "open-mode", "requeue", "signal", "chdir", "comment", "wait"}
)
_NOT_TAKEN = frozenset(
    {"output_dir", "results_dir", "overwrite_output_dir", "learning_rate", "cls_backbone_learning_rate"}
)
# Options of these are not the training's: it is what they start, or nothing.
_LAUNCHERS = frozenset(
    {
        "srun", "mpirun", "mpiexec", "torchrun", "accelerate", "deepspeed", "python", "python3", "exec",
        "env", "nohup", "time", "numactl", "nice", "apptainer", "singularity", "uv", "poetry", "conda",
        "torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch",
        "echo", "printf", "sbatch",
    }
)  # fmt: skip
_PROGRAM = re.compile(r".+\.py|(?:.*/)?[\w.]+-cli")
_SETUP = re.compile(r"(?:module|source|conda|mamba|export|ulimit)\s+\S.*")
_NO_SETUP = re.compile(r"SLURM_ARRAY_TASK_ID|MASTER_PORT|MASTER_ADDR")
# The quoted text before a comment is kept, and an apostrophe in a comment opens nothing.
_COMMENT = re.compile(r"""('[^']*'|"(?:\\.|[^"\\])*"|\\.)|(?<!\S)#[^\n]*""", re.DOTALL)
_END_OF_COMMAND = re.compile(r"[;&|]+|\d*[<>].*")
_ARRAY = re.compile(r"^\s*(\w+)=\(([^)]*)\)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?(\w+)=([^\s(;&|]+|\"[^\"]*\"|'[^']*')\s*$", re.MULTILINE)
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
    if not path.is_file():
        raise ConfigError(f"{path}: cannot be read: no such file; --from takes an sbatch script")
    script = read_script(path)
    text = _without_comments(script.text)
    try:
        flags = _training_flags(text)
        arrays = {name: shlex.split(items) for name, items in _ARRAY.findall(text)}
    except ValueError as error:
        raise ConfigError(
            f"{path}: its training command cannot be read: {error}; give flags instead"
        ) from None
    taken = {key: value for key, value in flags.items() if key not in _NOT_TAKEN}
    return ExistingScript(
        options={key: value for key, value in script.options.items() if key not in _OURS},
        processes=script.gpus or 1,
        args={key: parse_scalar(value) for key, value in taken.items() if "$" not in value},
        rates=tuple(_rates(flags, arrays, script)),
        setup=tuple(_setup(text)),
        unread=tuple(key for key, value in taken.items() if "$" in value),
    )


def _without_comments(text: str) -> str:
    return _COMMENT.sub(lambda found: found[1] or "", text)


def _training_flags(text: str) -> dict[str, str]:
    """`--key value`, `--key=value` and bare `--key` of the training, constants filled in.

    Of several commands the training is the one with the most flags.
    """
    constants = {name: value.strip("\"'") for name, value in _ASSIGNMENT.findall(text) if "$" not in value}
    most: dict[str, str] = {}
    for words in _commands(text):
        flags = {
            key: _VARIABLE.sub(lambda found: constants.get(found[1], found[0]), value)
            for key, value in _flags(words[_after_program(words) :])
        }
        most = flags if len(flags) >= len(most) else most
    return most


def _commands(text: str) -> Iterator[list[str]]:
    """The words of each command that has flags."""
    for line in text.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in (*_words(line), ";") if "--" in line else ():
            if _END_OF_COMMAND.fullmatch(word):
                yield words
                words = []
            else:
                words.append(word)


def _words(line: str) -> Iterator[str]:
    """As the shell splits a line without comments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return lexer


def _after_program(words: Sequence[str]) -> int:
    """Where the flags of the training begin: after its script, module or program, not the launcher's.

    >>> _after_program("srun --ntasks=1 torchrun --nproc_per_node=2 train.py --seed 1".split())
    5
    >>> _after_program("finetune --seed 1".split())
    1
    """
    for place, word in enumerate(words):
        is_module = place > 0 and words[place - 1] in ("-m", "--module") and word not in _LAUNCHERS
        if is_module or _PROGRAM.fullmatch(word):
            return place + 1
    first = next((place for place, word in enumerate(words) if "=" not in word), 0)
    return len(words) if words and Path(words[first]).name in _LAUNCHERS else first + 1


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for place, word in enumerate(words):
        if match := _FLAG.fullmatch(word):
            following = words[place + 1] if place + 1 < len(words) else "--"
            bare = "true" if following.startswith("--") else following
            yield match[1], bare if match[2] is None else match[2]


def _rates(flags: Mapping[str, str], arrays: Mapping[str, list[str]], script: BatchScript) -> Iterator[Rates]:
    """One configuration an array index, where the rate is a constant or an element of a bash array."""
    text = flags.get("learning_rate", "")
    match = _ELEMENT.fullmatch(text)
    # Without --array in the script it was given by hand, for all elements.
    elements = range(len(arrays.get(match[1], ())) if match else 1)
    for index in script.array or elements:
        head = _rate(text, arrays, index)
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
