"""`python -m trainer.check RUN...`: what would keep runs from starting, before they wait for a GPU.

A RUN is JSON: `{"words": [the command line of the trainer], "processes": 2}`. For each one a line is printed:
JSON of what is wrong, or null. Paths are taken from the working directory. Nothing is written, and no data
set is read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from trainer import resuming
from trainer.command_line import parse
from trainer.errors import TrainerError


def find_problem(words: Sequence[str], processes: int) -> str | None:
    """What the trainer would refuse: its arguments, or a checkpoint of other arguments."""
    try:
        resuming.find_checkpoint_to_resume(parse(words), processes)
    except TrainerError as error:
        return str(error)
    return None


def main() -> None:
    for run in map(json.loads, sys.argv[1:]):
        print(json.dumps(find_problem(run["words"], run["processes"])))


if __name__ == "__main__":
    main()
