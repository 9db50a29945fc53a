"""The training curve of a growing trainer_log.jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lrdash.results.steps import StepReader, StepSeries, parse_clock


def line(step: int, loss: float, elapsed: str = "0:00:01", **more: object) -> str:
    row = {"current_steps": step, "total_steps": 100, "loss": loss, "lr": 2e-5, "epoch": step / 10}
    return json.dumps({**row, "elapsed_time": elapsed, **more}) + "\n"


def test_new_lines_are_added_and_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(line(10, 0.9) + line(20, 0.8)[:15])
    reader = StepReader(path)
    assert list(reader.read().steps) == [10]
    with path.open("a") as file:
        file.write(line(20, 0.8)[15:])
    series = reader.read()
    assert list(series.steps) == [10, 20]
    assert list(series.columns["loss"]) == [0.9, 0.8]
    assert series.total_steps == 100
    assert reader.read() is series


def test_a_resume_drops_what_its_checkpoint_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    lines = [line(step, step / 100, f"0:00:{step:02}") for step in (10, 20, 30, 40)]
    path.write_text("".join(lines) + line(30, 9.0, "0:00:05") + line(50, 8.0, "0:00:09"))
    series = StepReader(path).read()
    assert list(series.steps) == [10, 20, 30, 50]
    assert list(series.columns["loss"]) == [0.1, 0.2, 9.0, 8.0]
    assert list(series.columns["seconds"]) == [10.0, 20.0, 25.0, 29.0]
    assert series.clock_starts == {30}


def test_an_evaluation_joins_the_step_it_was_made_at(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    evaluation = {
        "current_steps": 10,
        "total_steps": 100,
        "eval_loss": 0.5,
        "eval_accuracy": 0.7,
        "epoch": 1.0,
    }
    path.write_text(line(10, 0.9) + json.dumps(evaluation) + "\n" + line(20, 0.8))
    series = StepReader(path).read()
    (row,) = series.evaluations()
    assert (row["step"], row["loss"], row["eval_accuracy"]) == (10, 0.9, 0.7)
    assert list(series.points("eval_loss")[0]) == [10]


def test_a_replaced_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(line(10, 0.9) + line(20, 0.8))
    reader = StepReader(path)
    reader.read()
    path.write_text(line(10, 0.5))
    assert list(reader.read().columns["loss"]) == [0.5]
    path.unlink()
    assert len(reader.read()) == 0


class Fleeting(type(Path())):  # type: ignore[misc]
    """A file in whose place another one comes just after it was opened."""

    def open(self, *arguments: Any, **named: Any) -> Any:  # type: ignore[override]
        file = super().open(*arguments, **named)
        if arguments == ("rb",) and (new := self.with_suffix(".new")).exists():
            new.replace(self)
        return file


def test_a_file_that_is_replaced_while_it_is_read_is_read_whole(tmp_path: Path) -> None:
    path = Fleeting(tmp_path / "trainer_log.jsonl")
    path.write_text(line(10, 0.9))
    path.with_suffix(".new").write_text(line(5, 0.8) + line(10, 0.7))
    reader = StepReader(path)
    assert list(reader.read().columns["loss"]) == [0.9]
    assert list(reader.read().columns["loss"]) == [0.8, 0.7]


def test_rows_of_other_tools_and_broken_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "trainer_log.jsonl"
    progress = '{"current_steps": 5, "total_steps": 9, "percentage": 55.0, "elapsed_time": "0:00:01"}\n'
    path.write_text(progress + "not json\n[1]\n\n" + line(10, float("nan"), grad_norm="inf") + line(20, 0.8))
    series = StepReader(path).read()
    assert list(series.points("loss")[0]) == [20]


def test_days_are_read() -> None:
    assert parse_clock("1 day, 3:04:05") == 97445
    assert parse_clock("2 days, 0:00:01.5") == 172801
    assert parse_clock("soon") is None
    assert parse_clock("9" * 400 + ":00:00") is None


def test_a_history_with_numbers_as_text_is_a_series() -> None:
    series = StepSeries.of_rows([{"loss": "6.112", "epoch": "1", "step": 10}])
    assert series.row(0) == {"loss": 6.112, "epoch": 1.0, "step": 10}


@pytest.mark.parametrize("count", [20_000])
def test_a_long_log_is_read_on_not_again(tmp_path: Path, count: int) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text("".join(line(step, 0.5) for step in range(1, count + 1)))
    reader = StepReader(path)
    assert len(reader.read()) == count
    with path.open("a") as file:
        file.write(line(count + 1, 0.4))
    taken: list[int] = []
    reader._take = lambda block, take=reader._take: (taken.append(len(block)), take(block))  # type: ignore[method-assign,assignment,misc]
    assert len(reader.read()) == count + 1
    assert taken == [len(line(count + 1, 0.4))]
