"""What sbatch accepts and yet never starts: partitions that are down, time limits above a partition's."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lrdash.errors import RefusedError
from lrdash.scheduler.base import Submission
from lrdash.sweep.script import parse_options, parse_time_limit, read_script

_PARTITION = re.compile(r"\bin partition (\S+)")


def partition_of(words: str) -> str | None:
    """The partition that `sbatch --test-only` names in its answer."""
    match = _PARTITION.search(words)
    return match[1] if match else None


def asked_time_limit(submission: Submission, environment: Mapping[str, str]) -> int | None:
    """Seconds that a job asks for, by sbatch's own precedence: options, then environment, then script."""
    options = parse_options(submission.options)
    text = options.get("time") or environment.get("SBATCH_TIMELIMIT")
    return parse_time_limit(text) if text else read_script(submission.script).time_limit_seconds


def check_limits(record: str, seconds: float | None) -> None:
    """Hold a job's time limit against a line of `scontrol -o show partition`.

    Raises:
        RefusedError: the job would wait for ever.
    """
    fields = dict(field.split("=", 1) for field in record.split() if "=" in field)
    partition, limit = fields.get("PartitionName", ""), fields.get("MaxTime", "")
    if fields.get("State", "UP") != "UP":
        raise RefusedError(
            f"partition {partition} is {fields['State']}; choose another with -- --partition=NAME"
        )
    most = parse_time_limit(limit)
    if most is not None and seconds is not None and seconds > most:
        raise RefusedError(
            f"partition {partition} allows {limit} at most and would let the job wait for ever; "
            f"lower --time in the script, or choose another partition"
        )
