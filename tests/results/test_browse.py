"""Rows of the test set beside what every run said."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.errors import ResultsError
from lrdash.results.browse import MOST_VALUES, Browser
from lrdash.results.indexing import build_index
from lrdash.results.predictions import Predictions
from tests.results.making import LABELS, prediction_lines, write_lines


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """`good` is right in 45 of 50 rows, `bad` in 25; `bad` lists them in reverse."""
    good = prediction_lines(50, 0.9, seed=1)
    bad = prediction_lines(50, 0.5, seed=2)[::-1]
    paths = [write_lines(tmp_path / f"{name}.jsonl", lines) for name, lines in (("good", good), ("bad", bad))]
    return Browser({path.stem: Predictions(path, build_index(path)) for path in paths})


def right(browser: Browser, at: int) -> tuple[bool, ...]:
    return tuple(said.right for said in browser.row(at).said)


def test_every_kind_of_row_is_what_it_says(browser: Browser) -> None:
    verdicts = [right(browser, at) for at in range(browser.n)]
    assert browser.rows("errors", "good") == [at for at, said in enumerate(verdicts) if not said[0]]
    assert browser.rows("errors") == [at for at, said in enumerate(verdicts) if not all(said)]
    assert browser.rows("all wrong") == [at for at, said in enumerate(verdicts) if not any(said)]
    assert browser.rows("all right") == [at for at, said in enumerate(verdicts) if all(said)]
    assert browser.right_and_wrong("good", "bad") == [
        at for at, said in enumerate(verdicts) if said == (True, False)
    ]
    assert len(browser.rows("errors", "good")) == 5
    assert len(browser.rows("errors", "bad")) == 25
    assert browser.rows("disagreements") == [at for at, said in enumerate(verdicts) if said[0] != said[1]]


def test_a_row_is_shown_whole_with_every_runs_confidence(browser: Browser) -> None:
    view = browser.row(7)
    (good, _) = prediction_lines(50, 0.9, seed=1)[7], None
    assert (view.key, view.truth) == ("row7", LABELS[1])
    assert view.columns == {"id": "row7", "text": good["text"], "year": 2021}
    assert view.said[0].confidence == pytest.approx(max(good["probabilities"]))
    assert [said.run for said in view.said] == ["good", "bad"]


def test_rows_are_sorted_by_confidence(browser: Browser) -> None:
    rows = browser.by_confidence(browser.rows("errors", "bad"), "bad")
    confidences = [browser.row(at).said[1].confidence or 0 for at in rows]
    assert confidences == sorted(confidences, reverse=True)
    assert browser.by_confidence(rows, "bad", lowest_first=True) == rows[::-1]


def test_rows_are_chosen_by_a_column(browser: Browser) -> None:
    assert browser.column_names() == ("id", "text", "year")
    assert browser.categories() == ("year",)
    assert browser.accuracy_by("year", "bad").keys() == {"2020", "2021", "2022"}
    assert browser.where(range(50), "year", "2021") == list(range(1, 50, 3))
    total = browser.accuracy_by("year", "good")
    assert sum(hits for hits, _ in total.values()) == 45
    assert sum(rows for _, rows in total.values()) == 50
    assert browser.values("no such column") == ("null",) * 50


def test_confusions_stand_beside_each_other(browser: Browser) -> None:
    difference = browser.confusion_difference("good", "bad")
    assert sum(difference[at][at] for at in range(2)) == 20
    assert sum(map(sum, difference)) == 0
    assert sum(one.count for one in browser.reliability("good")) == 50


def test_runs_on_other_rows_are_refused(tmp_path: Path) -> None:
    paths = [write_lines(tmp_path / f"{n}.jsonl", prediction_lines(n, 0.9)) for n in (50, 60)]
    with pytest.raises(ResultsError, match="50 rows against 60"):
        Browser({path.stem: Predictions(path, build_index(path)) for path in paths})
    with pytest.raises(ResultsError, match="no run has predictions yet"):
        Browser({})


def test_texts_and_constants_are_no_categories(tmp_path: Path) -> None:
    lines = [{**row, "split": "test"} for row in prediction_lines(MOST_VALUES + 1, 0.9)]
    path = write_lines(tmp_path / "many.jsonl", lines)
    browser = Browser({"many": Predictions(path, build_index(path))})
    assert browser.categories() == ("year",)
    path.unlink()
    assert browser.where(range(4), "year", "2020") == [0, 3]  # read once


def test_rows_are_listed_without_the_file(browser: Browser, tmp_path: Path) -> None:
    view = browser.row(7)
    for path in tmp_path.glob("*.jsonl"):
        path.unlink()
    assert (browser.truth(8), browser.said(7)) == (LABELS[0], view.said)


def test_rows_in_order_are_read_a_block_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_lines(
        tmp_path / "rows.jsonl", [{**row, "text": "x" * 2000} for row in prediction_lines(500, 0.9)]
    )
    predictions = Predictions(path, build_index(path))
    read: list[int] = []
    block = Predictions.block
    monkeypatch.setattr(Predictions, "block", lambda self, at: read.append(at) or block(self, at))
    assert [predictions.row(at)["id"] for at in range(500)] == [f"row{at}" for at in range(500)]
    assert read == list(range(predictions.blocks))
    assert len(read) > 2
