"""The one immutable value that the screen, `status --json` and every report show.

Encoded as JSON it is the status document (docs/results-formats.md; `status.schema.json` is made from
these classes), and also what is cached on disk for the first paint. Times are seconds, rates and
metrics plain fractions; None means "not known", never zero.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lrdash.scheduler.base import is_active

SCHEMA = 1

SourceState = Literal["fresh", "stale", "unavailable", "off"]
Verdict = Literal["PASS", "WAITING", "MISSING", "WRONG_VALUE", "FORBIDDEN"]
CheckName = Literal[
    "optimizer", "rates", "effective_batch", "epochs", "frozen", "port", "data", "predictions", "same_rows"
]
FailureClass = Literal[
    "dataset_not_found", "cuda_out_of_memory", "host_out_of_memory", "time_limit", "port_in_use", "nccl",
    "preempted", "node_failure", "disk_full", "non_finite_loss", "import_error", "missing_model",
    "launch_refused", "cancelled", "silent", "vanished", "unknown",
]  # fmt: skip

EpochRow = dict[str, float | None]
"""A row of `epochs`, named as in transformers' log_history: epoch, step, loss, eval_loss, eval_accuracy..."""


class Evidence(msgspec.Struct, frozen=True):
    """Where something was read: a line of a file, or the numbers in `text` with no line."""

    file: str | None = None
    line: int | None = None
    text: str = ""


class Source(msgspec.Struct, frozen=True):
    """How well one source is known right now."""

    state: SourceState = "off"
    age_seconds: float | None = None
    error: str | None = None


class Sources(msgspec.Struct, frozen=True):
    queue: Source = Source()
    accounting: Source = Source()
    logs: Source = Source()
    results: Source = Source()


class Attempt(msgspec.Struct, frozen=True):
    """One start of a run."""

    job: str
    """Array task or job id, `123_2`."""
    restart: int = 0
    resumed: bool = False
    """Whether it went on from a checkpoint of an earlier attempt."""


class Progress(msgspec.Struct, frozen=True):
    epoch: float | None = None
    epochs: int | None = None
    step: int | None = None
    steps: int | None = None
    eta_seconds: float | None = None
    eta_range_seconds: tuple[float, float] | None = None
    exceeds_time_limit: bool | None = None
    last_output_seconds: float | None = None
    epoch_at_time_limit: float | None = None
    """Where the time limit will strike; None when it does not."""
    epochs_that_fit: int | None = None
    gpu_hours_spent: float | None = None
    """Of the present attempt."""
    gpu_hours_to_come: float | None = None


class Metrics(msgspec.Struct, frozen=True):
    last: EpochRow | None = None
    best: EpochRow | None = None
    predict: dict[str, float | None] | None = None
    epochs: tuple[EpochRow, ...] = ()
    source: str | None = None


class Check(msgspec.Struct, frozen=True):
    name: CheckName
    verdict: Verdict
    expected: str = ""
    observed: str = ""
    evidence: Evidence = Evidence()

    @property
    def has_failed(self) -> bool:
        return self.verdict not in ("PASS", "WAITING")


class Diagnosis(msgspec.Struct, frozen=True):
    """The first cause of a failure, and the command that applies the remedy."""

    failure: FailureClass = msgspec.field(name="class")
    evidence: Evidence = Evidence()
    remedy: str = ""
    command: str | None = None

    @property
    def words(self) -> str:
        """The class as people say it: `CUDA out of memory`."""
        return self.failure.replace("_", " ").replace("cuda", "CUDA").replace("nccl", "NCCL")


class LogPaths(msgspec.Struct, frozen=True):
    """Absolute paths."""

    out: str | None = None
    err: str | None = None

    def stream_of(self, evidence: Evidence) -> Literal["out", "err"] | None:
        """In which of the two a line of evidence stands, if in any."""
        if evidence.file is None or evidence.line is None:
            return None
        return "out" if evidence.file == self.out else "err" if evidence.file == self.err else None


class Usage(msgspec.Struct, frozen=True):
    """Used against asked, after the end."""

    max_rss_bytes: int | None = None
    requested_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    allocated_cpus: int | None = None
    gpus: int | None = None
    peak_gpu_bytes: int | None = None


class RunStatus(msgspec.Struct, frozen=True):
    """All that is known about one run."""

    run: str
    group: str | None = None
    index: int | None = None
    label: str = ""
    learning_rate: float | None = None
    cls_backbone_learning_rate: float | None = None
    attempt: Attempt | None = None
    task: str | None = None
    state: str | None = None
    reason: str | None = None
    reason_in_words: str | None = None
    """What a pending run waits for, in plain words; None where Slurm's reason is not one that we know."""
    left_queue: str | None = None
    """Since when the queue lacks the task, whose end nobody has told yet; ISO 8601 with offset."""
    elapsed_seconds: float | None = None
    time_limit_seconds: float | None = None
    expected_start: str | None = None
    restarts: int | None = None
    exit_code: str | None = None
    nodes: str | None = None
    progress: Progress = Progress()
    metrics: Metrics = Metrics()
    checks: tuple[Check, ...] = ()
    diagnosis: Diagnosis | None = None
    usage: Usage | None = None
    logs: LogPaths = LogPaths()

    @property
    def key(self) -> str:
        """`text:2`, or the run's name for a foreign folder."""
        return self.run if self.group is None else f"{self.group}:{self.index}"

    @property
    def state_word(self) -> str:
        """The scheduler's state; what there is instead for a run that no scheduler knows."""
        return self.state or ("no job" if self.group is None else "not submitted")

    @property
    def is_active(self) -> bool:
        """Whether it may still change without anybody's doing."""
        return is_active(self.state)

    def check(self, name: CheckName) -> Check | None:
        return next((check for check in self.checks if check.name == name), None)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about a sweep at one moment."""

    schema: int = SCHEMA
    sweep: str
    taken_at: str
    """ISO 8601 with offset."""
    sources: Sources = Sources()
    runs: tuple[RunStatus, ...] = ()

    def find(self, key: str) -> RunStatus | None:
        return next((run for run in self.runs if key in (run.key, run.run)), None)
