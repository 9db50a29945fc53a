"""`lrdash init`: a sweep for your own model and data, by flags, by questions, or from a script you have."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lrdash.errors import LrdashError, UsageError
from lrdash.sweep.script import GPU_OPTIONS

if TYPE_CHECKING:
    from lrdash.control.existing_script import ExistingScript
    from lrdash.control.init import NewSweep, Rates
    from lrdash.sweep.spec import Scalar

DEFAULT_BATCH = 16
_RESOURCES = {"partition": "", "time": "24:00:00", "mem": "", "cpus-per-task": "", "account": ""}
_QUESTIONS = {
    "name": "name of the sweep",
    "model": "model: a folder or a hub id",
    "dataset": "training data: a folder of data/ or a key of its dataset_info.json",
    "eval_dataset": "test data, named likewise",
    "rates": "learning rates, with / for head and backbone, such as 2e-5 2e-6 2e-5/2e-6",
}


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "init",
        help="write a sweep.yaml and .sbatch for your own model and data",
        description="Writes sbatch/NAME/ in the current directory; asks for what no flag gives.",
    )
    parser.add_argument("--name", help=_QUESTIONS["name"])
    parser.add_argument("--model", metavar="M", help=_QUESTIONS["model"])
    parser.add_argument("--dataset", metavar="D", help=_QUESTIONS["dataset"])
    parser.add_argument("--eval-dataset", metavar="D", help=_QUESTIONS["eval_dataset"])
    parser.add_argument("--rates", metavar="R,R…", help=_QUESTIONS["rates"])
    parser.add_argument("--group", default="text", help="name of its group (default: %(default)s)")
    parser.add_argument(
        "--gpus", type=_count(0), metavar="N", help="GPUs, and processes, of one run; 0: train on the CPU"
    )
    parser.add_argument(
        "--batch", type=_count(1), metavar="N", help=f"effective batch (default: {DEFAULT_BATCH})"
    )
    for option, default in _RESOURCES.items():
        shown = f" (default: {default})" if default else ""
        parser.add_argument(f"--{option}", metavar="X", help=f"sbatch's --{option}{shown}")
    parser.add_argument(
        "--from", dest="script", type=Path, metavar="SCRIPT", help="an sbatch script to start from"
    )
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    from lrdash.control.existing_script import read_existing
    from lrdash.control.init import write_new_sweep

    existing = read_existing(arguments.script) if arguments.script else None
    new = _answers(arguments, existing)
    sheet = write_new_sweep(Path.cwd(), new)
    print(sheet.relative_to(Path.cwd()))
    if existing and existing.unread:
        print(f"Not taken over, only the shell knows them: {', '.join(existing.unread)}", file=sys.stderr)
    print(f"Look at it, then: lrdash --sweep {sheet.relative_to(Path.cwd())} preflight", file=sys.stderr)
    return 0


def _answers(arguments: argparse.Namespace, existing: ExistingScript | None) -> NewSweep:
    from lrdash.control.init import NewSweep, check_name

    known: dict[str, Scalar] = dict(existing.args) if existing else {}
    gpus = arguments.gpus if arguments.gpus is not None else existing.processes if existing else 1
    name = _ask("name", arguments.name, lambda answer: check_name(Path.cwd(), answer))
    args: dict[str, Scalar] = {
        **known,
        "model_name_or_path": _ask("model", arguments.model or known.get("model_name_or_path")),
        "dataset": _ask("dataset", arguments.dataset or known.get("dataset")),
        "eval_dataset": _ask("eval_dataset", arguments.eval_dataset or known.get("eval_dataset")),
    }
    if arguments.rates is None and existing and existing.rates:
        rates = existing.rates
    else:
        rates = parse_rates(_ask("rates", arguments.rates, parse_rates))
    if arguments.batch or "per_device_train_batch_size" not in known:
        args |= _batch(arguments.batch or DEFAULT_BATCH, max(1, gpus))
    return NewSweep(
        name=name,
        group=arguments.group,
        rates=rates,
        args=args,
        processes=max(1, gpus),
        options=_options(arguments, existing, gpus),
        setup=existing.setup if existing else (),
    )


def _ask(key: str, given: object, check: Callable[[str], object] = str) -> str:
    """What was given, else an answer; one that cannot be is asked for again."""
    if given:
        check(str(given))
        return str(given)
    flag = f"--{key.replace('_', '-')}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"init needs {flag}: {_QUESTIONS[key]}")
    while True:
        question = f"{_QUESTIONS[key][0].upper()}{_QUESTIONS[key][1:]}: "
        print(question, end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip()
        if not answer:
            raise UsageError(f"no answer, nothing was written; or give {flag}")
        try:
            check(answer)
        except LrdashError as error:
            print(error, file=sys.stderr)
        else:
            return answer


def parse_rates(text: str) -> tuple[Rates, ...]:
    """`2e-5,2e-6,2e-5/2e-6`: one configuration each, head before backbone."""
    from lrdash.control.init import Rates

    rates = []
    for word in text.replace(",", " ").split():
        try:
            head, *backbone = map(float, word.split("/"))
            rates.append(Rates(head, *backbone))
        except (ValueError, TypeError):
            raise UsageError(f"--rates {word}: give 2e-5, or 2e-5/2e-6 for head and backbone") from None
        if not all(0 < rate < math.inf for rate in (head, *backbone)):
            raise UsageError(f"--rates {word}: give positive numbers such as 2e-5")
    if not rates:
        raise UsageError("--rates: give at least one, such as 2e-5")
    return tuple(rates)


def _batch(size: int, processes: int) -> dict[str, Scalar]:
    """Two rows a process where that divides; the rest by accumulation."""
    each = size // processes
    if each * processes != size:
        raise UsageError(f"--batch {size}: cannot be shared by {processes} processes; give a multiple")
    per_device = 2 if each % 2 == 0 else 1
    return {"per_device_train_batch_size": per_device, "gradient_accumulation_steps": each // per_device}


def _count(least: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return count


def _options(arguments: argparse.Namespace, existing: ExistingScript | None, gpus: int) -> dict[str, str]:
    options = {"nodes": "1", "ntasks": "1"}
    options |= {option: default for option, default in _RESOURCES.items() if default}
    options |= existing.options if existing else {}
    if arguments.gpus is not None or not existing:
        options = {option: value for option, value in options.items() if option not in GPU_OPTIONS}
        options |= {"gres": f"gpu:{gpus}"} if gpus else {}
    for option in _RESOURCES:
        if value := getattr(arguments, option.replace("-", "_")):
            options[option] = value
    return options
