"""Queue, logs and results joined into one Snapshot. Pure: everything it needs is handed in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from lrdash.logs.facts import AttemptFacts
from lrdash.monitor.checks import run_checks
from lrdash.monitor.diagnosis import diagnose
from lrdash.monitor.evidence import NO_FACTS, PredictionFacts, RunEvidence
from lrdash.monitor.files import FileFacts, RunFiles
from lrdash.monitor.forecast import forecast
from lrdash.monitor.queue import VANISHED, QueueFacts
from lrdash.monitor.snapshot import Attempt, Metrics, RunStatus, Snapshot, Sources, Usage
from lrdash.results.documents import RunResults, epoch_rows
from lrdash.scheduler.base import Task, TaskUsage
from lrdash.sweep.script import BatchScript
from lrdash.sweep.spec import Args, Run, Sweep


def join(
    sweep: Sweep,
    queue: QueueFacts,
    files: FileFacts,
    now: float,
    scripts: Mapping[str, BatchScript],
    overrides: Mapping[str, Args],
) -> Snapshot:
    """The snapshot of this moment.

    Args:
        scripts: group name -> what its script asks for.
        overrides: run key -> arguments of `submit --set`.
    """
    predictions = {key: one.predictions for key, one in files.runs.items() if one.predictions}
    statuses = []
    for run in sweep.runs:
        own = files.runs.get(run.key, RunFiles())
        task = _settled_by_files(queue.tasks.get(run.key), own)
        group = sweep.group(run.group)
        is_read_to_the_end = task is None or (files.read_at or now) > queue.ended_at.get(task.id, 0.0)
        evidence = RunEvidence(
            now=now,
            sweep=sweep,
            group=group,
            run=run,
            overrides=overrides.get(run.key, {}),
            task=task if is_read_to_the_end else _completing(task),
            script=scripts.get(run.group),
            facts=own.facts or NO_FACTS,
            results=own.results,
            steps=own.steps,
            predictions=own.predictions,
            peers=_peers(sweep, run, predictions),
        )
        statuses.append(_status(run, evidence, task, own, queue.usages.get(task.id) if task else None))
    return Snapshot(
        sweep=sweep.name,
        taken_at=_iso(now),
        sources=Sources(
            queue.queue_source(now),
            queue.accounting_source(now),
            files.logs_source(now),
            files.results_source(now),
        ),
        runs=tuple(statuses),
    )


def join_queue(cached: Snapshot, sweep: Sweep, queue: QueueFacts, now: float) -> Snapshot:
    """What the queue says now beside what an earlier session read from files that are not read again yet."""
    runs = []
    for run, known in zip(sweep.runs, cached.runs, strict=True):
        task = queue.tasks.get(run.key)
        is_same = task is not None and task.id == known.task
        base = known if is_same else _unread(run)
        if known.state in (VANISHED, "COMPLETED") and task is not None and task.state == VANISHED:
            runs.append(known)  # settled by its files
        else:
            runs.append(replace(base, **_queue_fields(task, now)))
    sources = replace(cached.sources, queue=queue.queue_source(now), accounting=queue.accounting_source(now))
    return replace(cached, taken_at=_iso(now), sources=sources, runs=tuple(runs))


def _unread(run: Run) -> RunStatus:
    return RunStatus(
        run=run.name,
        group=run.group,
        index=run.index,
        label=run.label,
        learning_rate=run.learning_rate,
        cls_backbone_learning_rate=run.cls_backbone_learning_rate,
    )


def _status(
    run: Run, evidence: RunEvidence, task: Task | None, files: RunFiles, usage: TaskUsage | None
) -> RunStatus:
    status = replace(
        _unread(run),
        learning_rate=evidence.learning_rate,
        cls_backbone_learning_rate=evidence.backbone_learning_rate,
        attempt=_attempt(evidence),
        progress=forecast(evidence),
        metrics=run_metrics(files.results, evidence.facts),
        checks=run_checks(evidence),
        diagnosis=diagnose(evidence),
        usage=_usage(usage, evidence),
        logs=files.log_paths,
    )
    return replace(status, **_queue_fields(task, evidence.now, evidence))


def _queue_fields(task: Task | None, now: float, evidence: RunEvidence | None = None) -> dict[str, Any]:
    """The fields of a status that the scheduler fills."""
    if task is None:
        return {}
    return {
        "task": task.id,
        "state": task.state,
        "reason": task.reason,
        "elapsed_seconds": _elapsed(task, now),
        "time_limit_seconds": task.time_limit_seconds,
        "expected_start": _expected_start(task),
        "restarts": task.restarts if task.restarts is not None else _restarts(evidence),
        "exit_code": task.exit_code,
        "nodes": task.nodes,
    }


def _completing(task: Task | None) -> Task | None:
    """For checks and diagnosis: a task that has ended, but whose last words may not be read yet."""
    return task and replace(task, state="COMPLETING")


def _settled_by_files(task: Task | None, files: RunFiles) -> Task | None:
    """A task that nobody accounts for is settled by its results, then by its log."""
    if task is None or task.state != VANISHED:
        return task
    if files.results.predict is not None:
        return replace(task, state="COMPLETED", reason="nobody accounts for it; its results are complete")
    facts = files.facts
    if facts is not None and facts.finished is not None:
        return replace(task, state="COMPLETED", reason="nobody accounts for it; its log came to the end")
    return task


def _peers(sweep: Sweep, run: Run, predictions: Mapping[str, PredictionFacts]) -> dict[str, PredictionFacts]:
    others = (other for other in sweep.group(run.group).runs if other.key != run.key)
    return {other.name: predictions[other.key] for other in others if other.key in predictions}


def _attempt(evidence: RunEvidence) -> Attempt | None:
    identity, meta = evidence.facts.identity, evidence.results.meta
    if identity is not None and (evidence.task is None or identity.job == evidence.task.id):
        return Attempt(identity.job, identity.restart)
    if meta is not None and meta.job is not None:
        return Attempt(meta.job, meta.restart)
    return Attempt(evidence.task.id, evidence.task.restarts or 0) if evidence.task else None


def _restarts(evidence: RunEvidence | None) -> int | None:
    """As the attempt's own log counts them, where the scheduler does not say."""
    identity = evidence.facts.identity if evidence else None
    return identity.restart if identity else None


