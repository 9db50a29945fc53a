"""`lrdash logs`: the log of a run, as it is into a pipe, made harmless on a terminal."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lrdash.cli.context import the_monitor
from lrdash.errors import LogError
from lrdash.logs.follow import Follower
from lrdash.logs.scans import Matches
from lrdash.logs.search import Matcher, Query
from lrdash.logs.window import LogFile, shown_segment
from lrdash.sweep.find import find_run

POLL_SECONDS = 0.1


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser(
        "logs",
        parents=[common],
        help="the log of a run, current attempt",
        description="The log of a run's current attempt. Into a pipe or a file go its bytes as they are. "
        "On a terminal, progress bars are shown in their last state, colours are kept unless NO_COLOR is "
        "set, and every other control sequence is taken out.",
    )
    parser.add_argument("run", metavar="RUN", help="a run's name, a unique part of it, or text:2")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as the log grows, until ctrl+c")
    parser.add_argument("-e", "--err", action="store_true", help="stderr instead of stdout")
    parser.add_argument(
        "-g", "--grep", metavar="P", help="only lines with this regular expression (Python's)"
    )
    parser.add_argument("-i", "--ignore-case", action="store_true", help="for --grep")
    parser.add_argument("-n", "--lines", type=_count, metavar="LINES", help="only the last ones")
    parser.add_argument("--path", action="store_true", help="print where the log is, and nothing else")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    path = _log_path(arguments)
    if arguments.path:
        print(path)
        return 0
    matcher = None
    if arguments.grep is not None:
        matcher = Matcher(Query(arguments.grep, is_regex=True, ignore_case=arguments.ignore_case))
    log = LogFile(path)
    try:
        _print_log(log, matcher, arguments.lines, arguments.follow)
    finally:
        log.close()
    return 0


def _log_path(arguments: argparse.Namespace) -> Path:
    monitor = the_monitor(arguments)
    try:
        run = find_run(monitor.sweep, arguments.run)
        queue = monitor.poll_queue().sources.queue
        paths = monitor.log_paths(run.key)
    finally:
        monitor.close()
    path = paths.err if arguments.err else paths.out
    if path is None:
        why = f"the queue cannot be asked: {queue.error}" if queue.error else "it was not submitted yet"
        raise LogError(f"{run.key} has no log: {why}")
    return Path(path)


def _print_log(log: LogFile, matcher: Matcher | None, last: int | None, follow: bool) -> None:
    log.refresh()
    if log.problem and not follow:
        raise LogError(f"{log.path}: {log.problem}")
    follower = Follower(log, 0 if last is None else _start_of_last(log, matcher, last))
    as_it_is = not sys.stdout.isatty()
    said = None
    while True:
        pieces = follower.new_bytes() if as_it_is and matcher is None else follower.new_lines()
        for piece in pieces:
            _print(_matching(piece, matcher), as_it_is)
        if not follow:
            break
        said = _say_problem(log, said)
        time.sleep(POLL_SECONDS)
    _print(_matching(follower.unfinished_line(), matcher), as_it_is)


def _start_of_last(log: LogFile, matcher: Matcher | None, count: int) -> int:
    """Where the last `count` lines (that match) start."""
    if count == 0:
        return log.size
    if matcher is None:
        lines = log.lines_before(log.size, count)
        return lines[0].start if lines else 0
    matches = Matches(matcher)
    while len(matches) < count and not matches.is_complete(log):
        matches.advance(log)
    return matches[max(0, len(matches) - count)] if len(matches) else log.size


def _matching(data: bytes, matcher: Matcher | None) -> bytes:
    return data if matcher is None else b"".join(_matching_lines(data, matcher))


def _matching_lines(data: bytes, matcher: Matcher) -> Iterator[bytes]:
    for start in matcher.line_starts(data):
        end = data.find(b"\n", start) + 1
        yield data[start:end] if end else data[start:]


def _print(data: bytes, as_it_is: bool) -> None:
    if not data:
        return
    sys.stdout.buffer.write(data if as_it_is else _harmless(data))
    sys.stdout.buffer.flush()


def _harmless(data: bytes) -> bytes:
    from lrdash.logs.terminal_text import ansi_text, plain_text

    show = plain_text if os.environ.get("NO_COLOR") else ansi_text
    lines = data.removesuffix(b"\n").split(b"\n")
    return "".join(f"{show(shown_segment(line)[0])}\n" for line in lines).encode("utf-8", "replace")


def _say_problem(log: LogFile, said: str | None) -> str | None:
    """What is wrong while one waits, once."""
    if log.problem and log.problem != said:
        print(f"lrdash: {log.path}: {log.problem}; waiting", file=sys.stderr)
    return log.problem


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)
