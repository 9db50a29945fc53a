"""Slurm, by its own programs and their text output; docs/slurm.md lists every call."""

from lrdash.scheduler.slurm.scheduler import SlurmScheduler

__all__ = ["SlurmScheduler"]
