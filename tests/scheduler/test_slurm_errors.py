"""Each complaint of three versions of Slurm becomes one error of ours, in Slurm's own words."""

from __future__ import annotations

import re

import pytest

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
from lrdash.scheduler.slurm.errors import slurm_words, translate
from tests.slurm.recordings import DATA, VERSIONS, exit_statuses, recorded

# The beginning of a recording's name decides what its error is; the first that fits.
EXPECTED: tuple[tuple[str, type[SchedulerError]], ...] = (
    ("70.ctld-frozen", TimedOutError),
    ("71.ctld-down", UnreachableError),
    ("73.munge-down", AuthenticationError),
    ("75.dbd-down", UnreachableError),
    ("76.", NoConfigurationError),
    ("30.user", PermissionDeniedError),
    ("20.scontrol-requeue-missing", InvalidJobError),
    ("20.scancel-garbage", InvalidJobError),
    ("11.scontrol-show-missing", InvalidJobError),
    ("80.acct-none.sacct", AccountingDisabledError),
    ("80.acct-filetxt.sacct", AccountingDisabledError),
    ("40.", RefusedError),
    ("83.", RefusedError),
    ("20.scontrol-requeue-pending", RefusedError),
)
# Complaints of commands that did what they were asked.
NO_FAILURE = (
    "20.scancel-one-task",
    "80.acct-filetxt.sacct--c",
    "80.acct-none.sstat",
    "80.acct-filetxt.sstat",
)
RECORDINGS = [
    (version, path.stem)
    for version in VERSIONS
    for statuses in [exit_statuses(version)]
    for path in sorted((DATA / version).glob("*.err"))
    if statuses.get(path.stem, 1) and not path.stem.startswith(NO_FAILURE)
]


def failure(version: str, name: str) -> Finished:
    program = "sbatch" if "sbatch" in name else "scontrol"
    return Finished((program,), exit_statuses(version).get(name, 1), "", recorded(version, f"{name}.err"))


@pytest.mark.parametrize(("version", "name"), RECORDINGS)
def test_a_complaint_becomes_its_error(version: str, name: str) -> None:
    finished = failure(version, name)
    kind = next(kind for start, kind in EXPECTED if name.startswith(start))

    error = translate(finished)

    assert type(error) is kind
    assert "\n" not in str(error)
    first = finished.err.strip().splitlines()[0]
    assert re.sub(r"^(\w+: (error|fatal)|s[a-z]+): ", "", first) in str(error)


def test_sbatch_says_what_to_do_about_a_wrong_partition() -> None:
    assert str(translate(failure("22.05", "40.sbatch-bad-partition"))) == (
        "sbatch: invalid partition specified: nope;"
        " Batch job submission failed: Invalid partition name specified;"
        " `sinfo -s` lists the partitions; set --partition in the script or after --"
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("83.enforce.bad-account", "`sacctmgr show assoc user=$USER` lists yours; add --account"),
        ("83.enforce.over-submit-limit", "a limit of your account; submit fewer indices or wait"),
        ("83.enforce.bad-qos", "`sacctmgr show qos` lists them; correct --qos"),
        ("83.enforce.over-partition-time", "`sinfo -o '%P %l'` shows the limits; lower --time"),
    ],
)
def test_the_remedy_is_that_of_the_limit_that_was_met(name: str, remedy: str) -> None:
    complaint = recorded("22.05", f"{name}.err")

    assert str(translate(Finished(("sbatch",), 1, "", complaint))).endswith(f"; {remedy}")


@pytest.mark.parametrize("words", ["Access/permission denied", "Invalid user id"])
def test_only_a_job_that_is_there_can_be_somebody_else_s(words: str) -> None:
    def said(program: str) -> str:
        return str(translate(Finished((program,), 1, "", f"{program}: error: {words}\n")))

    assert said("scancel") == f"scancel: {words}; the job belongs to somebody else"
    assert said("sbatch") == f"sbatch: {words}; the cluster does not let you do that"


def test_rate_limit() -> None:
    finished = Finished(
        ("squeue",), 1, "", "slurm_load_jobs error: Rate limit exceeded, please retry momentarily\n"
    )

    assert type(translate(finished)) is RateLimitedError


def test_a_silent_failure_still_says_something() -> None:
    assert slurm_words(Finished(("sbatch",), 255, "", "")) == "exit status 255 without a word"


def test_repeated_lines_are_said_once() -> None:
    assert slurm_words(Finished(("sbatch",), 1, "", "sbatch: error: no\nsbatch: error: no\n")) == "no"
