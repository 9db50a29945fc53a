"""What a job's environment says of its submission, and what of our own environment a submission hands on."""

from __future__ import annotations

from collections.abc import Mapping

OVERRIDES = "LRDASH_SET"
"""Arguments of `submit --set`, as a JSON object."""
FRESH = "LRDASH_FRESH"
"""`1`: start over instead of resuming."""
SCHEDULER = "LRDASH_SCHEDULER"
"""`local` in a task of the local scheduler."""
# With SBATCH_WAIT sbatch would answer for the job's end.
_OF_ONE_SUBMISSION = (OVERRIDES, FRESH, SCHEDULER, "SBATCH_WAIT")
_OF_THE_CLUSTER = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT", "SLURM_CONF_SERVER")


def submit_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment, without what an enclosing job, Slurm's or ours, says of itself."""
    return {
        key: value
        for key, value in environment.items()
        if key in _OF_THE_CLUSTER or not (key.startswith("SLURM_") or key in _OF_ONE_SUBMISSION)
    }
