"""A remedy's command, read as the command line reads it: what can be carried out without a shell."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NoReturn

from lrdash.control.arguments import add_submission, chosen_runs, parse_overrides, split_words
from lrdash.errors import UsageError
from lrdash.sweep.find import find_runs
from lrdash.sweep.spec import Run, Scalar, Sweep

_ACTIONS: tuple[Literal["cancel", "requeue"], ...] = ("cancel", "requeue")


@dataclass(frozen=True)
class SubmitRemedy:
    """`lrdash submit … --set KEY=VALUE -- SBATCH-OPTIONS`."""

    groups: tuple[str, ...]
    indices: tuple[int, ...] | None
    overrides: Mapping[str, Scalar]
    fresh: bool
    options: tuple[str, ...]

    def runs(self, sweep: Sweep) -> tuple[Run, ...]:
        return chosen_runs(sweep, self.groups, self.indices)


@dataclass(frozen=True)
class ActionRemedy:
    """`lrdash cancel RUN`, `lrdash requeue RUN`."""

    name: Literal["cancel", "requeue"]
    words: tuple[str, ...]

    def runs(self, sweep: Sweep) -> tuple[Run, ...]:
        return find_runs(sweep, self.words)


@lru_cache(maxsize=256)
def read_remedy(command: str | None) -> SubmitRemedy | ActionRemedy | None:
    """What to carry out; None for a command that only shows something, or is not ours."""
    try:
        program, verb, *words = shlex.split(command or "")
        if program != "lrdash":
            return None
        return _submission(words) if verb == "submit" else _action(verb, words)
    except (ValueError, UsageError):  # too few words, a quote that does not end, no words of ours
        return None


def _submission(words: Sequence[str]) -> SubmitRemedy | None:
    parser = _Parser(add_help=False)
    add_submission(parser)
    ours, options = split_words(words)
    found = parser.parse_args(ours)
    if found.failed or found.dry_run:
        return None
    overrides = parse_overrides(found.set)
    return SubmitRemedy(tuple(found.group), found.index, overrides, found.fresh, tuple(options))


def _action(verb: str, words: Sequence[str]) -> ActionRemedy | None:
    name = next((name for name in _ACTIONS if name == verb), None)
    runs = [word for word in words if word not in ("-y", "--yes")]
    return ActionRemedy(name, tuple(runs)) if name and runs else None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)
