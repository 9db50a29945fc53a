"""Which runs a command is about: the options --group and --index."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lrdash.errors import UsageError
from lrdash.sweep.spec import Run, Sweep


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The options by which groups and indices are chosen."""
    parser.add_argument("--group", action="append", default=[], metavar="G", help="only this group")
    parser.add_argument("--index", type=parse_indices, metavar="0,2", help="only these array indices")


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
