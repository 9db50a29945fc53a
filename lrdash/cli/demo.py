"""`lrdash demo`: a real six-run sweep of tiny models on this machine."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lrdash.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from lrdash.sweep.spec import Sweep

DEFAULT_FOLDER = Path("lrdash-demo")
DEFAULT_ROWS = 800


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "demo", parents=[common], help="a real six-run sweep of tiny models on this machine: no Slurm, no GPU"
    )
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER, metavar="DIR")
    parser.add_argument("--prepare", action="store_true", help="make the workspace and stop")
    parser.add_argument("--rows", type=int, help=f"training rows of each data set (default: {DEFAULT_ROWS})")
    parser.add_argument("--processes", type=int, choices=(1, 2), help="ranks of each run (default: 1)")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder.absolute()
    sweep_file = prepare(folder, arguments.rows, arguments.processes)
    if arguments.prepare:
        print(sweep_file)
        return 0
    from lrdash.sweep.load import load_sweep

    sweep = load_sweep(sweep_file)
    submit_once(sweep)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return on_screen(sweep)
    return in_lines(sweep)


def prepare(folder: Path, rows: int | None, processes: int | None) -> Path:
    """Make the workspace, or find the one that is there; returns its sweep file."""
    from lrdash.control.demo import (
        DemoWorkspace,
        open_workspace,
        start_workspace,
        sweep_file,
        write_sweep,
    )

    if rows is not None and rows < 16:
        raise UsageError(f"--rows {rows}: give at least 16, one optimizer step")
    found = open_workspace(folder)
    default = found or DemoWorkspace(DEFAULT_ROWS, 1)
    workspace = DemoWorkspace(rows or default.rows, processes or default.processes)
    if found is not None and sweep_file(folder).exists():
        if workspace != found:
            raise UsageError(f"{folder} was made with {found}; give another folder for {workspace}")
        return sweep_file(folder)
    if missing := [name for name in ("torch", "transformers", "sklearn", "PIL") if find_spec(name) is None]:
        raise UsageError(
            f"the demo trains for real and needs {', '.join(missing)}: pip install 'lrdash[trainer]'"
        )
    print(f"Making tiny models and real data in {folder} ...", file=sys.stderr, flush=True)
    start_workspace(folder, workspace)
    # -P: a folder `trainer` of the user's is not the trainer.
    command = [sys.executable, "-P", "-m", "trainer.demo", str(folder), "--rows", str(workspace.rows)]
    code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    if code:
        raise ConfigError(f"{' '.join(command)} ended with exit code {code}; its words are above")
    try:
        return write_sweep(folder, workspace)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror or error}; make room") from None


def submit_once(sweep: Sweep) -> None:
    """Submit the sweep, unless this workspace's was submitted before.

    Raises:
        LrdashError: it was refused.
    """
    from lrdash.control.submission import carry_out, plan_submission
    from lrdash.scheduler.known import make_scheduler
    from lrdash.scheduler.records import read_records

    if any(record.state != "refused" for record in read_records(sweep)):
        print(f"This sweep was submitted before: opening {sweep.root}.", file=sys.stderr)
        return
    scheduler = make_scheduler("local", sweep)
    for outcome in carry_out(plan_submission(sweep, scheduler), scheduler):
        if outcome.error is not None:
            raise outcome.error
        print(outcome, file=sys.stderr)


def on_screen(sweep: Sweep) -> int:
    """The screen; afterwards asks whether runs that still go may go on."""
    from lrdash.cli.screen import open_sweep
    from lrdash.monitor.monitor import Monitor
    from lrdash.scheduler.known import make_scheduler

    code = open_sweep(sweep, make_scheduler("local", sweep))
    scheduler = make_scheduler("local", sweep)
    monitor = Monitor(sweep, scheduler)
    active = [run for run in monitor.poll_queue().runs if run.is_active]
    if not active:
        return code
    print(
        f"{len(active)} runs are still going. Leave them running? [Y/n] ", end="", file=sys.stderr, flush=True
    )
    if sys.stdin.readline().strip().lower() in ("n", "no"):
        scheduler.cancel([run.task for run in active if run.task])
        print("Cancelled.", file=sys.stderr)
    else:
        print(f"`{os.path.basename(sys.argv[0])} demo {sweep.root}` shows them again.", file=sys.stderr)
    monitor.close()
    return code


def in_lines(sweep: Sweep) -> int:
    """Progress lines until all runs have ended, then the comparison; 0 only if all succeeded."""
    from lrdash.cli.results import print_results
    from lrdash.cli.wait import report_changes
    from lrdash.cli.watching import watch
    from lrdash.monitor.monitor import Monitor
    from lrdash.scheduler.known import make_scheduler

    monitor = Monitor(sweep, make_scheduler("local", sweep))
    states: dict[str, str | None] = {}
    epochs: dict[str, int] = {}
    try:
        for snapshot in watch(monitor):
            report_changes(snapshot, states)
            for run in snapshot.runs:
                if len(run.metrics.epochs) != epochs.get(run.key, 0) and (last := run.metrics.last):
                    epochs[run.key] = len(run.metrics.epochs)
                    numbers = ", ".join(
                        f"{name} {last.get(name) or 0:.3f}" for name in ("eval_accuracy", "eval_f1")
                    )
                    print(
                        f"{run.key:10} epoch {epochs[run.key]} of {run.progress.epochs}: {numbers}",
                        file=sys.stderr,
                    )
            if not any(run.is_active for run in snapshot.runs):
                break
    finally:
        monitor.close()
    print_results(sweep)
    return 0 if all(run.state == "COMPLETED" for run in snapshot.runs) else 1
