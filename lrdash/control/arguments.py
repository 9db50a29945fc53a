"""The words of a submission: on the command line, and in the command that a remedy names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lrdash.errors import UsageError
from lrdash.sweep.spec import Run, Scalar, Sweep


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The options by which groups and indices are chosen."""
    parser.add_argument("--group", action="append", default=[], metavar="G", help="only this group")
    parser.add_argument("--index", type=parse_indices, metavar="0,2", help="only these array indices")


def add_submission(parser: argparse.ArgumentParser) -> None:
    """The options of `lrdash submit`."""
    add_choice(parser)
    parser.add_argument(
        "--failed", action="store_true", help="only runs that ended without success; they resume"
    )
    parser.add_argument("--fresh", action="store_true", help="start over instead of resuming")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change an argument of the trainer"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the exact commands and stop")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our words, and those after `--`, which are sbatch's."""
    end = words.index("--") if "--" in words else len(words)
    return list(words[:end]), list(words[end + 1 :])


def parse_overrides(words: Sequence[str]) -> dict[str, Scalar]:
    """`KEY=VALUE` words; values are read as in sweep.yaml."""
    from lrdash.sweep.load import parse_scalar

    overrides = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"--set {word}: give KEY=VALUE, such as per_device_train_batch_size=1")
        overrides[key] = parse_scalar(value)
    return overrides


def chosen_runs(sweep: Sweep, groups: Sequence[str], indices: Sequence[int] | None) -> tuple[Run, ...]:
    """The runs of these groups (all by default) at these indices (all by default)."""
    names = [group.name for group in sweep.groups]
    for group in groups:
        if group not in names:
            raise UsageError(f"--group {group}: {sweep.file} has the groups {', '.join(names)}")
    runs = [run for run in sweep.runs if not groups or run.group in groups]
    known = {run.index for run in runs}
    if missing := [index for index in indices or () if index not in known]:
        raise UsageError(f"--index {missing[0]}: {sweep.file} has the indices {_listed(known)}")
    return tuple(run for run in runs if indices is None or run.index in indices)


def parse_indices(text: str) -> tuple[int, ...]:
    """Array indices, as sbatch's --array takes them."""
    from lrdash.sweep.script import parse_array

    indices = parse_array(text)
    if not indices:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of indices such as 0,2 or 0-2")
    return indices


def _listed(indices: set[int]) -> str:
    return ", ".join(map(str, sorted(indices)))
