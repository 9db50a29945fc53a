"""Every parser of a results file on generated input: an answer or a plain refusal, nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdash.errors import ResultsError
from lrdash.results.candidates import Candidate, with_predictions
from lrdash.results.compare import compare
from lrdash.results.documents import epoch_rows, parse_labels, parse_meta
from lrdash.results.foreign import parse_arguments_yaml, parse_model_card
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from lrdash.results.steps import StepReader, parse_clock
from lrdash.results.values import UnreadableError, number, numbers, parse_json
from tests.results.making import prediction_lines

FEW, MANY = 40, 1000

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner)
)
KEYS = st.sampled_from(
    [
        "epoch",
        "step",
        "loss",
        "eval_loss",
        "eval_accuracy",
        "lr",
        "current_steps",
        "total_steps",
        "elapsed_time",
    ]
)
LOG_ROW = st.dictionaries(KEYS | st.text(max_size=5), SCALARS, max_size=9)
PREDICTION = st.fixed_dictionaries(
    {},
    optional={
        "true_label": SCALARS,
        "predicted_label": SCALARS,
        "probabilities": st.lists(st.floats(), max_size=3) | JSON,
        "id": SCALARS,
        "text": st.text(max_size=20),
    },
)

Test = Callable[..., None]


def refused_in_one_line(error: Exception) -> None:
    assert str(error)
    assert "\n" not in str(error)


def few_and_many(strategy: st.SearchStrategy[Any]) -> Callable[[Test], Test]:
    """The test for a few generated inputs, and for many under `-m fuzz`."""

    def decorate(test: Test) -> Test:
        @pytest.mark.parametrize(
            "examples", [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.fuzz)]
        )
        def run(tmp_path: Path, examples: int) -> None:
            quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
            checked = settings(max_examples=examples, deadline=None, suppress_health_check=quiet)
            checked(given(strategy)(lambda data: test(tmp_path, data)))()

        run.__doc__ = test.__doc__
        return run

    return decorate


@few_and_many(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_json_or_unreadable(folder: Path, data: bytes) -> None:
    try:
        parse_json(data)
    except UnreadableError as error:
        refused_in_one_line(error)


@few_and_many(JSON)
def test_any_json_is_a_document(folder: Path, data: Any) -> None:
    for row in (*epoch_rows(data), numbers(data)):
        assert all(value is None or math.isfinite(value) for value in row.values())
    parse_labels(data)
    if isinstance(data, dict):
        parse_meta(data)
        parse_meta({"attempt": data, "datasets": data, "optimizer_groups": [data], "peak_memory": data})
    assert number(data) is None or math.isfinite(number(data) or 0.0)
    parse_clock(data)


@few_and_many(st.lists(LOG_ROW, max_size=8))
def test_any_log_rows_are_a_rising_series(folder: Path, data: list[dict[str, Any]]) -> None:
    path = folder / "trainer_log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in data))
    series = StepReader(path).read()
    assert list(series.steps) == sorted(set(series.steps))
    assert all(len(column) == len(series) for column in series.columns.values())
    epochs = [row["epoch"] for row in epoch_rows(data)]
    assert epochs == sorted(set(epochs), key=lambda epoch: epoch or 0)


@few_and_many(st.binary(max_size=300))
def test_any_bytes_are_a_results_folder(folder: Path, data: bytes) -> None:
    for name in (
        "all_results.json",
        "trainer_state.json",
        "trainer_log.jsonl",
        "run_meta.json",
        "eval_results.json",
    ):
        (folder / name).write_bytes(data)
    reader = ResultsReader()
    reader.read(folder, folder)
    reader.steps(folder, folder)


@few_and_many(st.lists(PREDICTION, max_size=6))
def test_any_predictions_are_compared_or_refused(folder: Path, data: list[dict[str, Any]]) -> None:
    path = folder / "generated_predictions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in data))
    try:
        predictions = PredictionStore().read(path)
    except ResultsError as error:
        refused_in_one_line(error)
        return
    candidate = Candidate("a", "a", predictions=predictions)
    document = msgspec.json.encode(compare([candidate, candidate]))
    assert b"NaN" not in document
    for at in range(predictions.n):
        predictions.row(at)


@few_and_many(st.tuples(st.integers(0, 2000), st.integers(0, 255), st.booleans()))
def test_a_damaged_predictions_file_gives_no_wrong_number(folder: Path, data: tuple[int, int, bool]) -> None:
    """One byte of a good file changed, or the file cut there: the accuracy of its rows, or a refusal."""
    at, byte, cut = data
    good = "".join(json.dumps(row) + "\n" for row in prediction_lines(12, 0.75)).encode()
    at %= len(good)
    path = folder / "generated_predictions.jsonl"
    path.write_bytes(good[:at] if cut else good[:at] + bytes([byte]) + good[at + 1 :])
    (candidate,) = with_predictions(
        [Candidate("a", "a", results=ResultsReader().read(folder, folder))], PredictionStore()
    )
    if candidate.predictions is None:
        assert candidate.problem
        return
    rows = [candidate.predictions.row(at) for at in range(candidate.predictions.n)]
    right = sum(row["true_label"] == row["predicted_label"] for row in rows)
    confusion = candidate.predictions.index.confusion
    assert sum(row[place] for place, row in enumerate(confusion)) == right


@few_and_many(st.text(max_size=300))
def test_any_text_is_a_card_or_none(folder: Path, data: str) -> None:
    parse_model_card(f"The following hyperparameters were used during training:\n- {data}: 1\n- lr: {data}\n")
    parse_arguments_yaml(data)
