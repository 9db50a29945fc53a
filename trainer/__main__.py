"""`python -m trainer`: nothing heavy is imported before the arguments are known to be right."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainer import processes
from trainer.arguments import Arguments
from trainer.command_line import parse, usage
from trainer.errors import TrainerError
from trainer.log import Heartbeat, is_first_process
from trainer.processes import StopRequest


def main(words: Sequence[str] | None = None) -> None:
    words = sys.argv[1:] if words is None else words
    if {"--help", "-h"} & set(words):
        print(usage())
        return
    stop = StopRequest()
    stop.listen()
    processes.die_with_parent()
    processes.end(guarded(words, stop))


def guarded(words: Sequence[str], stop: StopRequest) -> int:
    """Carry out a command line; expected failures become one line on stderr and an exit code."""
    try:
        processes.check_one_node()
        arguments = parse(words)
        return _carry_out(arguments, stop)
    except TrainerError as error:
        if is_first_process():
            print(f"[ERROR] {error}", file=sys.stderr, flush=True)
        else:
            stop.wait(10)  # torchrun ends the first process as soon as another fails: let it speak first
        return error.exit_code


def _carry_out(arguments: Arguments, stop: StopRequest) -> int:
    heartbeat = Heartbeat()
    heartbeat.start()
    from trainer.run import run

    return run(arguments, stop, heartbeat)


if __name__ == "__main__":
    main()
