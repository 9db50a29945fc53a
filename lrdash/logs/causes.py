"""What can explain the end of a run: texts of failures, each with its source."""

from __future__ import annotations

import re

from lrdash.logs.facts import Cause, LogLine, Stream

ANCHORS = rb"Traceback \(most"
"""What a line holds if it can state a cause."""

TRACEBACK = re.compile(rb"Traceback \(most recent call last\)")
RANK_PREFIX = re.compile(rb"^\s?\[rank\d+\]: ?")  # torch >= 2.4, before each line of an uncaught exception
# torch/distributed/elastic/multiprocessing/errors and subprocess.run(check=True): they only pass on.
LAUNCHER_ERROR = re.compile(
    rb"(?:torch\.distributed\.elastic\S*ChildFailedError|subprocess\.CalledProcessError)"
)


def find_cause(line: bytes, at: LogLine, stream: Stream) -> Cause | None:
    """The cause that a line states, or None."""
    return None
