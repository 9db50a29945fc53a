"""Queue, logs and results joined into one Snapshot. Pure: everything it needs is handed in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from lrdash.logs.facts import AttemptFacts
from lrdash.monitor.checks import run_checks
from lrdash.monitor.diagnosis import came_to_its_end, diagnose
from lrdash.monitor.evidence import NO_FACTS, PredictionFacts, RunEvidence, elapsed_seconds
from lrdash.monitor.files import FileFacts, RunFiles
from lrdash.monitor.forecast import forecast
from lrdash.monitor.queue import WAITED, QueueFacts
from lrdash.monitor.snapshot import Attempt, Metrics, RunStatus, Snapshot, Sources, Usage
from lrdash.results.documents import RunResults, epoch_rows
from lrdash.scheduler.base import UNKNOWN, Task, TaskUsage
from lrdash.scheduler.reasons import explain_reason
from lrdash.sweep.script import BatchScript
from lrdash.sweep.spec import Args, Run, Sweep

LEFT = "not in the queue any more, and nobody accounts for it yet"


class Joiner:
    """Makes Snapshots; a run about which nothing has changed keeps the status that it had."""

    def __init__(self, sweep: Sweep, scripts: Mapping[str, BatchScript], known: Snapshot | None) -> None:
        """
        Args:
            scripts: group name -> what its script asks for and the scheduler heeds.
            known: what an earlier session saw; shown of a run until its files are read.
        """
        self._sweep = sweep
        self._scripts = scripts
        self._cached = {run.key: run for run in known.runs} if known else {}
        self._made: dict[str, tuple[object, RunStatus]] = {}

    def join(
        self, queue: QueueFacts, files: FileFacts, overrides: Mapping[str, Args], now: float
    ) -> Snapshot:
        """The snapshot of this moment; `overrides`: run key -> arguments of `submit --set`."""
        peers = _predictions_by_group(self._sweep, files)
        return Snapshot(
            sweep=self._sweep.name,
            taken_at=datetime.fromtimestamp(now).astimezone().isoformat(timespec="milliseconds"),
            sources=Sources(
                queue.queue_source(now),
                queue.accounting_source(now),
                files.logs_source(now),
                files.results_source(now),
            ),
            runs=tuple(
                self._status(run, queue, files.runs.get(run.key), peers, overrides.get(run.key, {}), now)
                for run in self._sweep.runs
            ),
        )

    def _status(
        self,
        run: Run,
        queue: QueueFacts,
        files: RunFiles | None,
        peers: Mapping[str, Mapping[str, PredictionFacts]],
        overrides: Args,
        now: float,
    ) -> RunStatus:
        task = queue.tasks.get(run.key)
        if files is None or (task is not None and (files.task is None or files.task.id != task.id)):
            return _unread(run, queue, self._cached.get(run.key), now)
        left_at = queue.left_at.get(task.id) if task else None
        task = _settled_by_files(task, files, run, overrides, has_left=left_at is not None)
        usage = queue.usages.get(task.id) if task else None
        lost = queue.lost.get(run.key)
        inputs = (task, files, usage, overrides, left_at, lost, tuple(peers[run.group].items()))
        made = self._made.get(run.key)
        is_still = task is None or task.is_finished or task.state == "PENDING"
        if made is not None and is_still and _are_same(made[0], inputs):
            return made[1]
        is_read_to_the_end = task is None or files.read_at > queue.ended_at.get(task.id, 0.0)
        evidence = RunEvidence(
            now=now,
            sweep=self._sweep,
            group=self._sweep.group(run.group),
            run=run,
            overrides=overrides,
            task=task if is_read_to_the_end else _completing(task),
            usage=usage,
            script=self._scripts.get(run.group),
            facts=files.facts or NO_FACTS,
            results=files.results,
            steps=files.steps,
            predictions=files.predictions,
            peers={name: one for name, one in peers[run.group].items() if name != run.name},
        )
        status = _read_status(run, evidence, files, usage, _queue_fields(run, task, queue, now, evidence))
        self._made[run.key] = (inputs, status)
        return status


def _are_same(one: object, other: object) -> bool:
    """Whether two tuples of inputs are equal; what was read from files must be the same object."""
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    return one[1] is other[1] and one[0] == other[0] and one[2:] == other[2:]


def _predictions_by_group(sweep: Sweep, files: FileFacts) -> dict[str, dict[str, PredictionFacts]]:
    found: dict[str, dict[str, PredictionFacts]] = {group.name: {} for group in sweep.groups}
    for run in sweep.runs:
        own = files.runs.get(run.key)
        if own is not None and own.predictions is not None:
            found[run.group][run.name] = own.predictions
    return found


def _unread(run: Run, queue: QueueFacts, cached: RunStatus | None, now: float) -> RunStatus:
    """What the queue says now, beside what an earlier session read from the files of the same task."""
    task = queue.tasks.get(run.key)
    if cached is None or (task is not None and task.id != cached.task):
        cached = _blank(run)
    elif task is not None and task.state == UNKNOWN and cached.state == "COMPLETED":
        return cached  # settled by its files
    return replace(cached, **_queue_fields(run, task, queue, now))


def _blank(run: Run) -> RunStatus:
    return RunStatus(
        run=run.name,
        group=run.group,
        index=run.index,
        label=run.label,
        learning_rate=run.learning_rate,
        cls_backbone_learning_rate=run.cls_backbone_learning_rate,
    )


def _read_status(
    run: Run, evidence: RunEvidence, files: RunFiles, usage: TaskUsage | None, queue_fields: dict[str, Any]
) -> RunStatus:
    return replace(
        _blank(run),
        learning_rate=evidence.learning_rate,
        cls_backbone_learning_rate=evidence.backbone_learning_rate,
        attempt=_attempt(evidence),
        progress=forecast(evidence),
        metrics=run_metrics(files.results, evidence.facts),
        checks=run_checks(evidence),
        diagnosis=diagnose(evidence),
        usage=_usage(usage, evidence),
        logs=files.log_paths,
        **queue_fields,
    )


def _queue_fields(
    run: Run, task: Task | None, queue: QueueFacts, now: float, evidence: RunEvidence | None = None
) -> dict[str, Any]:
    """The fields of a status that the scheduler fills."""
    if task is None:
        return {"reason": queue.lost.get(run.key)}
    left_at = queue.left_at.get(task.id) if task.is_active else None
    waits = task.state == "PENDING" and left_at is None
    return {
        "task": task.id,
        "state": task.state,
        "reason": task.reason if left_at is None else LEFT,
        "reason_in_words": explain_reason(task.reason) if waits else None,
        "left_queue": None if left_at is None else _iso(left_at),
        "elapsed_seconds": elapsed_seconds(task, now if left_at is None else left_at),
        "time_limit_seconds": task.time_limit_seconds,
        "expected_start": _expected_start(task),
        "restarts": task.restarts if task.restarts is not None else _restarts(evidence),
        "exit_code": task.exit_code,
        "nodes": task.nodes,
    }


def _completing(task: Task | None) -> Task | None:
    """For checks and diagnosis: a task that has ended, but whose last words may not be read yet."""
    return task and replace(task, state="COMPLETING")


def _settled_by_files(
    task: Task | None, files: RunFiles, run: Run, overrides: Args, *, has_left: bool
) -> Task | None:
    """A task that left the queue and that nobody accounts for is settled by its results, then by its log."""
    if task is None or not (has_left or task.state == UNKNOWN):
        return task
    if files.results.predict is not None:
        return replace(task, state="COMPLETED", reason="nobody accounts for it; its results are complete")
    facts = files.facts
    if came_to_its_end(RunEvidence(now=0.0, run=run, overrides=overrides, facts=facts or NO_FACTS)):
        return replace(task, state="COMPLETED", reason="nobody accounts for it; its log came to the end")
    if task.reason == WAITED and (facts is None or "out" in facts.missing):
        return replace(task, state="CANCELLED", reason="left the queue before it started")
    return task


def _attempt(evidence: RunEvidence) -> Attempt | None:
    identity, meta = evidence.facts.identity, evidence.results.meta
    if identity is not None and (evidence.task is None or identity.job == evidence.task.id):
        return Attempt(identity.job, identity.restart, evidence.is_resumed)
    if meta is not None and meta.job is not None:
        return Attempt(meta.job, meta.restart, evidence.is_resumed)
    return Attempt(evidence.task.id, evidence.task.restarts or 0) if evidence.task else None


def _restarts(evidence: RunEvidence | None) -> int | None:
    """As the attempt's own log counts them, where the scheduler does not say."""
    identity = evidence.facts.identity if evidence else None
    return identity.restart if identity else None


def _expected_start(task: Task) -> str | None:
    if task.state != "PENDING" or task.started is None:
        return None
    return _iso(task.started)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(timespec="seconds")


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
        gpus=evidence.gpus,
        peak_gpu_bytes=peak,
    )
