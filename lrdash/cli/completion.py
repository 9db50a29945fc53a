"""`lrdash completion`: the script that makes a shell complete lrdash's commands and options."""

from __future__ import annotations

import argparse


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "completion", parents=[common], help='completion for your shell: `eval "$(lrdash completion bash)"`'
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    import shtab

    from lrdash.cli import make_parser

    print(shtab.complete(make_parser(), shell=arguments.shell))
    return 0
