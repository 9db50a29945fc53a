"""sweep.yaml -> Sweep. A mistake names the file, the key path, the value and what is valid."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Hashable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from lrdash.errors import ConfigError
from lrdash.sweep.arguments import find_mistake
from lrdash.sweep.labels import run_labels
from lrdash.sweep.spec import DEFAULT_PORT, Args, Expect, Group, Run, Scalar, Sweep

# PyYAML follows YAML 1.1, where a float needs a dot: 2e-5 arrives as a string.
_EXPONENT_WITHOUT_DOT = re.compile(r"[+-]?\d+[eE][+-]?\d+")
# Names become folder names, job names and parts of one log line.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,199}")
_ARGUMENT = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_T = TypeVar("_T")


class _RunEntry(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    args: dict[str, Scalar] = {}


class _GroupEntry(msgspec.Struct, forbid_unknown_fields=True):
    script: str
    runs: list[Any]
    processes: int = 1
    program: list[str] = []
    args: dict[str, Scalar] = {}


class _ExpectEntry(msgspec.Struct, forbid_unknown_fields=True):
    effective_batch_size: int | None = None


class _SweepEntry(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    groups: dict[str, Any]
    root: str = "."
    args: dict[str, Scalar] = {}
    expect: Any = None
    require_gpu: bool = False
    port: int = DEFAULT_PORT


def load_sweep(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        ConfigError: the file is missing, not YAML, or says something that cannot hold.
    """
    source = _Source(path)
    entry = source.convert(source.read(), _SweepEntry, "")
    source.check_name(entry.name, "name")
    if not entry.groups:
        raise source.mistake("groups", "is empty", "give at least one group with runs")
    if not 1024 <= entry.port <= 65000:
        raise source.mistake("port", f"is {entry.port}", "valid are 1024 to 65000")
    folder = path.resolve().parent
    return Sweep(
        name=entry.name,
        file=path.resolve(),
        root=(folder / os.path.expanduser(entry.root)).resolve(),
        groups=tuple(_groups(source, entry, folder)),
        expect=Expect(source.convert(entry.expect or {}, _ExpectEntry, "expect").effective_batch_size),
        require_gpu=entry.require_gpu,
        port=entry.port,
    )


def is_name(text: str) -> bool:
    """Whether a sweep, group or run may be called so: it becomes a folder and a part of job names."""
    return _NAME.fullmatch(text) is not None


def parse_scalar(text: str) -> Scalar:
    """A value from a command line, read as it would be in a sweep file.

    >>> parse_scalar("2e-5"), parse_scalar("true"), parse_scalar("16"), parse_scalar("a: b")
    (2e-05, True, 16, 'a: b')
    """
    try:
        value = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError:
        return text
    return _number_or_text(value) if isinstance(value, str | int | float | bool | None) else text


def format_scalar(value: Scalar) -> str:
    """A value for a command line, as `parse_scalar` reads it; text that reads as itself has no quotes.

    >>> format_scalar(None), format_scalar("a"), format_scalar("16"), format_scalar(2e-05)
    ('null', 'a', '"16"', '2e-05')
    """
    is_plain = isinstance(value, str) and parse_scalar(value) == value
    return value if isinstance(value, str) and is_plain else json.dumps(value)


def _groups(source: _Source, sweep: _SweepEntry, folder: Path) -> Iterable[Group]:
    taken: dict[str, str] = {}
    for name, raw in sweep.groups.items():
        where = f"groups.{name}"
        source.check_name(name, where)
        group = source.convert(raw, _GroupEntry, where)
        if group.processes < 1:
            raise source.mistake(f"{where}.processes", f"is {group.processes}", "give 1 or more")
        if not group.runs:
            raise source.mistake(f"{where}.runs", "is empty", "give at least one run")
        yield Group(
            name=name,
            script=folder / os.path.expanduser(group.script),
            processes=group.processes,
            program=tuple(group.program),
            runs=_runs(source, sweep, name, group, taken),
        )


