"""The command line: one small module a command, imported only when it is called."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from lrdash import __version__
from lrdash.errors import LrdashError

COMMANDS = {
    "submit": "submit",
    "preflight": "preflight",
    "status": "status",
    "logs": "logs",
    "results": "results",
    "cancel": "actions",
    "requeue": "actions",
    "hold": "actions",
    "release": "actions",
    "time-limit": "actions",
    "wait": "wait",
    "clean": "clean",
    "demo": "demo",
    "init": "init",
    "doctor": "doctor",
    "completion": "completion",
    "launch": "launch",
}
"""Command -> module of this package; a module's `add_parser` adds all the commands it holds."""

PASSING_ON = ("launch", "preflight", "submit")
"""Commands that hand what stands after `--` on: to the trainer, to sbatch."""

EPILOG = (
    "`lrdash [FOLDER…] [--record DIR | --replay DIR [--speed N]] [--ascii]` opens the screen; "
    "all that it does is also a command: `lrdash COMMAND --help`."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _accept_any_text(sys.stdout)
    try:
        return _run(words)
    except LrdashError as error:
        print(f"lrdash: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`lrdash status | head`): nothing is left to say, to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _accept_any_text(stream: object) -> None:
    """Where the terminal is not UTF-8 (LANG=de_DE.ISO-8859-1), a letter that it lacks becomes `?`."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="replace")


def _run(words: list[str]) -> int:
    common = _common_options()
    _, rest = common.parse_known_args([word for word in words if word not in ("-h", "--help")])
    command = rest[0] if rest and rest[0] in COMMANDS else None
    if command is None and not {"-h", "--help"} & set(words):
        return _open_screen(words)
    extra: list[str] = []
    if command in PASSING_ON:
        from lrdash.control.arguments import split_words

        words, extra = split_words(words)
    parser = make_parser(command)
    arguments = parser.parse_args(words, _unset(extra))
    code: int = arguments.command(arguments)
    return code


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of one command, or of all: each costs its module's import."""
    common = _common_options()
    parser = argparse.ArgumentParser(
        prog="lrdash", description="Learning-rate sweeps on Slurm.", epilog=EPILOG, parents=[common]
    )
    parser.add_argument("--version", action="version", version=f"lrdash {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in dict.fromkeys(COMMANDS.values() if command is None else [COMMANDS[command]]):
        import_module(f"lrdash.cli.{module}").add_parser(subparsers, common)
    return parser


def _open_screen(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="lrdash", parents=[_common_options()])
    parser.add_argument("--version", action="version", version=f"lrdash {__version__}")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="runs without a sweep file")
    parser.add_argument("--record", type=Path, metavar="DIR", help="keep what is seen, with times")
    parser.add_argument("--replay", type=Path, metavar="DIR", help="show a recording again")
    parser.add_argument("--speed", type=float, default=1.0, help="of a replay")
    parser.add_argument("--ascii", action="store_true", help="no glyphs outside ASCII")
    arguments = parser.parse_args(words, _unset())
    for folder in arguments.folders:
        if not folder.is_dir():
            names = ", ".join(COMMANDS)
            raise LrdashError(f"{str(folder)!r} is neither a command nor a folder; commands are: {names}")
    from lrdash.cli.screen import open_screen  # Textual: 0.2 s that no other command pays

    return open_screen(arguments)


def _common_options() -> argparse.ArgumentParser:
    # SUPPRESS, and `_unset` instead: a command's own default would overwrite what was given before it.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "-s", "--sweep", type=Path, metavar="FILE", help="the sweep file (default: the nearest)"
    )
    common.add_argument(
        "--scheduler", choices=("slurm", "local"), help="default: the one that the sweep was submitted to"
    )
    return common


def _unset(extra: Sequence[str] = ()) -> argparse.Namespace:
    return argparse.Namespace(sweep=None, scheduler=None, extra=list(extra))
