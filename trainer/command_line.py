"""`--flag value`, or a YAML file and `key=value`, -> Arguments."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trainer.arguments import FIELDS, Arguments, check
from trainer.errors import ArgumentsError
from trainer.foreign_flags import ACCEPTED, REPLACED

_TRUE = frozenset({"true", "yes", "t", "y", "1", "on"})
_FALSE = frozenset({"false", "no", "f", "n", "0", "off"})
_NOTHING = frozenset({"", "none", "null"})
_TYPES = typing.get_type_hints(Arguments)


def parse(words: Sequence[str]) -> Arguments:
    """The arguments of a command line; raises ArgumentsError with the nearest valid name."""
    config = words and Path(words[0]).suffix in (".yaml", ".yml", ".json")
    pairs = _config_pairs(words) if config else _flag_pairs(words)
    given: dict[str, Any] = {}
    for name, text in pairs:
        if name in FIELDS:
            given[name] = _value(name, text)
        else:
            _accept_foreign(name, text)
    arguments = Arguments(**given)
    check(arguments)
    return arguments


def usage() -> str:
    """The text of `--help`."""
    lines = ["usage: python -m trainer --flag value...  |  python -m trainer config.yaml key=value...", ""]
    for name, item in FIELDS.items():
        choices = "|".join(item.metadata["choices"])
        default = "" if item.default in ("", None) else f" (default: {item.default})"
        lines.append(f"  --{name} {choices}".rstrip())
        lines.append(f"        {item.metadata['help']}{default}")
    return "\n".join(lines)


def _flag_pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--a b`, `--a=b`, and a bare `--a` for true; `-` and `_` are the same in names."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise ArgumentsError(f"{word!r} stands where a --flag was expected")
        name, equals, text = word[2:].partition("=")
        if not equals:
            has_value = bool(rest) and not rest[0].startswith("--")
            text = rest.pop(0) if has_value else "true"
        name = name.replace("-", "_")
        negated = name.removeprefix("no_")
        if name not in FIELDS and name.startswith("no_") and _TYPES.get(negated) is bool and text == "true":
            name, text = negated, "false"
        yield name, text


def _config_pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """One flat mapping, then `key=value` overrides, as LLaMA-Factory takes them."""
    for name, value in _read_config(Path(words[0])).items():
        yield str(name), "" if value is None else str(value)
    for word in words[1:]:
        name, equals, text = word.partition("=")
        if not equals:
            raise ArgumentsError(f"{word!r}: after a configuration file write key=value")
        yield name.lstrip("-").replace("-", "_"), text


def _read_config(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
        raise ArgumentsError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ArgumentsError(f"{path}: is not a mapping of flag names to values")
    return raw


def _value(name: str, text: str) -> Any:
    kind, optional = _kind(name)
    if optional and text.lower() in _NOTHING:
        return None
    choices = FIELDS[name].metadata["choices"]
    if "no" in choices and text.lower() == "false":
        text = "no"  # YAML reads a bare `no` as false
    if choices and text not in choices:
        raise ArgumentsError(f"--{name} {text}: choose one of {', '.join(choices)}")
    try:
        return _CONVERTERS[kind](text)
    except ValueError:
        raise ArgumentsError(f"--{name} {text}: expected {_DESCRIBED[kind]}") from None


def _kind(name: str) -> tuple[type, bool]:
    kind = _TYPES[name]
    if isinstance(kind, types.UnionType):
        return next(part for part in typing.get_args(kind) if part is not type(None)), True
    return kind, False


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError(text)


def _integer(text: str) -> int:
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else int(number)


_CONVERTERS: dict[type, typing.Callable[[str], Any]] = {str: str, float: float, int: _integer, bool: _boolean}
_DESCRIBED = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}


def _accept_foreign(name: str, text: str) -> None:
    """Let a flag pass that asks for what happens anyway; refuse others with what to write instead."""
    if name in ACCEPTED:
        allowed = ACCEPTED[name]
        if allowed is None or text.lower() in allowed:
            return
    if name in ACCEPTED.keys() | REPLACED.keys() and text.lower() in _NOTHING:
        return
    if name in REPLACED:
        raise ArgumentsError(f"--{name} {text} is not an argument of this trainer; {REPLACED[name]}")
    near = get_close_matches(name, FIELDS, n=1)
    hint = f"did you mean --{near[0]}?" if near else "`python -m trainer --help` lists them"
    raise ArgumentsError(f"--{name} is not an argument of this trainer; {hint}")


def as_mapping(arguments: Arguments) -> dict[str, Any]:
    """Every argument by name."""
    return dataclasses.asdict(arguments)
