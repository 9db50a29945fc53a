"""sbatch: its command line and its answer."""

from __future__ import annotations

import re

from lrdash.errors import UnreachableError
from lrdash.scheduler.base import Submission

# The second: a site's own sbatch that drops --parsable.
_ANSWER = re.compile(r"^(?:(\d+)(?:;\S+)?|(?:sbatch: )?Submitted batch job (\d+)\b.*)$", re.MULTILINE)


def sbatch_command(submission: Submission) -> tuple[str, ...]:
    """The exact command; the user's own options come last and win."""
    throttle = f"%{submission.at_once}" if submission.at_once else ""
    return (
        "sbatch",
        "--parsable",
        f"--job-name={submission.job_name}",
        f"--array={format_indices(submission.indices)}{throttle}",
        f"--chdir={submission.work_dir}",
        f"--comment={submission.comment}",
        *submission.options,
        str(submission.script),
    )


def format_indices(indices: tuple[int, ...]) -> str:
    """Array indices as sbatch takes them, ranges folded.

    >>> format_indices((0, 1, 2)), format_indices((0, 2, 3))
    ('0-2', '0,2-3')
    """
    runs: list[list[int]] = []
    for index in sorted(set(indices)):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def parse_job_id(text: str) -> str:
    """The id in the answer of `sbatch --parsable`: `123` or `123;cluster`, perhaps after a site's own lines.

    Raises:
        UnreachableError: there is none; the job may exist all the same.
    """
    found = ["".join(ids) for ids in _ANSWER.findall(text)]
    if not found:
        raise UnreachableError(f"sbatch: succeeded, but printed no job id: {text.strip()[:200]!r}")
    return found[-1]
