"""The bytes of one stream, in order -> what each attempt in it said.

Speed comes from looking closely at few lines: nearly all bytes of a long log are progress bars, and
nearly all of the rest are training lines, so these two are recognised by their last byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import TypeVar

from lrdash.logs import causes, patterns
from lrdash.logs.escapes import without_escapes
from lrdash.logs.facts import EvalRow, LogLine, ProgressSample, StepRow, Stream, StreamFacts
from lrdash.logs.lines import finite, parse_bar, parse_row, text_of
from lrdash.logs.statements import MAX_EVIDENCE, take_statement
from lrdash.logs.tracebacks import TracebackReader
from lrdash.sweep.identity import Identity, parse_identity

MAX_ROWS = 5_000
"""Training lines kept; beyond, every second one is dropped, again and again."""
MAX_SAMPLES = 512
BARS_IN_A_BLOCK = 8
LONGEST_BAR = 400
LONGEST_READ = 16_384

_ANCHORS = (
    patterns.FACT_ANCHORS,
    causes.ANCHORS,
    re.escape(patterns.OPTIMIZER_ANCHOR),
    re.escape(patterns.IDENTITY_ANCHOR),
)
_BAR_ENDS = frozenset((b"it]", b"/s]"))
"""How tqdm ends a bar: `2.83s/it]`, `1.59it/s]`; a line that ends so shows nothing else."""
_is_interesting = re.compile(rb"|".join(_ANCHORS)).search
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

    @property
    def facts(self) -> StreamFacts:
        """Of the attempt that is being written."""
        return self.attempts[-1]

    def feed(self, block: bytes) -> None:
        """Take bytes that end at a line break or a carriage return."""
        lines = block.split(b"\n")
        seen = self.facts.steps_seen
        kept = self._worth_reading(lines)
        if patterns.OPTIMIZER_ANCHOR in block or any(patterns.IDENTITY_ANCHOR in line for line in kept):
            self.facts.steps_seen = seen
            for part in _parts_of_attempts(block):
                self._read_closely(part)
            return
        for number, line in self._numbered(kept, lines):
            self._take_line(number, line)
        self._note_bars(block, len(lines) - 1)
        self.line += len(lines) - 1

    def _read_closely(self, block: bytes) -> None:
        """Every text of every line, also those that a carriage return hides from the terminal."""
        lines = block.split(b"\n")
        for number, line in enumerate(lines, self.line):
            self._take_segments(number, line)
        self._note_bars(block, len(lines) - 1)
        self.line += len(lines) - 1

    def _worth_reading(self, lines: list[bytes]) -> list[bytes]:
        """Lines that are no bars; of a very long series of training lines only some, and the last one."""
        seen = self.facts.steps_seen
        mask = _thinning(seen)
        if not mask:
            return [line for line in lines if line[-3:] not in _BAR_ENDS]
        start = patterns.LOSS_START
        last = next((line for line in reversed(lines) if line[:9] == start), None)
        number = count(seen)
        kept = [
            line
            for line in lines
            if line[-3:] not in _BAR_ENDS and (line[:9] != start or not next(number) & mask or line is last)
        ]
        self.facts.steps_seen = next(number) - _rows(kept)
        return kept

    def _numbered(self, kept: list[bytes], lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
        """Some of the lines, in their order, with their numbers."""
        at = -1
        for line in kept:
            at = lines.index(line, at + 1)
            yield self.line + at, line

    def _take_line(self, number: int, line: bytes) -> None:
        if line.startswith(patterns.ROW_START):
            self._take_row_line(number, line)
        elif line.endswith(b"\r"):
            self._take_shown(number, line)
        else:
            self._take_segments(number, line)

    def _take_row_line(self, number: int, line: bytes) -> None:
        if row := _training_row(line):
            self._take_row(row, number, line)
        else:
            self._take_segments(number, line)

    def _take_shown(self, number: int, line: bytes) -> None:
        """A line of overwritten texts, of which a terminal shows the last."""
        shown = line.rstrip(b"\r")
        self._take_segment(number, shown[shown.rfind(b"\r") + 1 :])

    def _take_segments(self, number: int, line: bytes) -> None:
        if b"\r" in line:
            for segment in line.split(b"\r"):
                self._take_segment(number, segment)
        else:
            self._take_segment(number, line)

    def _take_segment(self, number: int, segment: bytes) -> None:
        """A text between two line breaks of either kind; of one of megabytes, its ends."""
        if len(segment) > LONGEST_READ:
            segment = _shortened(segment)
        if self.facts.in_doubt and causes.FINITE_STEP.search(segment):
            self.facts.in_doubt = False
            self.facts.progress_line = number
        if segment and (self._traceback.is_open or _may_matter(segment)):
            self._take(number, without_escapes(segment))

    def _take(self, number: int, line: bytes) -> None:
        """One line that may matter."""
        if patterns.SHOWN_COMMAND.match(line):  # its words are of its author, not of the training
            return
        if patterns.ROW_START in line and (row := _training_row(line)):
            self._take_row(row, number, line)
        elif patterns.IDENTITY_ANCHOR in line and (
            identity := parse_identity(line.decode("utf-8", "replace"))
        ):
            self._take_identity(identity)
        else:
            at = LogLine(self.file, number, text_of(line))
            if take_statement(self.facts, line, at):
                return
            may_tell = self._traceback.take(self.facts, line, at)
            if may_tell and (cause := causes.find_cause(line, at, self.stream)):
                _append_bounded(self.facts.causes, cause)
                if number != self.facts.uncaught and causes.NON_FINITE_STEP.search(line):
                    self.facts.in_doubt = True

    def _take_identity(self, identity: Identity) -> None:
        known = self.facts.identity
        if known and (known.job, known.restart) == (identity.job, identity.restart):
            self._take_new_port(identity)
            return
        if known or self.facts.last_epoch is not None:
            self.attempts.append(StreamFacts())
            self._traceback = TracebackReader()
        self.facts.identity = identity

    def _take_new_port(self, identity: Identity) -> None:
        """The same attempt tries once more: what the first try died of was overcome."""
        facts = self.facts
        if facts.identity != identity:
            facts.causes.clear()
            facts.traceback, facts.traceback_at, facts.uncaught = [], None, 0
            self._traceback = TracebackReader()
        facts.identity = identity

    def _take_row(self, row: dict[str, float], number: int, line: bytes) -> None:
        facts = self.facts
        if "loss" in row and (line[:9] == patterns.LOSS_START or not _evaluates(row)):
            self._take_step(row, number, line)
        elif "train_runtime" in row:
            facts.trained = LogLine(self.file, number, text_of(line))
        elif _evaluates(row):
            values = {key: finite(value) for key, value in row.items()}
            _append_thinned(facts.evaluations, EvalRow(values, number), MAX_ROWS)
        self._note_progress(number, row)

    def _take_step(self, row: dict[str, float], number: int, line: bytes) -> None:
        facts = self.facts
        facts.steps_seen += 1
        if facts.first_step is None:
            facts.first_step = LogLine(self.file, number, text_of(line))
        values: dict[str, float | None] = dict(row)
        if finite(sum(row.values())) is None:
            values = {key: finite(value) for key, value in row.items()}
        if values["loss"] is None or values.get("grad_norm", 0.0) is None:
            facts.non_finite_run += 1
            del facts.non_finite[MAX_EVIDENCE - 1 :]
            facts.non_finite.append(LogLine(self.file, number, text_of(line)))
        else:
            facts.non_finite_run = 0
            facts.in_doubt = False
        _append_thinned(facts.steps, _step_row(values, number), MAX_ROWS)

    def _note_progress(self, number: int, row: dict[str, float]) -> None:
        facts = self.facts
        step, epoch = finite(row.get("step")), finite(row.get("epoch"))
        if step is not None:
            facts.last_step = max(facts.last_step or 0, int(step))
        if epoch is not None:
            facts.last_epoch = max(facts.last_epoch or 0.0, epoch)
        facts.progress_line = number

    def _note_bars(self, block: bytes, breaks: int) -> None:
        """Look at a few bars, spread over a block with this many line breaks."""
        if patterns.BAR_MARK not in block:
            return
        stride = max(1, len(block) // BARS_IN_A_BLOCK)
        ends = reversed(range(len(block), 0, -stride))
        bars = [bar for end in ends if (bar := parse_bar(_text_before(block, end)))]
        if bars:
            number = self.line + breaks - block.count(b"\n", self._where_reached(bars[-1], block))
        for total, sample in bars:
            self._note_bar(total, sample, number)

    def _where_reached(self, bar: tuple[int, ProgressSample], block: bytes) -> int:
        """Where the last bar's step is shown, and where first, if something fails in this block.

        A bar that is drawn again, as after a traceback, is no progress.
        """
        total, sample = bar
        text = b" %d/%d [" % (sample.step, total)
        failed = max((cause.at.line or 0 for cause in self.facts.causes), default=0)
        fails = max(failed, self.facts.uncaught) >= self.line
        return max(0, block.find(text) if fails else block.rfind(text))

    def _note_bar(self, total: int, sample: ProgressSample, number: int) -> None:
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
        facts.progress_line = max(facts.progress_line, number)
        text = f"progress bar at step {sample.step} of {total}"
        facts.first_step = facts.first_step or LogLine(self.file, number, text)


def _may_matter(text: bytes) -> bool:
    return bool(_is_interesting(text) or (b"nan" in text and causes.NAN.search(text)))


def _text_before(block: bytes, end: int) -> bytes:
    """The text between two line breaks of either kind that holds the byte before `end`."""
    start = max(block.rfind(b"\r", 0, end - 1), block.rfind(b"\n", 0, end - 1)) + 1
    return block[start : start + LONGEST_BAR]


def _parts_of_attempts(block: bytes) -> Iterator[bytes]:
    """Cut before each text that opens an attempt: a bar, even on its line, is of the attempt before."""
    start = 0
    at = block.find(patterns.IDENTITY_ANCHOR, 1)
    while at >= 0:
        yield block[start:at]
        start, at = at, block.find(patterns.IDENTITY_ANCHOR, at + 1)
    yield block[start:]


def _thinning(seen: int) -> int:
    """Of training lines of which `seen` were seen, one is read where these bits of its number are 0."""
    return (1 << (seen // MAX_ROWS).bit_length()) - 1


def _rows(lines: list[bytes]) -> int:
    return sum(line[:9] == patterns.LOSS_START for line in lines)


def _shortened(line: bytes) -> bytes:
    """Both ends of a line, and the optimizer line if that is in it."""
    anchor = line.find(patterns.OPTIMIZER_ANCHOR)
    start = max(0, anchor - 100)
    middle = line[start : start + 300] if anchor >= 0 else b""
    return line[: LONGEST_READ // 2] + b" " + middle + b" " + line[-LONGEST_READ // 2 :]


def _training_row(line: bytes) -> dict[str, float] | None:
    """What a dict line says of the training; None for other dicts."""
    row = parse_row(line)
    if row and ("loss" in row or "train_runtime" in row or _evaluates(row) or row.keys() & {"epoch", "step"}):
        return row
    return None


def _evaluates(row: dict[str, float]) -> bool:
    return any("eval_" in key for key in row)


def _step_row(row: dict[str, float | None], line: int) -> StepRow:
    step = row.get("step")
    return StepRow(
        epoch=row.get("epoch"),
        step=None if step is None else int(step),
        loss=row.get("loss"),
        grad_norm=row.get("grad_norm"),
        learning_rate=row.get("learning_rate"),
        cls_backbone_learning_rate=row.get("cls_backbone_learning_rate"),
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
