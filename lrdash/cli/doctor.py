"""`lrdash doctor`: versions, schedulers, paths and terminal: what a bug report needs."""

from __future__ import annotations

import argparse
import getpass
import os
import platform
import shutil
import sys
from collections.abc import Iterator

import platformdirs

from lrdash import __version__
from lrdash.errors import LrdashError

CORE = ("textual", "rich", "sh", "pyyaml", "msgspec", "platformdirs")
TRAINER = ("torch", "transformers", "accelerate", "safetensors", "numpy", "pillow", "scikit-learn")
PROGRAMS = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "tmux", "jq")
VARIABLES = (
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "LANG",
    "LC_ALL",
    "TMUX",
    "SLURM_CONF",
    "HF_HOME",
    "LRDASH_VENV",
)


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser("doctor", parents=[common], help="versions and paths: for a bug report")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    for title, rows in (
        ("lrdash", _about()),
        ("packages", _packages(CORE)),
        ("trainer packages", _packages(TRAINER)),
        ("programs", ((name, shutil.which(name) or "not on PATH") for name in PROGRAMS)),
        ("environment", ((name, os.environ.get(name, "")) for name in VARIABLES)),
        ("sweep", _sweep(arguments)),
        ("scheduler", _scheduler(arguments)),
    ):
        print(title)
        for name, value in rows:
            print(f"  {name:16} {value}")
    return 0


def _about() -> Iterator[tuple[str, str]]:
    yield "version", __version__
    yield "python", f"{platform.python_version()} at {sys.executable}"
    yield "system", platform.platform()
    yield "settings", str(platformdirs.user_config_path("lrdash") / "config.toml")
    yield "cache", str(platformdirs.user_cache_path("lrdash"))
    size = shutil.get_terminal_size()
    yield (
        "terminal",
        f"{size.columns} x {size.lines}, {'a terminal' if sys.stdout.isatty() else 'not a terminal'}",
    )


def _packages(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version  # 20 ms that only this command pays

    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"


def _sweep(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    from lrdash.cli.context import the_sweep
    from lrdash.sweep.paths import logs_dir

    try:
        sweep = the_sweep(arguments)
    except LrdashError as error:
        yield "file", str(error)
        return
    yield "file", str(sweep.file)
    yield "root", str(sweep.root)
    yield "runs", str(len(sweep.runs))
    yield "logs", f"{logs_dir(sweep)}{'' if logs_dir(sweep).is_dir() else ' (not there yet)'}"


def _scheduler(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    from lrdash.cli.context import the_scheduler, the_sweep

    try:
        scheduler = the_scheduler(arguments, the_sweep(arguments))
        if scheduler is None:
            yield "name", "none: no submission yet, and no squeue on PATH"
            return
        yield "name", scheduler.name
        reading = scheduler.read_queue({getpass.getuser()})
        yield "queue", f"answers: {len(reading.tasks)} tasks of yours"
    except LrdashError as error:
        yield "problem", str(error)
