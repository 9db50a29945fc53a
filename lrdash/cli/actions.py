"""`lrdash cancel`, `requeue`, `hold`, `release`, `time-limit`: act on tasks in the queue."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lrdash.cli.confirm import confirm
from lrdash.cli.context import the_scheduler, the_sweep
from lrdash.errors import NotInstalledError
from lrdash.sweep.find import find_runs
from lrdash.sweep.spec import Run, Sweep

_HELP = {
    "cancel": "end runs that wait or run",
    "requeue": "stop runs and put them back into the queue; they resume",
    "hold": "keep waiting runs from starting",
    "release": "let held runs start",
    "time-limit": "change the time limit of runs",
}


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    for name, text in _HELP.items():
        parser = subparsers.add_parser(name, parents=[common], help=text)
        if name == "time-limit":
            parser.add_argument("time", type=_seconds, metavar="TIME", help="as sbatch takes it: 36:00:00")
        parser.add_argument("runs", nargs="+", metavar="RUN", help="a run, `text:2`, or a whole group")
        parser.add_argument("--yes", "-y", action="store_true", help="do not ask")
        parser.set_defaults(command=run, action=name, time=None)


def run(arguments: argparse.Namespace) -> int:
    from lrdash.control.actions import carry_out_action, plan_action

    sweep = the_sweep(arguments)
    runs = meant_runs(sweep, arguments.runs)
    scheduler = the_scheduler(arguments, sweep)
    if scheduler is None:
        raise NotInstalledError(
            f"no squeue on PATH, and no submission of {sweep.name} is on record: "
            f"log in to the cluster to {arguments.action} what was submitted there"
        )
    plan = plan_action(sweep, scheduler, arguments.action, runs, arguments.time)
    for words in plan.left_out:
        print(f"note     {words}", file=sys.stderr)
    tasks = "this task" if len(plan.targets) == 1 else f"these {len(plan.targets)} tasks"
    question = f"{arguments.action.capitalize().replace('-', ' ')} {tasks}?"
    if not confirm(question, plan.targets, yes=arguments.yes):
        print("Nothing was done.", file=sys.stderr)
        return 0
    carry_out_action(plan, scheduler)
    print(plan.done)
    return 0


def meant_runs(sweep: Sweep, words: Sequence[str]) -> tuple[Run, ...]:
    """The runs that words name; the name of a group stands for all its runs."""
    groups = {group.name: group.runs for group in sweep.groups}
    spelled = [run.key for word in words for run in groups.get(word, ())]
    return find_runs(sweep, [*spelled, *(word for word in words if word not in groups)])


def _seconds(text: str) -> int:
    from lrdash.sweep.script import parse_time_limit

    seconds = parse_time_limit(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no time limit such as 90, 36:00:00 or 1-12:00:00")
    return seconds
