"""Predictions files: what is read, what is refused, what is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lrdash.errors import ResultsError
from lrdash.results.documents import Labels
from lrdash.results.indexing import build_index
from lrdash.results.pairing import pair, row_order
from lrdash.results.predictions import SMALL, Predictions, PredictionStore
from tests.results.making import LABELS, prediction_lines, write_lines


def read(path: Path, labels: Labels | None = None) -> Predictions:
    return Predictions(path, build_index(path, labels or Labels()))


def rows_of(*pairs: tuple[Any, Any], **more: Any) -> list[dict[str, Any]]:
    return [
        {"predicted_label": guess, "true_label": truth, "id": at, **more}
        for at, (truth, guess) in enumerate(pairs)
    ]


def test_a_row_is_found_again_whole(tmp_path: Path) -> None:
    lines = prediction_lines(3000, 0.8)
    predictions = read(write_lines(tmp_path / "p.jsonl", lines))
    assert predictions.n == 3000
    for at in (0, 1, 1499, 2999):
        assert predictions.row(at) == lines[at]
    assert predictions.keys[7] == "row7"
    assert predictions.index.labels == LABELS


def test_rows_longer_than_a_block_are_read(tmp_path: Path) -> None:
    lines = [{**row, "text": "x" * 1_000_000} for row in prediction_lines(3, 1.0)]
    predictions = read(write_lines(tmp_path / "p.jsonl", lines))
    assert predictions.n == 3
    assert predictions.row(2) == lines[2]


def test_a_half_written_last_line_is_passed_over_and_said(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", prediction_lines(10, 0.8))
    with path.open("a") as file:
        file.write('{"true_label": "inter')
    predictions = read(path)
    assert predictions.n == 10
    assert "half-written" in predictions.index.notes[0]


def test_a_broken_line_inside_is_refused_with_its_number(tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in prediction_lines(10, 0.8)]
    lines[4] = lines[4][:30]
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ResultsError, match=r"p\.jsonl:5: not a line of predictions"):
        read(path)


@pytest.mark.parametrize("missing", ["true_label", "predicted_label", "id"])
def test_a_row_without_what_it_needs_is_refused(tmp_path: Path, missing: str) -> None:
    lines = prediction_lines(10, 0.8)
    del lines[6][missing]
    with pytest.raises(ResultsError, match=rf"p\.jsonl:7: has no '{missing}'"):
        read(write_lines(tmp_path / "p.jsonl", lines))


def test_null_is_no_label(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="has no 'true_label'"):
        read(write_lines(tmp_path / "p.jsonl", rows_of((None, "a"), ("a", "a"))))


def test_labels_keep_the_data_sets_own_type(tmp_path: Path) -> None:
    numbers = read(write_lines(tmp_path / "n.jsonl", rows_of((0, 1), (1, 1), (1, 0))))
    words = read(write_lines(tmp_path / "w.jsonl", rows_of(("no", "yes"), ("yes", "yes"), ("yes", "no"))))
    named = Labels(names=("reject", "accept"), positive="accept")
    named_numbers = read(tmp_path / "n.jsonl", named)
    assert (
        numbers.index.confusion == words.index.confusion == named_numbers.index.confusion == ((0, 1), (1, 1))
    )
    assert (numbers.labels, words.labels) == (("0", "1"), ("no", "yes"))


def test_an_unknown_label_is_refused_with_its_row(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", rows_of(("no", "no"), ("maybe", "no")))
    with pytest.raises(ResultsError, match="row 2 has the label 'maybe'; the label names are no, yes"):
        read(path, Labels(names=("no", "yes")))


@pytest.mark.parametrize(
    ("probabilities", "reason"),
    [
        ([0.5, 0.7], "sum to 1.2"),
        ([-0.5, 1.5], "sum to 1"),
        ([0.2, 0.3, 0.5], "has not 2 probabilities"),
        (None, "has not 2 probabilities"),
        ([float("nan"), 0.5], "has not 2 probabilities"),
    ],
)
def test_probabilities_that_are_none_leave_the_other_metrics(
    tmp_path: Path, probabilities: Any, reason: str
) -> None:
    lines = prediction_lines(10, 0.8)
    lines[3]["probabilities"] = probabilities
    index = build_index(write_lines(tmp_path / "p.jsonl", lines))
    assert index.quality.auroc is None
    assert sum(map(sum, index.confusion)) == 10
    assert any(reason in note for note in index.notes), index.notes


def test_probabilities_may_be_named(tmp_path: Path) -> None:
    lines = prediction_lines(40, 0.8)
    listed = build_index(write_lines(tmp_path / "l.jsonl", lines))
    for row in lines:
        row["probabilities"] = dict(zip(reversed(LABELS), reversed(row["probabilities"]), strict=True))
    named = build_index(write_lines(tmp_path / "n.jsonl", lines))
    assert named.quality == listed.quality
    assert named.labels == listed.labels


def test_predictions_that_are_not_the_most_probable_are_counted(tmp_path: Path) -> None:
    lines = prediction_lines(10, 1.0)
    lines[0]["predicted_label"] = LABELS[1]
    assert build_index(write_lines(tmp_path / "p.jsonl", lines)).notes == (
        "1 predicted labels are not the most probable class",
    )


def test_a_permuted_file_is_paired_by_id(tmp_path: Path) -> None:
    lines = prediction_lines(50, 0.8)
    first = read(write_lines(tmp_path / "a.jsonl", lines))
    second = read(write_lines(tmp_path / "b.jsonl", lines[::-1]))
    assert row_order(first, second) == list(range(49, -1, -1))
    counted = pair(first, second)
    assert (counted.only_first, counted.only_second, counted.both) == (0, 0, 40)


def test_rows_without_an_id_are_paired_by_their_content(tmp_path: Path) -> None:
    lines = [{key: value for key, value in row.items() if key != "id"} for row in prediction_lines(50, 0.8)]
    first = read(write_lines(tmp_path / "a.jsonl", lines))
    second = read(write_lines(tmp_path / "b.jsonl", lines[::-1]))
    assert first.index.identity == "content"
    assert pair(first, second).both == 40


def test_an_id_that_names_no_row_gives_way_to_the_content(tmp_path: Path) -> None:
    lines = [{**row, "id": "paper"} for row in prediction_lines(50, 0.8)]
    assert read(write_lines(tmp_path / "a.jsonl", lines)).index.identity == "content"


def test_rows_with_nothing_of_their_own_are_paired_by_order(tmp_path: Path) -> None:
    keys = ("probabilities", "predicted_label", "true_label")
    lines = [{key: row[key] for key in keys} for row in prediction_lines(50, 0.8)]
    first = read(write_lines(tmp_path / "a.jsonl", lines))
    assert first.index.identity == "order"
    assert pair(first, read(write_lines(tmp_path / "b.jsonl", lines))).both == 40
    with pytest.raises(ResultsError, match="not the same rows in the same order"):
        pair(first, read(write_lines(tmp_path / "c.jsonl", lines[1:] + lines[:1])))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines[:-1], "different test sets: 50 rows against 49"),
        (lambda lines: [{**row, "id": f"x{row['id']}"} for row in lines], "50 of 50 rows are in one only"),
        (lambda lines: lines[:-1] + lines[:1], "stands twice"),
        (
            lambda lines: [{**lines[0], "true_label": LABELS[1]}, *lines[1:]],
            "row row0 has another true label",
        ),
    ],
)
def test_other_rows_are_refused_with_the_reason(tmp_path: Path, change: Any, reason: str) -> None:
    lines = prediction_lines(50, 0.8)
    first = read(write_lines(tmp_path / "a.jsonl", lines))
    second = read(write_lines(tmp_path / "b.jsonl", change(lines)))
    with pytest.raises(ResultsError, match=reason):
        pair(first, second)


def test_scores_of_different_classes_are_refused_by_their_names(tmp_path: Path) -> None:
    first, second = (
        PredictionStore().read(write_lines(tmp_path / name, prediction_lines(50, 0.8)), Labels(LABELS, name))
        for name in LABELS
    )
    with pytest.raises(ResultsError, match=f"F1 is of another class: {LABELS[0]} against {LABELS[1]}"):
        pair(first, second)


def test_generated_text_of_the_sft_stage_is_read(tmp_path: Path) -> None:
    lines = [
        {"prompt": f"q{at}", "predict": guess, "label": "yes\n"}
        for at, guess in enumerate(("yes", "no", "yes"))
    ]
    predictions = read(write_lines(tmp_path / "p.jsonl", lines))
    assert predictions.labels == ("no", "yes")
    assert predictions.index.confusion == ((0, 0), (1, 2))


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    predictions = read(write_lines(tmp_path / "p.jsonl", []))
    assert (predictions.n, predictions.index.confusion) == (0, ())


def test_an_index_comes_from_the_cache_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = write_lines(tmp_path / "p.jsonl", prediction_lines(50, 0.8)), tmp_path / "cache"
    index = PredictionStore(cache).read(path).index
    with monkeypatch.context() as patched:
        patched.setattr("lrdash.results.predictions.build_index", lambda *_: pytest.fail("indexed again"))
        assert PredictionStore(cache).read(path).index == index
    write_lines(path, prediction_lines(50, 0.9))
    os.utime(path, ns=(1, 1))
    assert PredictionStore(cache).read(path).index != index


@pytest.mark.parametrize("damage", [b"", b"\x00" * 100, b"\x96\x03"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: bytes) -> None:
    path, cache = write_lines(tmp_path / "p.jsonl", prediction_lines(50, 0.8)), tmp_path / "cache"
    index = PredictionStore(cache).read(path).index
    for file in cache.iterdir():
        file.write_bytes(damage)
    assert PredictionStore(cache).read(path).index == index


def test_a_large_file_is_indexed_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{**row, "text": "x" * 10_000} for row in prediction_lines(1000, 0.8)]
    path = write_lines(tmp_path / "p.jsonl", lines)
    assert path.stat().st_size > SMALL
    here = build_index(path)
    monkeypatch.setattr("lrdash.results.predictions.build_index", lambda *_: pytest.fail("indexed here"))
    assert PredictionStore(tmp_path / "cache").read(path).index == here


def test_several_files_are_read_at_once_and_a_bad_one_does_not_harm(tmp_path: Path) -> None:
    good = write_lines(tmp_path / "a.jsonl", prediction_lines(50, 0.8))
    bad = tmp_path / "b.jsonl"
    bad.write_text("no\n")
    read = PredictionStore().read_all({good: Labels(), bad: Labels(), tmp_path / "none": Labels()})
    assert isinstance(read[good], Predictions)
    assert "b.jsonl:1" in str(read[bad])
    assert "cannot be read" in str(read[tmp_path / "none"])


def test_a_row_of_a_file_that_was_replaced_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", prediction_lines(50, 0.8))
    predictions = read(path)
    path.write_text("")
    with pytest.raises(ResultsError, match="row 4 is not where it was"):
        predictions.row(3)


def test_a_row_that_spans_lines_is_the_same_row(tmp_path: Path) -> None:
    lines = prediction_lines(10, 0.8)
    path = write_lines(tmp_path / "p.jsonl", lines)
    path.write_text(path.read_text().replace('"predicted_label"', '\n"predicted_label"', 1))
    predictions = read(path)
    assert [predictions.row(at) for at in range(10)] == lines


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    lines = prediction_lines(10, 0.8)
    path = write_lines(tmp_path / "p.jsonl", lines)
    path.write_text("\n" + path.read_text().replace("\n", "\n\n", 4))
    predictions = read(path)
    assert predictions.n == 10
    assert [predictions.row(at) for at in range(10)] == lines


def test_bytes_that_are_not_utf8_move_no_row(tmp_path: Path) -> None:
    lines = prediction_lines(10, 0.8)
    path = write_lines(tmp_path / "p.jsonl", lines)
    before, after = path.read_bytes().split(b"row 5, ")
    path.write_bytes(before + b"row 5, \xff" + after)
    predictions = read(path)
    assert predictions.n == 10
    assert "\N{REPLACEMENT CHARACTER}" in predictions.row(5)["text"]
    assert [predictions.row(at) for at in range(10) if at != 5] == lines[:5] + lines[6:]
