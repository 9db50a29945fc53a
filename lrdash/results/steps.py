"""The training curve, step by step: trainer_log.jsonl as it grows.

The file is LLaMA-Factory's (docs/results-formats.md): one JSON object a logging step, appended to. After
a resume its steps go back to the checkpoint: what the earlier attempt logged beyond that point was thrown
away with its weights and is dropped here too.
"""

from __future__ import annotations

import math
import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrdash.results.values import Row, UnreadableError, number, parse_json

COLUMNS = {
    "loss": "loss",
    "eval_loss": "eval_loss",
    "grad_norm": "grad_norm",
    "lr": "learning_rate",
    "learning_rate": "learning_rate",
    "cls_backbone_learning_rate": "cls_backbone_learning_rate",
    "epoch": "epoch",
    "throughput": "throughput",
    "tokens_per_second": "throughput",
    "total_tokens": "total_tokens",
    "num_input_tokens_seen": "total_tokens",
}
"""Key in a file -> column of a series; every other `eval_*` key is a column too."""

READ_AT_ONCE = 4 * 2**20
LONGEST_LINE = 2**20
LARGEST_STEP = 2**53
_CLOCK = re.compile(r"(?:(\d{1,9}) days?, )?(\d{1,9}):(\d\d):(\d\d)(?:\.\d+)?")


@dataclass(frozen=True)
class StepSeries:
    """Columns over rising steps; NaN where a step has no value."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    columns: Mapping[str, array[float]] = field(default_factory=dict)
    total_steps: int | None = None
    clock_starts: frozenset[int] = frozenset()
    """Steps before which `seconds` is of another attempt: no time can be taken across."""
    version: int = 0
    """Grows with every change: what was drawn from an equal version is still right."""

    def __len__(self) -> int:
        return len(self.steps)

    def points(self, column: str) -> tuple[array[int], array[float]]:
        """Steps and values where the column has a value."""
        values = self.columns.get(column, array("d"))
        pairs = [
            (step, value) for step, value in zip(self.steps, values, strict=False) if not math.isnan(value)
        ]
        return array("q", [step for step, _ in pairs]), array("d", [value for _, value in pairs])

    def evaluations(self) -> tuple[Row, ...]:
        """The steps that were evaluated, as rows of log_history."""
        losses = self.columns.get("eval_loss", ())
        return tuple(self.row(at) for at, loss in enumerate(losses) if not math.isnan(loss))

    def row(self, at: int) -> Row:
        values = {name: column[at] for name, column in self.columns.items() if not math.isnan(column[at])}
        return {**values, "step": self.steps[at]}

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]]) -> StepSeries:
        """A series from rows of a log_history."""
        builder = SeriesBuilder()
        for row in rows:
            builder.add(row)
        return builder.series()


class SeriesBuilder:
    """Rows in the order they were logged -> a series with one entry a step."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.columns: dict[str, array[float]] = {}
        self.total_steps: int | None = None
        self.changes = 0
        self._earlier_seconds = 0.0
        self._last_clock = 0.0
        self._clock_starts: set[int] = set()

    def add(self, raw: Mapping[str, Any]) -> None:
        """One logged row; one without a step, or without anything measured, is passed over."""
        step = number(raw.get("step", raw.get("current_steps")))
        values = dict(_measured(raw))
        if step is None or not 0 <= step <= LARGEST_STEP or not (values.keys() - {"epoch"}):
            return
        at = self._place(int(step))
        if (clock := parse_clock(raw.get("elapsed_time"))) is not None:
            values["seconds"] = self._seconds(clock, at)
        for name, value in values.items():
            column = self.columns.get(name)
            if column is None:
                column = self.columns[name] = array("d", [math.nan]) * len(self.steps)
            column[at] = value
        total = number(raw.get("total_steps"))
        self.total_steps = self.total_steps if total is None else int(total)
        self.changes += 1

    def series(self) -> StepSeries:
        columns = {name: array("d", column) for name, column in self.columns.items()}
        starts = frozenset(self._clock_starts)
        return StepSeries(array("q", self.steps), columns, self.total_steps, starts, self.changes)

    def _place(self, step: int) -> int:
        """The entry of a step, at the end; later steps of an earlier attempt go."""
        if self.steps and step <= self.steps[-1]:
            kept = bisect_left(self.steps, step)
            if kept < len(self.steps) and self.steps[kept] == step == self.steps[-1]:
                return kept
            del self.steps[kept:]
            for column in self.columns.values():
                del column[kept:]
        self.steps.append(step)
        for column in self.columns.values():
            column.append(math.nan)
        return len(self.steps) - 1

    def _seconds(self, clock: float, at: int) -> float:
        """Seconds of the training that was kept; the file's clock starts again at every resume."""
        if clock < self._last_clock:
            kept = self.columns.get("seconds", array("d"))[:at]
            self._earlier_seconds = next((second for second in reversed(kept) if second == second), 0.0)
            self._clock_starts = {step for step in self._clock_starts if step < self.steps[at]}
            self._clock_starts.add(self.steps[at])
        self._last_clock = clock
        return self._earlier_seconds + clock


class StepReader:
    """One trainer_log.jsonl, read on from where the last read ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode = 0
        self._offset = 0
        self._partial = b""
        self._builder = SeriesBuilder()
        self._series = StepSeries()

    def read(self) -> StepSeries:
        """The series now. A replaced or shortened file is read again from its start."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._start_again()
                    self._inode = status.st_ino
                file.seek(self._offset)
                while block := file.read(READ_AT_ONCE):
                    self._take(block)
        except FileNotFoundError:
            self._start_again()
        except OSError:
            pass  # it cannot be read just now: what was read of it still holds
        if self._series.version != self._builder.changes:
            self._series = self._builder.series()
        return self._series

    def _start_again(self) -> None:
        self.__init__(self.path)  # type: ignore[misc]

    def _take(self, block: bytes) -> None:
        self._offset += len(block)
        *lines, self._partial = (self._partial + block).split(b"\n")
        if len(self._partial) > LONGEST_LINE:  # no log of training: its end is not waited for
            self._partial = b""
        for line in lines:
            try:
                row = parse_json(line) if line.strip() else None
            except UnreadableError:
                continue
            if isinstance(row, dict):
                self._builder.add(row)


def parse_clock(text: object) -> float | None:
    """`0:01:23`, `1 day, 3:04:05` -> seconds.

    >>> parse_clock("1 day, 3:04:05")
    97445.0
    """
    if not isinstance(text, str) or not (match := _CLOCK.fullmatch(text)):
        return number(text) if isinstance(text, int | float) else None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(days * 86400 + hours * 3600 + minutes * 60 + seconds)


def _measured(raw: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    for key, value in raw.items():
        name = COLUMNS.get(key) or (key if key.startswith("eval_") else None)
        if name and (parsed := number(value)) is not None:
            yield name, parsed
