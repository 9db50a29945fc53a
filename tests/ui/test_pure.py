"""What the screen computes without a screen: texts, rows, scales, reduction, figures."""

from __future__ import annotations

import doctest
import importlib
import random
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from lrdash.monitor.snapshot import Check, Metrics, Snapshot
from lrdash.results.steps import StepSeries
from lrdash.ui import format as text
from lrdash.ui.attention import News, concerns, in_words, news
from lrdash.ui.bindings import VIEW_TITLES, VIEWS
from lrdash.ui.columns import COLUMNS, TableContext, columns_that_fit, deltas, message
from lrdash.ui.curves import METRICS, CurveStore, drawn_runs
from lrdash.ui.dialogs.actions import action_items, to_submit
from lrdash.ui.glyphs import ASCII, UNICODE
from lrdash.ui.plot.figure import Figure, FigureOptions, Series
from lrdash.ui.plot.reduce import MinMaxPyramid
from lrdash.ui.plot.scale import Scale, ticks, value_scale, whole_ticks
from lrdash.ui.rows import Arrangement, GroupRow, arrange, baselines
from lrdash.ui.series import SeriesLook, series_looks
from lrdash.ui.state import other_group, run_with_index
from tests.ui import fakes


@pytest.mark.parametrize("module", ["format", "plot.scale"])
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"lrdash.ui.{module}"))
    assert result.attempted >= 2
    assert result.failed == 0


@given(st.text(max_size=60), st.integers(0, 40))
def test_fitted_text_fills_its_cells_exactly(words: str, width: int) -> None:
    assert cell_len(text.fit(text.plain(words), width)) == width


@given(st.text(max_size=200))
def test_plain_text_has_nothing_that_a_terminal_obeys(words: str) -> None:
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text.plain(words))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_glyph_is_one_cell(glyphs: object) -> None:
    for field in UNICODE.__struct_fields__:
        value = getattr(glyphs, field)
        if isinstance(value, str) and field != "plus_minus":
            assert all(cell_len(char) == 1 for char in value), field
    if glyphs is ASCII:
        assert all(str(getattr(ASCII, field)).isascii() for field in ASCII.__struct_fields__)


def test_clock_range_names_a_day_once() -> None:
    evening = datetime(2026, 11, 23, 20, 0)
    assert text.clock_range(evening, 3600 * 5, 3600 * 7) == "Tue 01:00–03:00"


# Rows


def keys(snapshot: Snapshot, arrangement: Arrangement) -> list[str]:
    return [row.key for row in arrange(snapshot, arrangement)]


def test_rows_stand_under_their_group() -> None:
    assert keys(fakes.half_way(), Arrangement()) == [
        "text:", "text:0", "text:1", "text:2", "vision:", "vision:0", "vision:1", "vision:2",
    ]  # fmt: skip


def test_folding_and_filtering() -> None:
    snapshot = fakes.half_way()
    assert keys(snapshot, Arrangement(folded=frozenset({"text"})))[:2] == ["text:", "vision:"]
    assert keys(snapshot, Arrangement(filter="failed")) == ["vision:", "vision:0"]
    assert keys(snapshot, Arrangement(filter="backbone text")) == ["text:", "text:2"]
    assert keys(snapshot, Arrangement(filter="nothing like this")) == []


def test_sorting_keeps_runs_without_a_value_last_both_ways_round() -> None:
    for reverse in (False, True):
        order = keys(fakes.half_way(), Arrangement("acc", reverse))
        assert order[-1] == "vision:2"
    assert keys(fakes.half_way(), Arrangement("acc", True))[1] == "text:0"


def test_a_group_tells_how_many_runs_are_in_which_state() -> None:
    group = arrange(fakes.half_way(), Arrangement())[4]
    assert isinstance(group, GroupRow)
    assert [(look.tally, count) for look, count in group.tally(UNICODE)] == [
        ("running", 1), ("pending", 1), ("failed", 1),
    ]  # fmt: skip


