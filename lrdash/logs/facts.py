"""What a log says about each attempt of a run: plain values, each with the line that it stands on."""

from __future__ import annotations

from typing import Literal

import msgspec

from lrdash.sweep.identity import Identity

Stream = Literal["out", "err"]


class LogLine(msgspec.Struct, frozen=True):
    """One line of a log: the evidence of a fact."""

    file: str
    line: int | None
    """Counted from 1 as an editor does, by newlines; None where only the text was looked for so far."""
    text: str


class OptimizerLine(msgspec.Struct, frozen=True):
    """The line that proves separate learning rates."""

    backbone_lr: float
    head_lr: float
    at: LogLine


class Banner(msgspec.Struct, frozen=True):
    """The numbers under transformers' `***** Running training *****`, and the world size before it."""

    processes: int | None = None
    num_examples: int | None = None
    num_epochs: int | None = None
    per_device_batch_size: int | None = None
    effective_batch_size: int | None = None
    gradient_accumulation_steps: int | None = None
    steps: int | None = None
    at: LogLine | None = None


class StepRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A training line: what was logged at one step; NaN and infinity are None (and in `non_finite`)."""

    epoch: float | None
    step: int | None
    loss: float | None
    grad_norm: float | None
    learning_rate: float | None
    cls_backbone_learning_rate: float | None
    line: int | None


class EvalRow(msgspec.Struct, frozen=True):
    """An evaluation line: every number in it, under its own name; NaN and infinity are None."""

    values: dict[str, float | None]
    line: int | None

    @property
    def epoch(self) -> float | None:
        return self.values.get("epoch")


class ProgressSample(msgspec.Struct, frozen=True):
    """At `seconds` on some clock, `step` steps were done."""

    seconds: float
    step: int
    is_start: bool = False
    """Whether the clock started anew before: what lies between this and the sample before is not known."""


class Dataset(msgspec.Struct, frozen=True):
    """A data set that was loaded; the training set comes first."""

    name: str
    rows: int
    path: str
    at: LogLine


class Cut(msgspec.Struct, frozen=True):
    """Inputs that were longer than cutoff_len."""

    name: str
    cut: int
    rows: int
    cutoff_len: int


class Frozen(msgspec.Struct, frozen=True):
    """A part of the model that is not trained; `parameters` is None where the log gives no number."""

    part: str
    parameters: int | None
    at: LogLine


class Cause(msgspec.Struct, frozen=True):
    """A line that can explain a failure; `failure` is a class of the diagnosis."""

    failure: str
    at: LogLine
    stream: Stream
    decisive: bool = True
    """False for what may only follow from another cause (a peer that hung up, a bare signal 9)."""


class StreamFacts(msgspec.Struct):
    """What one stream said in one attempt; filled by the scanner, in the order of the bytes."""

    identity: Identity | None = None
    """The line with which `lrdash launch` opened the attempt."""
    optimizer: list[OptimizerLine] = []
    first_step: LogLine | None = None
    """The first line that proves a training step."""
    banner: Banner = Banner()
    steps: list[StepRow] = []
    steps_seen: int = 0
    """Training lines in the log; more than len(steps) once these were thinned out."""
    evaluations: list[EvalRow] = []
    samples: list[ProgressSample] = []
    """On the clock of the progress bar."""
    sample_total: int | None = None
    """The bar's total, to which `samples` belong."""
    live_samples: list[ProgressSample] = []
    """On the wall clock, gathered while the log was followed."""
    last_step: int | None = None
    last_epoch: float | None = None
    progress_line: int = 0
    """Where the last proof of training progress stands."""
    datasets: list[Dataset] = []
    cuts: list[Cut] = []
    frozen: list[Frozen] = []
    trainable: dict[str, int] = {}
    causes: list[Cause] = []
    non_finite: list[LogLine] = []
    """The first training lines with a loss or gradient that is no number, and the last one."""
    non_finite_run: int = 0
    """How many of them stand in a row at the end; 0 when the last training line is in order."""
    in_doubt: bool = False
    """Whether the last step in a program's own words had a loss that is no number."""
    traceback: list[str] = []
    traceback_at: LogLine | None = None
    uncaught: int = 0
    """Line of the exception that the program's own last traceback ends with."""
    resumed: LogLine | None = None
    stopped: LogLine | None = None
    """`Stopped by SIGUSR1 ...`: a wished-for end; training goes on in the next attempt."""
    training_line: int = 0
    """Where `***** Running training *****` stands: what stands before is of the preparations."""
    trained: LogLine | None = None
    """train_runtime: the last step is done, the model still to be saved."""
    predicted: LogLine | None = None
    """The predict metrics: the end of a run that predicts."""
    already_done: LogLine | None = None
    """`Nothing to do`: an earlier attempt has finished this run."""

    def copy(self) -> StreamFacts:
        """These facts as they are now: the scanner goes on filling its own."""
        own = {
            name: value.copy() for name in _FIELDS if isinstance(value := getattr(self, name), list | dict)
        }
        return msgspec.structs.replace(self, **own)

    @property
    def is_empty(self) -> bool:
        """Whether nothing known was found."""
        return self == _EMPTY


