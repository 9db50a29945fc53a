"""Everything that lrdash raises on purpose; the text is one line: what failed, on what, what to do.

LrdashError                      exit 2
├── UsageError                   a command line that cannot be carried out
├── ConfigError                  sweep.yaml, an .sbatch file or the settings file
├── PreflightError               what must hold before anything is submitted
├── AlreadyActiveError           a run that was to be submitted is queued or running
├── ResultsError                 results that cannot be compared or read
├── LogError                     a log that cannot be shown
└── SchedulerError
    ├── NotInstalledError        exit 2: no sbatch, squeue... on PATH, or it cannot be started
    ├── UnsupportedError         exit 2: what this scheduler does not do
    ├── RefusedError             exit 1: Slurm said no; its own words are kept
    │   ├── PermissionDeniedError
    │   ├── InvalidJobError      the job is not (or no longer) known
    │   └── AccountingDisabledError
    └── UnreachableError         exit 4: no answer; says nothing about the jobs
        ├── NoConfigurationError
        ├── AuthenticationError
        ├── TimedOutError        may still have been carried out
        └── RateLimitedError
"""

from __future__ import annotations


class LrdashError(Exception):
    """An expected failure; `str(error)` is shown to the user as it is."""

    exit_code = 2


class UsageError(LrdashError):
    """A command line that cannot be carried out."""


class ConfigError(LrdashError):
    """A mistake in sweep.yaml, an .sbatch file or the settings file."""


class PreflightError(LrdashError):
    """Something that must hold before a submission does not."""


class AlreadyActiveError(LrdashError):
    """A run that was to be submitted is queued or running."""


class ResultsError(LrdashError):
    """Results that cannot be read or compared."""


class LogError(LrdashError):
    """A log that cannot be shown."""


class SchedulerError(LrdashError):
    """A scheduler did not do what it was asked."""


class NotInstalledError(SchedulerError):
    """A program of the scheduler is not on PATH, or cannot be started."""


class UnsupportedError(SchedulerError):
    """This scheduler does not offer the action."""


class RefusedError(SchedulerError):
    """The scheduler answered no."""

    exit_code = 1


class PermissionDeniedError(RefusedError):
    """The user may not do that; mostly, the job belongs to somebody else."""


class InvalidJobError(RefusedError):
    """The job is not, or no longer, known to the scheduler."""


class AccountingDisabledError(RefusedError):
    """The cluster keeps no accounting."""


class UnreachableError(SchedulerError):
    """No answer; nothing is known about the jobs."""

    exit_code = 4


class NoConfigurationError(UnreachableError):
    """Slurm's client programs found no cluster configuration."""


class AuthenticationError(UnreachableError):
    """munge did not vouch for the request."""


class TimedOutError(UnreachableError):
    """No answer in time; the request may still have been carried out."""


class RateLimitedError(UnreachableError):
    """The controller limits this user's requests."""