def test_deltas_are_against_the_chosen_baseline() -> None:
    snapshot = fakes.half_way()
    base = baselines(snapshot, {"text": "text:1", "vision": "gone"})
    assert base == {"text": "text:1", "vision": "vision:0"}
    found = deltas(snapshot.runs, snapshot, base, None)
    assert found["text:0"].value == pytest.approx(0.196)
    assert "vision:2" not in found


def test_important_columns_stay_longest() -> None:
    widths = {column.title: 8 for column in COLUMNS}
    shown = [[column.title for column in columns_that_fit(room, 2, widths)] for room in (15, 25, 200)]
    assert shown[0] == ["state"]
    assert shown[1] == ["state", "epoch"]
    assert len(shown[2]) == len(COLUMNS)


def test_messages_name_cause_remedy_and_silence() -> None:
    context = TableContext(datetime.fromisoformat(fakes.TAKEN_AT))
    said = {run.key: "".join(part for part, _ in message(run, context)) for run in fakes.half_way().runs}
    assert said["vision:0"].startswith("CUDA out of memory · halve per_device_train_batch_size")
    assert said["vision:1"] == "▲ silent 14 min"
    assert said["vision:2"] == "Priority · starts 14:20"
    assert said["text:0"] == ""


@pytest.mark.parametrize(
    ("expected", "said"),
    [("2026-11-23T23:00", "23:00"), ("2026-11-26T09:30", "Thu 09:30"), ("2026-12-03T09:30", "3 Dec 09:30")],
)
def test_a_start_on_another_day_says_which(expected: str, said: str) -> None:
    context = TableContext(datetime.fromisoformat(fakes.TAKEN_AT))
    run = replace(fakes.half_way().runs[-1], expected_start=f"{expected}:00+00:00", reason=None)
    words = message(replace(run, state="PENDING", reason_in_words=None), context)
    assert words == [(f"starts {said}", "muted")]


# Selection, attention, actions


def test_digits_and_the_other_group() -> None:
    snapshot = fakes.half_way()
    assert run_with_index(snapshot, "vision:2", 1) == "vision:1"
    assert run_with_index(snapshot, "vision:2", 7) is None
    assert other_group(snapshot, "text:2") == "vision:2"
    assert other_group(snapshot, "gone") is None


def test_attention_lists_the_gravest_first() -> None:
    found = concerns(fakes.half_way())
    assert [(concern.key, concern.role) for concern in found] == [
        ("vision:0", "error"), ("vision:1", "warning"), ("vision:1", "warning"),
    ]  # fmt: skip


def test_news_are_told_once() -> None:
    after = fakes.half_way()
    running = fakes.run("vision:0", state="RUNNING")
    before = fakes.copy(after, runs=tuple(running if run.key == "vision:0" else run for run in after.runs))
    assert in_words(news(before, after)) == [("vision 0  2e-5 FAILED: CUDA out of memory", True)]
    assert news(after, after) == []


def test_a_run_that_vanished_is_news() -> None:
    before = fakes.half_way()
    gone = fakes.run("text:2", state="UNKNOWN")
    after = fakes.copy(before, runs=tuple(gone if run.key == "text:2" else run for run in before.runs))
    assert in_words(news(before, after)) == [("text 2  2e-5, backbone 2e-6 UNKNOWN", True)]


def test_what_has_happened_to_many_runs_is_told_once() -> None:
    ended = [News(f"text:{index}", f"text {index}", "COMPLETED", False) for index in range(7)]
    failed = [News("a:0", "a 0", "FAILED", True), News("a:1", "a 1", "FAILED", True)]
    assert in_words([*ended, *failed]) == [
        ("7 runs (text 0, text 1, text 2…) COMPLETED", False), ("a 0, a 1 FAILED", True),
    ]  # fmt: skip