_EMPTY = StreamFacts()
_FIELDS = StreamFacts.__struct_fields__


class AttemptFacts(msgspec.Struct, frozen=True):
    """What out and err together said in one attempt of a run."""

    out: StreamFacts
    err: StreamFacts
    last_output: float | None = None
    """Unix time of the last write; known for the current attempt."""
    missing: tuple[Stream, ...] = ()
    """Streams without a file."""
    unread_bytes: int = 0
    """Still to be scanned; until then only the optimizer line of the rest is known."""

    @property
    def streams(self) -> tuple[StreamFacts, StreamFacts]:
        return self.out, self.err

    @property
    def identity(self) -> Identity | None:
        return self.out.identity or self.err.identity

    @property
    def optimizer(self) -> tuple[OptimizerLine, ...]:
        return (*self.out.optimizer, *self.err.optimizer)

    @property
    def first_step(self) -> LogLine | None:
        """The first line that proves a training step, of stdout if it has any."""
        return self.out.first_step or self.err.first_step

    @property
    def banner(self) -> Banner:
        """Numbers of both streams; stdout's own lines win."""
        known = {
            name: value
            for stream in (self.err, self.out)
            for name in Banner.__struct_fields__
            if (value := getattr(stream.banner, name)) is not None
        }
        return Banner(**known)

    @property
    def steps(self) -> list[StepRow]:
        return self.out.steps or self.err.steps

    @property
    def evaluations(self) -> list[EvalRow]:
        return self.out.evaluations or self.err.evaluations

    @property
    def last_step(self) -> int | None:
        return max(
            (stream.last_step for stream in self.streams if stream.last_step is not None), default=None
        )

    @property
    def last_epoch(self) -> float | None:
        epochs = [stream.last_epoch for stream in self.streams if stream.last_epoch is not None]
        return max(epochs, default=None)

    @property
    def trained(self) -> LogLine | None:
        return self.out.trained or self.err.trained

    @property
    def predicted(self) -> LogLine | None:
        return self.out.predicted or self.err.predicted

    @property
    def already_done(self) -> LogLine | None:
        return self.out.already_done or self.err.already_done

    @property
    def stopped(self) -> LogLine | None:
        return self.out.stopped or self.err.stopped

    @property
    def resumed(self) -> LogLine | None:
        return self.out.resumed or self.err.resumed

    @property
    def datasets(self) -> list[Dataset]:
        return self.out.datasets or self.err.datasets

    @property
    def frozen(self) -> list[Frozen]:
        return [*self.out.frozen, *self.err.frozen]

    def is_before_training(self, line: OptimizerLine) -> bool:
        """Whether an optimizer line stands before the first training step of its own stream."""
        stream = self.out if line in self.out.optimizer else self.err
        first = stream.first_step
        return first is None or (line.at.line or 0) <= (first.line or 0)