def _runs(
    source: _Source, sweep: _SweepEntry, group_name: str, group: _GroupEntry, taken: dict[str, str]
) -> tuple[Run, ...]:
    where = f"groups.{group_name}"
    names, args = [], []
    for index, raw in enumerate(group.runs):
        at = f"{where}.runs[{index}]"
        entry = source.convert(raw, _RunEntry, at)
        source.check_name(entry.name, f"{at}.name")
        if other := taken.get(entry.name):
            problem = f"{entry.name!r} is already the name of {other}"
            raise source.mistake(f"{at}.name", problem, "run names are folder names: give each its own")
        taken[entry.name] = at
        names.append(entry.name)
        layers = {"args": sweep.args, f"{where}.args": group.args, f"{at}.args": entry.args}
        args.append(_merged(source, tuple(group.program), layers))
    labels = run_labels(names, args)
    return tuple(Run(name, group_name, index, args[index], labels[index]) for index, name in enumerate(names))


def _merged(source: _Source, program: tuple[str, ...], layers: Mapping[str, Args]) -> Args:
    """The arguments of one run from its layers, by their key path; later ones win."""
    merged: dict[str, Scalar] = {}
    origin: dict[str, str] = {}
    for where, layer in layers.items():
        for key, value in layer.items():
            if not _ARGUMENT.fullmatch(key):
                raise source.mistake(f"{where}.{key}", "is no argument", "keys are the trainer's flag names")
            merged[key] = _number_or_text(value)
            origin[key] = f"{where}.{key}"
    if mistake := find_mistake(merged, program):
        raise source.mistake(origin[mistake.key], mistake.problem, mistake.remedy)
    return merged


def _number_or_text(value: Scalar) -> Scalar:
    is_number = isinstance(value, str) and _EXPONENT_WITHOUT_DOT.fullmatch(value)
    return float(value) if is_number and isinstance(value, str) else value


class _Source:
    """One YAML file, and errors that say where in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Any:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError(f"{self.path}: no such sweep file; give one with --sweep FILE") from None
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}: cannot be read: it is no text (UTF-8)") from None
        try:
            return yaml.load(text, Loader=_StrictLoader)
        except yaml.YAMLError as error:
            raise ConfigError(f"{self.path}: not valid YAML: {' '.join(str(error).split())}") from None

    def convert(self, raw: Any, kind: type[_T], where: str) -> _T:
        fields = kind.__struct_fields__  # type: ignore[attr-defined]
        if not isinstance(raw, dict):
            found = "empty" if raw is None else type(raw).__name__
            raise self.mistake(
                where or "the file", f"is {found}, not a mapping", f"keys are {', '.join(fields)}"
            )
        for key in raw:
            if key not in fields:
                near = get_close_matches(str(key), fields, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(fields)}"
                raise self.mistake(_join(where, str(key)), "is not a key of a sweep file", hint)
        self.check_args(raw.get("args", {}), _join(where, "args"))
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            problem, _, place = str(error).partition(" - at `")
            at = _join(where, place.removeprefix("key` in `").strip("$`").lstrip("."))
            is_text = "Expected `str`" in problem and "`null`" not in problem
            remedy = "put it in quotes" if is_text else "see docs/sweep-yaml.md"
            raise self.mistake(at or "the file", problem[:1].lower() + problem[1:], remedy) from None

    def check_args(self, args: object, where: str) -> None:
        for key, value in args.items() if isinstance(args, dict) else ():
            if not isinstance(key, str):
                raise self.mistake(where, f"has the key {key!r}", "keys are the trainer's flag names")
            if not isinstance(value, str | int | float | bool | None):
                kind = "mapping" if isinstance(value, dict) else type(value).__name__
                raise self.mistake(
                    f"{where}.{key}", f"is a {kind}", "give text, a number, true, false or null"
                )

    def check_name(self, name: str, where: str) -> None:
        if not is_name(name):
            raise self.mistake(
                where, f"is {name!r}", "names hold letters, digits and . _ + = -, at most 200 of them"
            )

    def mistake(self, where: str, problem: str, remedy: str) -> ConfigError:
        shown = "".join(letter if letter.isprintable() else "�" for letter in where)
        return ConfigError(f"{self.path}: {shown} {problem}; {remedy}")


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where and key else where or key


class _StrictLoader(yaml.CSafeLoader):
    """Refuses a mapping that holds a key twice, of which PyYAML would silently keep the last.

    And says where something stands that looks like a number or a date and is none: 0x_, 2026-02-31.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            problem = f"{error}; put it in quotes if it is text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)