def test_epochs_that_a_failed_run_lacks_are_not_told_beside_its_failure() -> None:
    checks = (Check("epochs", "MISSING"), Check("rates", "WRONG_VALUE"))
    for state, told in (("FAILED", ["rates"]), ("CANCELLED", ["rates"]), ("COMPLETED", ["epochs", "rates"])):
        run = fakes.run("text:0", state=state, checks=checks)
        snapshot = fakes.copy(fakes.half_way(), runs=(run,))
        reasons = [concern.reason for concern in concerns(snapshot)]
        assert [name for name in ("epochs", "rates") if any(name in reason for reason in reasons)] == told
        blank = fakes.copy(snapshot, runs=(fakes.run("text:0", state=state),))
        assert [item.what.split()[1].strip(":") for item in news(blank, snapshot)] == told


def test_actions_follow_the_states() -> None:
    snapshot = fakes.half_way()
    running = [run for run in snapshot.runs if run.key == "text:2"]
    usable = {item.name for item in action_items(snapshot, running) if not item.unavailable}
    assert usable == {"submit", "submit_failed", "cancel", "requeue", "time_limit"}
    failed = [run for run in snapshot.runs if run.key == "vision:0"]
    assert "remedy" in {item.name for item in action_items(snapshot, failed) if not item.unavailable}
    assert to_submit(snapshot, only_failed=True) == to_submit(snapshot) == ["vision:0"]
    vanished = fakes.copy(snapshot, runs=(fakes.run("vision:0", state="UNKNOWN"),))
    assert to_submit(vanished, only_failed=True) == ["vision:0"]
    usable = {item.name for item in action_items(vanished, vanished.runs) if not item.unavailable}
    assert "cancel" not in usable
    assert to_submit(fakes.not_submitted()) == list(fakes.ACCURACY)


# Scales and figures


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_round_and_inside(low: float, span: float, count: int) -> None:
    scale = Scale(low, low + span)
    found = ticks(scale, count)
    assert len(found) <= 2 * count + 2
    slack = span * 1e-3 + abs(low) * 1e-9
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in found)


def test_epochs_are_whole_numbers() -> None:
    assert whole_ticks(1, 6, 9) == [1, 2, 3, 4, 5, 6]
    assert whole_ticks(1, 6, 3) == [2, 4, 6]


def test_log_scale_needs_positive_values() -> None:
    assert value_scale(1e-6, 1e-2, log=True).log
    assert not value_scale(0.0, 1.0, log=True).log


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=600), st.integers(1, 50))
def test_reduction_keeps_every_spike(values: list[float], buckets: int) -> None:
    pyramid = MinMaxPyramid((float(at), value) for at, value in enumerate(values))
    columns = pyramid.columns(0, len(values), buckets)
    assert min(low for _, low, _ in columns) == min(values)
    assert max(high for _, _, high in columns) == max(values)
    assert pyramid.extent == (min(values), max(values))
    assert len(columns) <= 2 * buckets + 2


def test_reduction_passes_over_what_is_no_number() -> None:
    pyramid = MinMaxPyramid([(0, 1.0), (1, float("nan")), (2, float("inf")), (1.5, 2.0), (1.0, 9.0)])
    assert list(pyramid.ys) == [1.0, 2.0]


def figure(width: int = 60, height: int = 14, **options: object) -> Figure:
    runs = fakes.half_way().runs
    series = CurveStore().series(runs, series_looks(runs), METRICS[0], "epoch", {})
    return Figure(series, FigureOptions(width, height, x_range=(1, 6), **options))  # type: ignore[arg-type]


@given(st.integers(1, 120), st.integers(3, 40), st.booleans())
def test_a_figure_fills_its_size_exactly(width: int, height: int, log: bool) -> None:
    drawn = figure(width + 9, height, log=log, crosshair=2.0)
    assert len(drawn.rows) == height
    for row in drawn.rows:
        assert cell_len("".join(part for part, _ in row)) == width + 9


def test_markers_are_as_many_as_finished_epochs() -> None:
    cells = "".join(part for row in figure(100, 30).rows[:-2] for part, _ in row)
    expected = {"●": 6, "■": 6, "▲": 3, "○": 1, "□": 2, "△": 0}
    assert {marker: cells.count(marker) for marker in expected} == expected


