"""The scheduler of a single machine, for trying a sweep out."""

from lrdash.scheduler.local.scheduler import LocalScheduler, ignored_options

__all__ = ["LocalScheduler", "ignored_options"]
