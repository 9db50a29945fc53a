"""The bytes of one stream, in order -> what each attempt in it said.

Speed comes from looking closely at few lines: nearly all bytes of a long log are progress bars, and
nearly all of the rest are training lines, so these two are recognised by their last byte.
"""

from __future__ import annotations

import re
from typing import TypeVar

from lrdash.logs import causes, patterns
from lrdash.logs.facts import EvalRow, Identity, LogLine, ProgressSample, StepRow, Stream, StreamFacts
from lrdash.logs.lines import clean, finite, parse_bar, parse_identity, parse_row, text_of
from lrdash.logs.statements import MAX_EVIDENCE, take_statement
from lrdash.logs.tracebacks import TracebackReader

MAX_ROWS = 20_000
"""Training lines kept; beyond, every second one is dropped, again and again."""
MAX_SAMPLES = 512
BARS_IN_A_BLOCK = 16
LONGEST_BAR = 400
LONGEST_READ = 16_384

_ANCHORS = (
    patterns.FACT_ANCHORS,
    causes.ANCHORS,
    re.escape(patterns.OPTIMIZER_ANCHOR),
    re.escape(patterns.IDENTITY_ANCHOR),
)
_is_interesting = re.compile(rb"|".join(_ANCHORS)).search
_OVERWRITTEN = (patterns.OPTIMIZER_ANCHOR, patterns.IDENTITY_ANCHOR, b"rror")
"""Anchors that are also looked for in text that a carriage return hides from the terminal."""

_T = TypeVar("_T")


