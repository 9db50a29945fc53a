"""`lrdash results`, and the experiment's own jq loops beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lrdash.cli import main
from tests.results.making import (
    epoch_row,
    results_dir,
    write_epochs,
    write_finished_sweep,
    write_run,
    write_sweep,
)

LOOP = """
for dir in results/demo/*/; do
    echo "$(basename $dir):"
    jq '.{metric}' "$dir/predict_results.json" 2>/dev/null || echo "Not available yet"
done
"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def sweep_file(tmp_path: Path) -> str:
    return str(write_finished_sweep(tmp_path))


def run(capsys: Capture, *words: str) -> str:
    assert main(["results", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("metric", "ours"), [("predict_accuracy", "accuracy"), ("predict_f1", "f1")])
def test_the_experiments_loops_say_the_same(sweep_file: str, capsys: Capture, metric: str, ours: str) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    root = Path(sweep_file).parent.parent.parent
    done = subprocess.run(
        ["bash", "-c", LOOP.replace("{metric}", metric)], cwd=root, capture_output=True, text=True, check=True
    )
    printed = done.stdout.split()
    theirs = dict(zip(printed[::2], map(float, printed[1::2]), strict=True))
    report = json.loads(run(capsys, "-s", sweep_file, "--format", "json"))
    runs = [one for group in report["comparison"]["groups"] for one in group["runs"]]
    assert theirs == pytest.approx({f"{one['run']}:": one[ours]["value"] for one in runs}, abs=1e-9)


def test_one_run_shows_every_metric(sweep_file: str, capsys: Capture) -> None:
    text = run(capsys, "text:1", "-s", sweep_file)
    assert "accuracy           0.6200 (0.5511–0.6844)" in text
    assert "Confusion: rows are the truth" in text
    document = json.loads(run(capsys, "lr_2e6", "-s", sweep_file, "--format", "json"))
    assert document["reported"]["predict_accuracy"] == document["computed"]["accuracy"]["value"] == 0.62


def test_predictions_of_a_run_are_rows(sweep_file: str, capsys: Capture) -> None:
    words = ("text:0", "--predictions", "-s", sweep_file)
    folder = results_dir(Path(sweep_file).parent.parent.parent, "text_lr_2e5")
    lines = (folder / "generated_predictions.jsonl").read_text().splitlines()
    every = run(capsys, *words, "--format", "json").splitlines()
    assert [json.loads(line) for line in every] == [json.loads(line) for line in lines]
    errors = [json.loads(line) for line in run(capsys, *words, "--errors", "--format", "json").splitlines()]
    assert len(errors) == 10
    assert all(row["true_label"] != row["predicted_label"] for row in errors)
    table = run(capsys, *words, "--errors")
    assert table.count("✗") == 10


def test_predictions_are_chosen_by_a_column(sweep_file: str, capsys: Capture) -> None:
    words = ("text:0", "--predictions", "-s", sweep_file)
    text = run(capsys, *words, "--where", "year=2021")
    lines = [
        json.loads(line)
        for line in run(capsys, *words, "--where", "year=2021", "--format", "json").splitlines()
    ]
    assert {row["year"] for row in lines} == {2021}
    right = sum(row["true_label"] == row["predicted_label"] for row in lines)
    assert text.startswith(f"67 rows · year=2021: {right} of 67 right ({right / 67:.3f})\n")
    wrong = run(capsys, *words, "--errors", "--where", "year=2021")
    assert wrong.startswith(f"{67 - right} rows · year=2021: {right} of 67 right")
    assert main(["results", *words, "--where", "yaer=2021"]) == 2
    assert "no such column; there are id, text, year" in capsys.readouterr().err
    assert main(["results", *words, "--where", "year=1999"]) == 2
    assert "no row has this value; there are 2020, 2021, 2022" in capsys.readouterr().err


def test_one_run_goes_to_a_file_too(sweep_file: str, capsys: Capture, tmp_path: Path) -> None:
    for name, words in (("metrics", ()), ("rows", ("--predictions",))):
        path = tmp_path / name
        assert run(capsys, "text:0", "-s", sweep_file, *words, "--output", str(path)) == ""
        assert path.stat().st_size > 500


def test_the_baseline_is_any_run(sweep_file: str, capsys: Capture) -> None:
    assert "2e-6 [baseline]" in run(capsys, "-s", sweep_file, "--baseline", "text:1")
    assert "+33.0 (" in run(capsys, "-s", sweep_file, "--baseline", "text:1")


def test_a_group_is_compared_alone(sweep_file: str, capsys: Capture) -> None:
    whole, text = (
        json.loads(run(capsys, "-s", sweep_file, "--format", "json", *words)) for words in ([], ["text"])
    )
    assert text["comparison"]["groups"] == whole["comparison"]["groups"][:1]
    assert [one["run"] for one in text["provenance"]] == [
        one["run"] for one in whole["provenance"] if one["run"].startswith("text_")
    ]


def test_the_best_epoch_is_labelled_selected_on_test(sweep_file: str, capsys: Capture) -> None:
    text = run(capsys, "-s", sweep_file, "--epoch", "best")
    assert "best epoch, selected on test" in text
    assert "Selected on test:" in text


def test_folders_need_no_sweep_file(sweep_file: str, capsys: Capture) -> None:
    folder = Path(sweep_file).parent.parent.parent / "results"
    assert "0.950 (0.910–0.973)" in run(capsys, str(folder))


def test_a_report_goes_to_a_file(sweep_file: str, capsys: Capture, tmp_path: Path) -> None:
    assert run(capsys, "-s", sweep_file, "--format", "html", "--output", str(tmp_path / "r.html")) == ""
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["text:0"], "Confusion: rows are the truth"),
        (["text:0", "--format", "json"], '"computed"'),
        (["text:0", "--predictions", "--errors"], "✗"),
    ],
)
def test_one_run_goes_to_a_file(
    sweep_file: str, capsys: Capture, tmp_path: Path, words: list[str], said: str
) -> None:
    assert run(capsys, *words, "-s", sweep_file, "--output", str(tmp_path / "r.txt")) == ""
    assert said in (tmp_path / "r.txt").read_text()


def test_a_sweep_that_runs_shows_what_there_is(tmp_path: Path, capsys: Capture) -> None:
    sweep_file = write_sweep(tmp_path)
    folder = write_run(tmp_path, "text_lr_2e6", (0.6, 0.7))
    (folder / "generated_predictions.jsonl").unlink()
    text = run(capsys, "-s", str(sweep_file))
    assert "0.700 (0.633–0.759)" in text
    assert "Only 2e-6 has results: accuracy 0.700." in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nosuch"], "is no run of this sweep"),
        (["text:0", "text:1"], "give one RUN"),
        (["--predictions"], "name it"),
        (["text:0", "--format", "csv"], "one run is shown as table or json"),
        (["--format", "csv", "--output", "/proc/no/such"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    sweep_file: str, capsys: Capture, words: list[str], reason: str
) -> None:
    assert main(["results", *words, "-s", sweep_file]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert reason in captured.err


def test_a_run_without_predictions_says_so(tmp_path: Path, capsys: Capture) -> None:
    assert main(["results", "text:0", "--predictions", "-s", str(write_sweep(tmp_path))]) == 2
    assert "text_lr_2e5 has no predictions yet" in capsys.readouterr().err


def test_a_running_runs_confusion_has_its_class_names(tmp_path: Path, capsys: Capture) -> None:
    """Counts of an epoch, and no predictions yet."""
    sweep_file = write_sweep(tmp_path)
    counts = {"eval_tn": 80, "eval_fp": 20, "eval_fn": 30, "eval_tp": 70}
    write_epochs(results_dir(tmp_path, "text_lr_2e6"), [{**epoch_row(1, 0.75, 0.5, 0.5), **counts}])
    text = run(capsys, "text:1", "-s", str(sweep_file))
    lines = [line.split() for line in text.splitlines()]
    assert ["concurrency", "80", "20"] in lines
    assert ["internet", "30", "70"] in lines
