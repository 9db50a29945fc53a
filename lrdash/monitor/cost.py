"""In words: what a run has used of what it was given, what to ask for next time, and what is to come."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from lrdash.monitor.snapshot import RunStatus, Usage
from lrdash.scheduler.base import FINISHED_STATES

SPARE = 1.2
"""Of what was used, what is advised."""
LITTLE = 0.5
"""Share of what was asked below which less would do."""
TIGHT = 0.9
"""Share of the memory above which the next run may be killed for it."""
GIB = 2**30
"""Slurm's `G`."""
HALF_HOUR = 1800


def usage_words(run: RunStatus) -> tuple[str, ...]:
    """Used against asked, once the run has ended: `memory 41.2 G of 64 G (64 %)`; only what is known."""
    return tuple(_used(run, run.usage or Usage())) if run.state in FINISHED_STATES else ()


def _used(run: RunStatus, usage: Usage) -> Iterator[str]:
    if run.elapsed_seconds is not None and run.time_limit_seconds:
        share = 100 * run.elapsed_seconds / run.time_limit_seconds
        yield f"time {_hours(run.elapsed_seconds)} of {_hours(run.time_limit_seconds)} h ({share:.0f} %)"
    if usage.max_rss_bytes is not None:
        asked = usage.requested_memory_bytes
        yield _against("memory", usage.max_rss_bytes / GIB, asked / GIB if asked else None, "G")
    busy = _busy_cpus(run, usage)
    if busy is not None:
        yield _against("CPUs busy", busy, usage.allocated_cpus, "")
    if usage.peak_gpu_bytes is not None:
        yield f"GPU memory at most {usage.peak_gpu_bytes / GIB:.3g} G"


def _hours(seconds: float) -> str:
    """Hours and minutes: 3:05."""
    return f"{int(seconds) // 3600}:{int(seconds) % 3600 // 60:02}"


def _against(what: str, used: float, asked: float | None, unit: str) -> str:
    unit = f" {unit}" if unit else ""
    if not asked:
        return f"{what} {used:.3g}{unit}"
    return f"{what} {used:.3g} of {asked:.3g}{unit} ({100 * used / asked:.0f} %)"


def _busy_cpus(run: RunStatus, usage: Usage) -> float | None:
    """How many were busy on average."""
    return usage.cpu_seconds / run.elapsed_seconds if usage.cpu_seconds and run.elapsed_seconds else None


def sizing_hints(run: RunStatus) -> tuple[str, ...]:
    """What to ask for next time, where it differs much; from a task that came to the run's end only."""
    is_own = run.attempt is None or run.task is None or run.attempt.job == run.task
    return tuple(_hints(run, run.usage or Usage())) if run.state == "COMPLETED" and is_own else ()


def _is_part(run: RunStatus) -> bool:
    """Whether the scheduler's figures are of the last attempt of several."""
    return bool(run.restarts or (run.attempt and (run.attempt.restart or run.attempt.resumed)))


def _hints(run: RunStatus, usage: Usage) -> Iterator[str]:
    elapsed, limit = run.elapsed_seconds, run.time_limit_seconds
    is_whole = run.usage is not None and not _is_part(run)  # a machine of one's own has no queue
    if elapsed and limit and elapsed < LITTLE * limit and is_whole:
        minutes = ceil(SPARE * elapsed / HALF_HOUR) * HALF_HOUR // 60
        if minutes * 60 < limit:
            yield f"--time={minutes // 60:02}:{minutes % 60:02}:00 would do, and starts sooner"
    used, asked = usage.max_rss_bytes, usage.requested_memory_bytes
    if used and asked and not LITTLE <= used / asked <= TIGHT:
        advised = f"--mem={ceil(SPARE * used / GIB)}G"
        yield f"{advised} would do" if used < LITTLE * asked else f"memory is tight: ask for {advised}"
    busy, cpus = _busy_cpus(run, usage), usage.allocated_cpus
    if busy and cpus and busy < LITTLE * cpus and ceil(SPARE * busy) < cpus:
        yield f"{ceil(SPARE * busy)} CPUs would do"


def outlook_words(run: RunStatus) -> tuple[str, ...]:
    """Where the time limit strikes, and GPU-hours; empty while too little is known."""
    return tuple(_ahead(run))


def _ahead(run: RunStatus) -> Iterator[str]:
    ahead = run.progress
    if ahead.epoch_at_time_limit is not None:
        fits = f"; {ahead.epochs_that_fit} whole epochs fit" if ahead.epochs_that_fit is not None else ""
        yield f"the time limit strikes at epoch {ahead.epoch_at_time_limit:.1f}{fits}"
    if ahead.gpu_hours_spent:  # nothing while it waits
        come = ahead.gpu_hours_to_come
        spent = f"GPU-hours {ahead.gpu_hours_spent:.3g}" + (" in this attempt" if _is_part(run) else "")
        yield spent + (f", {come:.3g} to come" if come is not None else "")
