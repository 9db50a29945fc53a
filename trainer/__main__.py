"""`python -m trainer`: nothing heavy is imported before the arguments are known to be right."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from trainer import processes, resuming
from trainer.arguments import Arguments
from trainer.command_line import parse, usage
from trainer.errors import TrainerError
from trainer.log import Heartbeat, info, is_first_process
from trainer.model.folder import find_checkpoint
from trainer.processes import StopRequest

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)


def main(words: Sequence[str] | None = None) -> None:
    words = sys.argv[1:] if words is None else words
    if {"--help", "-h"} & set(words):
        print(usage())
        return
    stop = StopRequest()
    stop.listen()
    if processes.is_under_torchrun():
        processes.die_with_parent()
    try:
        code = guarded(words, stop)
    except Exception as error:  # noqa: BLE001 - shown as Python would; but its own way to exit can hang
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    processes.end(code)


def guarded(words: Sequence[str], stop: StopRequest) -> int:
    """Carry out a command line; expected failures become one line on stderr and an exit code."""
    try:
        processes.check_one_node()
        return _carry_out(parse(words), stop)
    except TrainerError as error:
        return _fail(_own_line(error), error.exit_code, stop)
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        return _fail(f"cannot write {error.filename or 'a file'}: {error.strerror}", 1, stop)


def _own_line(error: TrainerError) -> str:
    """Where a process that reads images raised it PyTorch has put its traceback before the text."""
    return str(error).rstrip().rpartition(f"{type(error).__name__}: ")[2]


def _fail(text: str, code: int, stop: StopRequest) -> int:
    """Say it once: before the processes have met each finds the same mistake, later perhaps one alone."""
    if is_first_process():
        print(f"[ERROR] {text}", file=sys.stderr, flush=True)
        processes.share_last_words(text)
    elif not processes.have_met():
        stop.wait(5)  # torchrun ends the first process as soon as another fails: let it speak first
    elif not processes.first_has_said(text):
        print(f"[rank{processes.rank()}]: [ERROR] {text}", file=sys.stderr, flush=True)
    return code


def _carry_out(arguments: Arguments, stop: StopRequest) -> int:
    """What can be wrong with the inputs is found before PyTorch is imported."""
    if arguments.dry_run:
        from trainer.dry_run import dry_run

        dry_run(arguments)
        return 0
    resuming.check_folders(arguments)
    start = find_checkpoint(arguments.model_name_or_path)
    data = resuming.fingerprints(arguments)
    if resuming.is_finished(arguments, processes.world_size(), data):
        done = f"Nothing to do: {arguments.results} holds the results of this run"
        info(f"{done}; --overwrite_output_dir repeats it")
        return 0
    resumed = resuming.choose_checkpoint(arguments, processes.world_size(), data)
    heartbeat = Heartbeat()
    heartbeat.start()
    from trainer.run import run

    return run(arguments, start, resumed, stop, heartbeat)


if __name__ == "__main__":
    main()
