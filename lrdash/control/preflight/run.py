"""All checks of a submission, in the order in which one would repair them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from lrdash.control.outcome import has_results
from lrdash.control.preflight import arguments, data, disk, model, node, script
from lrdash.control.preflight.findings import Finding, guarded
from lrdash.errors import ConfigError, PreflightError, RefusedError, SchedulerError
from lrdash.scheduler.base import Scheduler, Submission
from lrdash.scheduler.environment import FRESH
from lrdash.scheduler.local import ignored_options
from lrdash.sweep.spec import Group, Run, Sweep


def preflight(
    sweep: Sweep,
    scheduler: Scheduler,
    submissions: Iterable[Submission],
    environment: Mapping[str, str] = os.environ,
) -> tuple[Finding, ...]:
    """What stands in the way of these submissions; nothing is changed. Each finding once."""
    submissions = list(submissions)
    groups = [sweep.group(submission.group) for submission in submissions]
    runs = [
        sweep.group(submission.group).runs[index]
        for submission in submissions
        for index in submission.indices
    ]
    findings = [
        *guarded("folders", node.check_folders(sweep)),
        *node.check_ports(sweep),
        *(finding for group in groups for finding in _check_group(sweep, group, scheduler, environment)),
        *(finding for run in runs for finding in _check_run(sweep, run, environment)),
        *arguments.check_arguments(sweep, runs, environment, is_fresh=_is_fresh(submissions)),
        *guarded("disk", disk.check_disk(sweep, runs, environment)),
        *(finding for each in submissions for finding in script.check_export(each, environment)),
        *([] if _is_fresh(submissions) else _about_finished(sweep, runs)),
    ]
    if not any(finding.level == "error" for finding in findings):
        findings += [finding for each in submissions for finding in _ask_scheduler(scheduler, each)]
    return tuple(dict.fromkeys(findings))


def raise_errors(findings: Iterable[Finding]) -> None:
    """
    Raises:
        PreflightError: any finding is an error; the first one is told.
    """
    errors = [str(finding) for finding in findings if finding.level == "error"]
    if errors:
        others = f" (and {len(errors) - 1} more: `lrdash preflight` lists them)" if errors[1:] else ""
        raise PreflightError(errors[0] + others)


def _check_group(
    sweep: Sweep, group: Group, scheduler: Scheduler, environment: Mapping[str, str]
) -> Iterator[Finding]:
    on_slurm = scheduler.name == "slurm"
    yield from script.check_script(sweep, group, environment, on_slurm=on_slurm)
    yield from guarded("environment", node.check_programs(group, environment))
    if not on_slurm:
        yield from node.check_this_machine(sweep, group, environment)
        if ignored := _ignored_here(group):
            listed = ", ".join(f"--{option}={value}".rstrip("=") for option, value in ignored.items())
            yield Finding("note", f"script {group.name}", f"this machine ignores {listed}")
    else:
        yield from node.check_shared(sweep, environment)


def _ignored_here(group: Group) -> Mapping[str, str]:
    try:
        return ignored_options(group.script)
    except ConfigError:
        return {}  # said already


def _check_run(sweep: Sweep, run: Run, environment: Mapping[str, str]) -> Iterator[Finding]:
    group = sweep.group(run.group)
    yield from guarded("data", data.check_data(sweep, group, run))
    if not group.program:
        yield from guarded("model", model.check_model(sweep, run, environment))
    yield from _check_batch(sweep, group, run)


def _check_batch(sweep: Sweep, group: Group, run: Run) -> Iterator[Finding]:
    expected, found = sweep.expect.effective_batch_size, group.effective_batch_size(run)
    if expected is None or found is None:
        return
    product = (
        f"{group.processes} x {run.args.get('per_device_train_batch_size')}"
        f" x {run.args.get('gradient_accumulation_steps', 1)} = {found}"
    )
    if found == expected:
        yield Finding("ok", "batch", f"{group.name}: {product}")
    else:
        remedy = "change per_device_train_batch_size or gradient_accumulation_steps"
        yield Finding("error", "batch", f"{group.name} in {sweep.file}: {product}, not {expected}; {remedy}")


def _is_fresh(submissions: Iterable[Submission]) -> bool:
    return any(FRESH in submission.environment for submission in submissions)


def _about_finished(sweep: Sweep, runs: Iterable[Run]) -> Iterator[Finding]:
    finished = [run.key for run in runs if has_results(sweep, run)]
    if finished:
        text = f"{', '.join(finished)}: results are there; submitting again changes nothing without --fresh"
        yield Finding("note", "results", text)


def _ask_scheduler(scheduler: Scheduler, submission: Submission) -> Iterator[Finding]:
    """Partition, limits and resources, as the scheduler itself sees them."""
    try:
        words = scheduler.check(submission)
    except RefusedError as error:
        yield Finding("error", f"slurm {submission.group}", str(error))
    except SchedulerError as error:
        yield Finding("warning", f"slurm {submission.group}", f"{error}; limits were not checked")
    else:
        if words:
            yield Finding("ok", f"slurm {submission.group}", words)