def _iso(now: float) -> str:
    return datetime.fromtimestamp(now).astimezone().isoformat(timespec="milliseconds")


def _elapsed(task: Task, now: float) -> float | None:
    """The scheduler's figure, run on while the task runs."""
    if task.state == "RUNNING" and task.started is not None:
        return max(0.0, now - task.started)
    return task.elapsed_seconds


def _expected_start(task: Task) -> str | None:
    if task.state != "PENDING" or task.started is None:
        return None
    return datetime.fromtimestamp(task.started).astimezone().isoformat(timespec="seconds")


def run_metrics(results: RunResults, facts: AttemptFacts) -> Metrics:
    """The metrics of result files; where they tell of no epoch, those that the log printed."""
    if not results.epochs and facts.evaluations:
        epochs = epoch_rows([row.values for row in facts.evaluations])
        results = dataclasses.replace(results, epochs=epochs, source="log")
    return Metrics(results.last, results.best, results.predict, results.epochs, results.source)


def _usage(usage: TaskUsage | None, evidence: RunEvidence) -> Usage | None:
    meta = evidence.results.meta
    peak = meta.peak_bytes.get("gpu") if meta else None
    if usage is None and peak is None:
        return None
    used = usage or TaskUsage()
    return Usage(
        max_rss_bytes=used.max_rss_bytes,
        requested_memory_bytes=used.requested_memory_bytes,
        cpu_seconds=used.cpu_seconds,
        allocated_cpus=used.allocated_cpus,
        gpus=evidence.script.gpus if evidence.script else None,
        peak_gpu_bytes=peak,
    )