def test_curves_by_tokens_of_every_tool_that_counts_them() -> None:
    """LLaMA-Factory's trainer_log.jsonl and transformers' log_history; without a count there is no x."""
    logged = [{"current_steps": step, "loss": 1 / step, "total_tokens": 900 * step} for step in (10, 20, 30)]
    counted, told, silent = (fakes.run(f"text:{at}") for at in range(3))
    rows = ({"epoch": 1.0, "step": 25.0, "eval_loss": 0.5}, {"epoch": 2.0, "step": 30.0, "eval_loss": 0.4})
    counts = [{**row, "num_input_tokens_seen": 1000.0 * at} for at, row in enumerate(rows, 1)]
    counted = replace(counted, metrics=Metrics(epochs=rows))
    told = replace(told, metrics=Metrics(epochs=tuple(counts)))
    silent = replace(silent, metrics=Metrics(epochs=rows))
    runs = (counted, told, silent)
    steps = {"text:0": StepSeries.of_rows(logged)}
    series = CurveStore().series(runs, series_looks(runs), METRICS[2], "tokens", steps)
    assert [list(one.points.xs) for one in series] == [[9e3, 1.8e4, 2.7e4], [2.7e4, 2.7e4], [1e3, 2e3], []]


def test_the_crosshair_reads_every_run() -> None:
    read = {reading.series.key: reading.y for reading in figure(crosshair=2.0).readings()}
    assert read == {key: fakes.ACCURACY[key][1] for key in ("text:0", "text:1", "text:2", "vision:1")}


def test_the_crosshair_goes_from_epoch_to_epoch() -> None:
    assert figure().next_x(1) == 6.0
    assert figure(crosshair=2.0).next_x(-1) == 1.0
    assert figure(crosshair=1.0).next_x(-1) == 1.0


def test_an_empty_figure_says_so() -> None:
    drawn = Figure([], FigureOptions(40, 9))
    assert "nothing measured yet" in "".join(part for row in drawn.rows for part, _ in row)


def test_a_spike_of_a_long_series_is_drawn() -> None:
    noise = random.Random(1)
    values = [noise.random() for _ in range(50_000)]
    values[31_234] = 9.0
    line = Series("a", "a", SeriesLook(), MinMaxPyramid(enumerate(values)), markers=False)
    drawn = Figure([line], FigureOptions(100, 20, whole_x=False))
    top = "".join(part for part, _ in drawn.rows[1])
    assert any(0x2800 < ord(char) < 0x2900 for char in top)


def test_many_runs_are_reduced_to_those_that_can_be_told_apart() -> None:
    runs = [fakes.RunStatus(run=f"r{n}", group="text", index=n) for n in range(2000)]
    around = drawn_runs(runs, "text:1000", frozenset())
    assert len(around) == 24
    assert "text:1000" in {run.key for run in around}
    assert [run.key for run in drawn_runs(runs, "text:5", frozenset({"text:7"}))] == ["text:5", "text:7"]


def test_looks_tell_configurations_by_colour_and_groups_by_fill() -> None:
    looks = series_looks(fakes.half_way().runs)
    assert looks["text:1"].colour == looks["vision:1"].colour != looks["text:0"].colour
    assert looks["text:1"].marker(UNICODE) != looks["vision:1"].marker(UNICODE)


# The binding table


def test_names_are_unique_and_titled() -> None:
    for view, rows in VIEWS.items():
        assert view in VIEW_TITLES
        names = [row.name for row in rows]
        assert len(names) == len(set(names)), view
        bound = [key for row in rows for key in row.keys.split(",")]
        assert len(bound) == len(set(bound)), view


def test_metrics_of_a_run_without_epochs_are_its_predictions() -> None:
    from lrdash.ui.rows import metric

    run = fakes.run("text:0", metrics=Metrics(predict={"predict_accuracy": 0.5}))
    assert metric(run, "eval_accuracy") == 0.5
