"""All that is known about one attempt of one run: what checks, diagnosis and forecast are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

from lrdash.logs.facts import AttemptFacts, LogLine, ProgressSample, StreamFacts
from lrdash.monitor.snapshot import Evidence
from lrdash.results.documents import RunResults
from lrdash.results.metrics import accuracy, f1
from lrdash.results.predictions import Predictions
from lrdash.results.steps import StepSeries
from lrdash.results.values import number
from lrdash.scheduler.base import Task, TaskUsage
from lrdash.sweep.script import BatchScript
from lrdash.sweep.spec import Args, Group, Run, Sweep

NO_FACTS = AttemptFacts(out=StreamFacts(), err=StreamFacts())


@dataclass(frozen=True)
class PredictionFacts:
    """What the predictions file itself says, recomputed row by row."""

    file: str
    rows: int
    accuracy: float | None
    f1: float | None
    """Of the positive class."""
    identity: str
    """A digest, equal for the same test rows in the same order."""

    @classmethod
    def of(cls, predictions: Predictions) -> PredictionFacts:
        index = predictions.index
        return cls(
            file=str(predictions.path),
            rows=predictions.n,
            accuracy=accuracy(index.confusion),
            f1=f1(index.confusion, index.positive),
            identity=_digest(index.identity.encode(), index.keys, index.truths),
        )


@dataclass(frozen=True)
class RunEvidence:
    """One attempt of a run; a foreign folder has neither sweep nor group nor run."""

    now: float
    """Unix time of this look."""
    sweep: Sweep | None = None
    group: Group | None = None
    run: Run | None = None
    overrides: Args = field(default_factory=dict)
    """Arguments of `submit --set`, from the submission record."""
    task: Task | None = None
    usage: TaskUsage | None = None
    """What accounting says of a task that has ended."""
    script: BatchScript | None = None
    facts: AttemptFacts = NO_FACTS
    results: RunResults = field(default_factory=RunResults)
    steps: StepSeries = field(default_factory=StepSeries)
    """The training curve of the result files."""
    predictions: PredictionFacts | None = None
    peers: Mapping[str, PredictionFacts] = field(default_factory=dict)
    """Predictions of the other runs of the group, by run name."""

    @cached_property
    def args(self) -> Args:
        """What was asked for: the sweep's arguments and `--set`; a foreign run's own."""
        if self.run is None:
            return self.results.meta.args if self.results.meta else {}
        return {**self.run.args, **self.overrides}

    @property
    def gpus(self) -> int | None:
        """GPUs that the task was given; None when that is not known."""
        return self.script.gpus if self.script else None

    @property
    def learning_rate(self) -> float | None:
        return number(self.args.get("learning_rate"))

    @property
    def backbone_learning_rate(self) -> float | None:
        """The backbone's own rate; None for a uniform run."""
        return number(self.args.get("cls_backbone_learning_rate"))

    @property
    def epochs(self) -> float | None:
        """num_train_epochs as asked; of a folder that does not say, as its trainer_state.json has it."""
        return number(self.args.get("num_train_epochs")) or self.results.planned_epochs

    @property
    def is_training_seen(self) -> bool:
        """Whether a training step is proven, by the log or by the training curve."""
        return self.facts.first_step is not None or len(self.steps) > 0

    @property
    def is_finished(self) -> bool:
        """Whether the attempt came to its own end."""
        return self.state == "COMPLETED" or (self.end is not None and self.state is None)

    @property
    def has_ended(self) -> bool:
        return self.task.is_finished if self.task else self.end is not None

    @property
    def end(self) -> LogLine | None:
        """The log's mark that the attempt came to its own end."""
        return self.facts.predicted or (None if self.predicts else self.facts.trained)

    @property
    def predicts(self) -> bool:
        """Whether predictions were asked for: they come last, after the model is saved."""
        return is_true(self.args.get("do_predict"))

    @property
    def state(self) -> str | None:
        return self.task.state if self.task else None

    @property
    def elapsed_seconds(self) -> float | None:
        """Of the present attempt."""
        return elapsed_seconds(self.task, self.now) if self.task else None

    @property
    def is_resumed(self) -> bool:
        """Whether the attempt went on from a checkpoint of an earlier one."""
        meta = self.results.meta
        return self.facts.resumed is not None or (meta is not None and meta.resumed_from is not None)

    @property
    def total_steps(self) -> int | None:
        """Optimizer steps of the whole training."""
        return self.facts.banner.steps or self.steps.total_steps or self.facts.err.sample_total

    @property
    def last_step(self) -> int | None:
        known = [self.facts.last_step, self.steps.steps[-1] if len(self.steps) else None]
        return max((step for step in known if step is not None), default=None)

    @property
    def last_epoch(self) -> float | None:
        rows = [row.get("epoch") for row in self.results.epochs[-1:]]
        known = [self.facts.last_epoch, *rows]
        if len(self.steps) and "epoch" in self.steps.columns:
            known.append(number(self.steps.columns["epoch"][-1]))
        return max((epoch for epoch in known if epoch is not None), default=None)

    @property
    def samples(self) -> tuple[ProgressSample, ...]:
        """Step against training time: the training curve's clock, else the bar's, else the log's growth."""
        seconds = self.steps.columns.get("seconds")
        if seconds is not None and len(seconds) >= 3:
            pairs, starts = zip(self.steps.steps, seconds, strict=True), self.steps.clock_starts
            return tuple(ProgressSample(at, step, step in starts) for step, at in pairs if at == at)
        streams = self.facts.streams
        bars = max((stream.samples for stream in streams), key=len)
        live = max((stream.live_samples for stream in streams), key=len)
        return tuple(bars if len(bars) >= 3 else live)


def _digest(*parts: bytes) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def elapsed_seconds(task: Task, now: float) -> float | None:
    """The scheduler's figure, run on while the task runs: the queue may not have answered for a while."""
    if task.state == "RUNNING" and task.started is not None:
        return max(0.0, now - task.started)
    return task.elapsed_seconds


def is_true(value: object) -> bool:
    """A switch among the arguments; run_meta.json of another program may hold it as text."""
    return str(value).lower() == "true"


def as_evidence(line: LogLine | None) -> Evidence:
    return Evidence() if line is None else Evidence(file=line.file, line=line.line, text=line.text)
