"""Slurm's complaints -> one error of ours, with Slurm's own words kept."""

from __future__ import annotations

import re

from lrdash.errors import (
    AccountingDisabledError,
    AuthenticationError,
    InvalidJobError,
    NoConfigurationError,
    PermissionDeniedError,
    RateLimitedError,
    RefusedError,
    SchedulerError,
    TimedOutError,
    UnreachableError,
)
from lrdash.scheduler.programs import Finished

# The first that is found decides; texts of 20.11 to 26.05 (tests/data/slurm).
_KINDS: tuple[tuple[str, type[SchedulerError], str], ...] = (
    (
        r"DNS SRV lookup failed|Could not establish a configuration source|cannot stat file"
        r"|Unable to process configuration file",
        NoConfigurationError,
        "no cluster is configured here; run on a login node or set SLURM_CONF",
    ),
    (
        r"Munge (en|de)code failed|authentication error|Invalid authentication credential",
        AuthenticationError,
        "munged of this host does not answer; tell the administrators",
    ),
    (r"Rate limit exceeded", RateLimitedError, "asked too often; asking again later"),
    (r"Socket timed out|timed out", TimedOutError, "the controller hangs; it may still have been done"),
    (
        r"accounting storage is disabled|job completion is disabled|supported accounting_storage plugin",
        AccountingDisabledError,
        "this cluster keeps no accounting",
    ),
    (
        r"Unable to contact slurm controller|Unable to connect|Connection refused|connect(ion)? failure"
        r"|Unexpected message received|Zero Bytes were transmitted|Problem talking to the database"
        r"|standby mode|Unable to establish|Communication connection|Transport endpoint is not connected",
        UnreachableError,
        "nothing is known about the jobs until it answers again",
    ),
    (
        r"Access/permission denied|Invalid user id",
        PermissionDeniedError,
        "the cluster does not let you do that",
    ),
    (
        r"Invalid job id|Job/step already completing or completed|Job has already finished",
        InvalidJobError,
        "Slurm does not know the job any more",
    ),
)
_ACTS_ON_JOBS = ("scancel", "scontrol")
"""Programs whose object is a job that is there: it can be somebody else's."""
# Remedies for refusals, mostly of sbatch; what names one thing before what is a word of several complaints.
_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"[Aa]ccount or account/partition", "`sacctmgr show assoc user=$USER` lists yours; add --account"),
    (
        r"violates accounting/QOS policy|Assoc(Max|Grp)|QOS(Max|Min|Grp)",
        "a limit of your account; submit fewer indices or wait",
    ),
    (r"qos", "`sacctmgr show qos` lists them; correct --qos"),
    (r"partition", "`sinfo -s` lists the partitions; set --partition in the script or after --"),
    (r"job array", "the array is malformed or larger than the cluster's MaxArraySize"),
    (r"time limit", "`sinfo -o '%P %l'` shows the limits; lower --time"),
    (
        r"Memory specification|node configuration|generic resource|feature|node name",
        "no node offers that; `sinfo -o '%P %c %m %G'` shows what they have",
    ),
    (r"Unable to open file", "the script is not there"),
    (r"DOS line breaks", "run dos2unix on the script"),
    (r"pending execution", "it waits already; there is nothing to requeue"),
    (r"dependency", "the job it depends on is unknown"),
)  # fmt: skip
_PREFIX = re.compile(r"^(?:\w+: (?:error|fatal)|s[a-z]+): ")


def translate(finished: Finished) -> SchedulerError:
    """The error that a failed program stands for."""
    words = slurm_words(finished)
    for pattern, kind, meaning in _KINDS:
        if re.search(pattern, finished.err):
            if kind is PermissionDeniedError and finished.program in _ACTS_ON_JOBS:
                meaning = "the job belongs to somebody else"
            return kind(f"{finished.program}: {words}; {meaning}")
    remedy = next((f"; {text}" for pattern, text in _REMEDIES if re.search(pattern, words)), "")
    return RefusedError(f"{finished.program}: {words}{remedy}")


def slurm_words(finished: Finished) -> str:
    """What the program said on standard error, on one line, without its own name."""
    lines = [_PREFIX.sub("", line.strip()) for line in finished.err.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines)) or f"exit status {finished.exit_status} without a word"
