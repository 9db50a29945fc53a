"""What must hold of one run's arguments, whatever file or command line they came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lrdash.errors import UsageError
from lrdash.sweep.labels import RATES, run_labels
from lrdash.sweep.spec import Args, Group, Run, Scalar, Sweep

COUNTS = ("per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs")
# The only values with which the bundled trainer trains.
_BUNDLED = {"stage": "cls", "finetuning_type": "full"}


@dataclass(frozen=True)
class Mistake:
    """One argument that cannot hold."""

    key: str
    problem: str
    remedy: str


def find_mistake(args: Args, program: tuple[str, ...]) -> Mistake | None:
    """The first mistake in the arguments of a run that `program` (empty: the bundled trainer) trains."""
    for key, valid in _BUNDLED.items():
        if not program and key in args and args[key] != valid:
            other = f"the bundled trainer only has {valid}; another one is named by the group's `program`"
            return Mistake(key, f"is {args[key]!r}", other)
    if args.get("cls_backbone_learning_rate") is not None and args.get("stage") != "cls":
        return Mistake("cls_backbone_learning_rate", "is set", "it is only valid with `stage: cls`")
    for key in RATES:
        if args.get(key) is not None and not _is_positive(args[key]):
            return Mistake(key, f"is {args[key]!r}", "give a positive number such as 2e-5")
    for key in COUNTS:
        if args.get(key) is not None and not _is_positive(args[key]):
            return Mistake(key, f"is {args[key]!r}", "give a positive number")
    return None


def with_overrides(sweep: Sweep, overrides: Mapping[str, Scalar]) -> Sweep:
    """The sweep with some arguments replaced in every run.

    Raises:
        UsageError: an argument cannot have this value.
    """
    return replace(sweep, groups=tuple(_override(group, overrides) for group in sweep.groups))


def _override(group: Group, overrides: Mapping[str, Scalar]) -> Group:
    args = [{**run.args, **overrides} for run in group.runs]
    for one in args:
        if mistake := find_mistake(one, group.program):
            raise UsageError(f"--set {mistake.key} {mistake.problem}; {mistake.remedy}")
    labels = run_labels([run.name for run in group.runs], args)
    return replace(group, runs=tuple(map(_with_args, group.runs, args, labels)))


def _with_args(run: Run, args: Args, label: str) -> Run:
    return replace(run, args=args, label=label)


def _is_positive(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