class Collector:
    """Feeds on one stream; `attempts` and `line` are what must be kept to go on after a restart."""

    def __init__(
        self, file: str, stream: Stream, attempts: list[StreamFacts] | None = None, line: int = 1
    ) -> None:
        self.file = file
        self.stream: Stream = stream
        self.attempts = attempts or [StreamFacts()]
        self.line = line
        """Number of the line to which the next byte belongs."""
        self._traceback = TracebackReader()
        self._unparsed_row: tuple[int, bytes] | None = None
        self._bar_line = 0
        """The last line that ends in a progress bar."""

    @property
    def facts(self) -> StreamFacts:
        """Of the attempt that is being written."""
        return self.attempts[-1]

    def feed(self, block: bytes) -> None:
        """Take bytes that end at a line break or a carriage return."""
        lines = block.split(b"\n")
        for number, line in enumerate(lines, self.line):
            end = line[-1:]
            if end == b"]" or end == b"\r":
                self._take_bars(number, line)
            elif end == b"}" and patterns.ROW_START in line:
                self._take_row_line(number, line)
            elif self._traceback.is_open or _is_interesting(line):
                self._take_segments(number, line)
        self.line += len(lines) - 1
        self._sample_bars(block)
        self._settle_unparsed_row()

    def _take_bars(self, number: int, line: bytes) -> None:
        """A line of progress updates: only what hides in it or ends it can matter."""
        if any(anchor in line for anchor in _OVERWRITTEN):
            self._take_segments(number, line)
            return
        shown = line.rstrip(b"\r")
        last = shown[shown.rfind(b"\r") + 1 :]
        if patterns.BAR_MARK in last:
            self._bar_line = number
        elif last[-1:] == b"}":
            self._take_row_line(number, last)
        elif self._traceback.is_open or _is_interesting(last):
            self._take(number, clean(last))

    def _take_segments(self, number: int, line: bytes) -> None:
        for segment in line.split(b"\r"):
            if self._traceback.is_open or _is_interesting(segment):
                self._take(number, clean(segment))

    def _take_row_line(self, number: int, line: bytes) -> None:
        """A line that ends in a dict; a very long series of plain training lines is thinned out unread."""
        facts = self.facts
        if facts.steps_seen >= MAX_ROWS and _is_plain(line) and facts.steps_seen % _stride(facts.steps_seen):
            facts.steps_seen += 1
            facts.non_finite_run = 0
            self._unparsed_row = (number, line)
        else:
            self._take_segments(number, line)

    def _settle_unparsed_row(self) -> None:
        if self._unparsed_row:
            number, line = self._unparsed_row
            self._note_progress(number, parse_row(line) or {})
            self._unparsed_row = None

    def _take(self, number: int, line: bytes) -> None:
        """One line that may matter; of a line of megabytes, its ends."""
        if len(line) > LONGEST_READ:
            line = line[: LONGEST_READ // 2] + line[-LONGEST_READ // 2 :]
        at = LogLine(self.file, number, text_of(line))
        if patterns.ROW_START in line and (row := parse_row(line)):
            self._take_row(row, at)
        elif patterns.IDENTITY_ANCHOR in line and (identity := parse_identity(line)):
            self._take_identity(identity)
        elif not take_statement(self.facts, line, at):
            self._traceback.take(self.facts, line, at)
            if cause := causes.find_cause(line, at, self.stream):
                _append_bounded(self.facts.causes, cause)

    def _take_identity(self, identity: Identity) -> None:
        known = self.facts.identity
        if known and (known.job, known.restart) == (identity.job, identity.restart):
            self._take_new_port(identity)
            return
        if known or self.facts.first_step:
            self.attempts.append(StreamFacts())
            self._traceback = TracebackReader()
        self.facts.identity = identity

    def _take_new_port(self, identity: Identity) -> None:
        """The same attempt tries once more: what the first try died of was overcome."""
        facts = self.facts
        if facts.identity != identity:
            facts.causes.clear()
            facts.traceback, facts.traceback_at = [], None
            self._traceback = TracebackReader()
        facts.identity = identity

    def _take_row(self, row: dict[str, float], at: LogLine) -> None:
        facts, number = self.facts, at.line or self.line
        if "train_runtime" in row:
            facts.finished = at
        elif any(key.startswith("eval_") for key in row):
            _append_thinned(
                facts.evaluations,
                EvalRow({key: finite(value) for key, value in row.items()}, number),
                MAX_ROWS,
            )
        elif "loss" in row:
            facts.steps_seen += 1
            facts.first_step = facts.first_step or at
            self._note_finite(row, at)
            _append_thinned(facts.steps, _step_row(row, number), MAX_ROWS)
        self._note_progress(number, row)

    def _note_finite(self, row: dict[str, float], at: LogLine) -> None:
        facts = self.facts
        if finite(row["loss"]) is not None and finite(row.get("grad_norm", 0.0)) is not None:
            facts.non_finite_run = 0
            return
        facts.non_finite_run += 1
        del facts.non_finite[MAX_EVIDENCE - 1 :]
        facts.non_finite.append(at)

    def _note_progress(self, number: int, row: dict[str, float]) -> None:
        facts = self.facts
        step, epoch = finite(row.get("step")), finite(row.get("epoch"))
        if step is not None:
            facts.last_step = max(facts.last_step or 0, int(step))
        if epoch is not None:
            facts.last_epoch = max(facts.last_epoch or 0.0, epoch)
        facts.progress_line = number

    def _sample_bars(self, block: bytes) -> None:
        """Look at a few bars, spread over the block."""
        if patterns.BAR_MARK not in block:
            return
        stride = max(1, len(block) // BARS_IN_A_BLOCK)
        for position in reversed(range(len(block), 0, -stride)):
            start = max(block.rfind(b"\r", 0, position - 1), block.rfind(b"\n", 0, position - 1)) + 1
            if bar := parse_bar(block[start : start + LONGEST_BAR]):
                self._note_bar(*bar)

    def _note_bar(self, total: int, sample: ProgressSample) -> None:
        facts = self.facts
        if sample.step < 1 or total != (facts.banner.steps or facts.sample_total or total):
            return
        if facts.sample_total != total:  # the banner tells now that the first bars were of something else
            facts.samples.clear()
            facts.sample_total = total
        if facts.samples and sample.step <= facts.samples[-1].step:
            return
        _append_thinned(facts.samples, sample, MAX_SAMPLES)
        facts.last_step = max(facts.last_step or 0, sample.step)
        facts.progress_line = max(facts.progress_line, self._bar_line)
        text = f"progress bar at step {sample.step} of {total}"
        facts.first_step = facts.first_step or LogLine(self.file, self._bar_line or self.line, text)


def _is_plain(line: bytes) -> bool:
    return b"'eval_" not in line and b"nan" not in line and b"inf" not in line and b"'train_" not in line


def _stride(seen: int) -> int:
    """Of a series of `seen` rows, every how many-th is kept."""
    return 1 << (seen // MAX_ROWS).bit_length()


def _step_row(row: dict[str, float], line: int) -> StepRow:
    step = finite(row.get("step"))
    return StepRow(
        epoch=finite(row.get("epoch")),
        step=None if step is None else int(step),
        loss=finite(row.get("loss")),
        grad_norm=finite(row.get("grad_norm")),
        learning_rate=finite(row.get("learning_rate")),
        cls_backbone_learning_rate=finite(row.get("cls_backbone_learning_rate")),
        line=line,
    )


def _append_bounded(values: list[_T], value: _T) -> None:
    if len(values) < MAX_EVIDENCE:
        values.append(value)


def _append_thinned(values: list[_T], value: _T, limit: int) -> None:
    """Append; a list that reaches its limit keeps every second value."""
    values.append(value)
    if len(values) >= limit:
        del values[-2:0:-2]
