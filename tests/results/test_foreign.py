"""Runs without a sweep file: a real run of the stock Trainer, and LLaMA-Factory's folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lrdash.errors import ResultsError
from lrdash.results.compare import compare
from lrdash.results.foreign import find_runs, foreign_candidates, parse_model_card, read_args
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from tests.results.making import epoch_row, prediction_lines, write_epochs, write_lines, write_meta, write_run
from tests.results.stock_training import ROWS, train

LLAMAFACTORY = Path(__file__).parent.parent / "data" / "results" / "llamafactory"


@pytest.mark.training
@pytest.mark.timeout(1800)
def test_a_stock_trainers_run_is_read(tmp_path: Path, training_lock: None) -> None:
    folder = tmp_path / "stock"
    train(folder)
    (run,) = find_runs([tmp_path])
    assert run.name == "stock"
    reader = ResultsReader()
    (candidate,) = foreign_candidates([run], reader, PredictionStore())
    results = candidate.results
    assert results.source == "trainer_state.json"
    assert [row["epoch"] for row in results.epochs] == [1.0, 2.0]
    assert all(row["eval_accuracy"] is not None and row["loss"] is not None for row in results.epochs)
    reported = json.loads((folder / "predict_results.json").read_text())
    assert results.predict == reported
    (summary,) = compare([candidate]).runs
    assert summary.n == ROWS
    assert summary.accuracy is not None
    assert summary.accuracy.value == pytest.approx(reported["predict_accuracy"])
    steps = reader.steps(folder, folder)
    assert list(steps.steps)[-1] == 12
    assert len(steps.points("loss")[0]) == 6
    # During the run only the checkpoints have a state.
    (folder / "trainer_state.json").unlink()
    shutil.rmtree(folder / "checkpoint-12")
    assert len(ResultsReader().read(folder, folder).epochs) == 1


def test_llamafactory_folders_are_read() -> None:
    runs = find_runs([LLAMAFACTORY])
    assert [(run.name, run.label) for run in runs] == [("full_lr_2e5", "2e-5"), ("full_lr_2e6", "2e-6")]
    reader = ResultsReader()
    first, second = foreign_candidates(runs, reader, PredictionStore())
    assert (first.results.source, second.results.source) == ("trainer_state.json", "trainer_log.jsonl")
    assert [row["eval_loss"] for row in first.results.epochs] == [0.61, 0.48]
    assert first.learning_rate == 2e-5
    series = reader.steps(runs[1].folder, runs[1].folder)
    assert list(series.steps) == [5, 10, 15, 20]
    assert first.group == second.group
    (group,) = compare([first, second]).groups
    assert [run.accuracy.value for run in group.runs if run.accuracy] == [0.875, 0.75]
    assert [(pair.only_run, pair.only_other) for pair in group.pairs] == [(0, 1)]


def test_only_runs_on_the_same_rows_are_compared(tmp_path: Path) -> None:
    for name, prefix in (("a", "x"), ("b", "x"), ("c", "other")):
        write_lines(tmp_path / name / "generated_predictions.jsonl", prediction_lines(40, 0.8, prefix=prefix))
    runs = foreign_candidates(find_runs([tmp_path]), ResultsReader(), PredictionStore())
    assert [run.group for run in runs] == ["a", "a", "c"]
    assert [len(group.pairs) for group in compare(runs).groups] == [1, 0]


def test_an_evaluation_has_no_rate(tmp_path: Path) -> None:
    """Its configuration is often the training's, with do_train: false."""
    for name, rate, trained in (("a", 1e-5, True), ("b", 2e-5, True), ("first epoch", 2e-5, False)):
        write_lines(tmp_path / name / "generated_predictions.jsonl", prediction_lines(40, 0.8))
        model = "text" if trained else "saves/a/checkpoint-epoch1"
        arguments = {"learning_rate": rate, "do_train": trained, "model_name_or_path": model}
        (tmp_path / name / "run_meta.json").write_text(json.dumps({"arguments": arguments}))
    runs = foreign_candidates(find_runs([tmp_path]), ResultsReader(), PredictionStore())
    assert [run.label for run in runs] == ["1e-5", "2e-5", "first epoch"]
    assert [run.learning_rate for run in runs] == [1e-5, 2e-5, None]


def test_labels_say_what_differs_among_runs_that_are_compared(tmp_path: Path) -> None:
    for model, prefix in (("text", "x"), ("vision", "y")):
        for rate in (2e-5, 2e-6):
            folder = tmp_path / f"{model}_{rate}"
            write_lines(folder / "generated_predictions.jsonl", prediction_lines(40, 0.8, prefix=prefix))
            arguments = {"learning_rate": rate, "model_name_or_path": model}
            (folder / "run_meta.json").write_text(json.dumps({"arguments": arguments}))
    write_lines(tmp_path / "zz" / "generated_predictions.jsonl", prediction_lines(40, 0.7, prefix="y"))
    runs = foreign_candidates(find_runs([tmp_path]), ResultsReader(), PredictionStore())
    assert [run.label for run in runs] == ["2e-5", "2e-6", "2e-5", "2e-6", "zz"]


def test_our_own_runs_are_runs_too(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "text_lr_2e5", (0.7, 0.8))
    arguments = {"learning_rate": 2e-5, "output_dir": "x"}
    (folder / "run_meta.json").write_text(json.dumps({"arguments": arguments}))
    assert [run.args for run in find_runs([folder])] == [arguments]
    assert [run.name for run in find_runs([tmp_path])] == ["results/demo/text_lr_2e5"]


def test_a_run_given_in_two_words_is_named_in_both(tmp_path: Path) -> None:
    for top in ("one", "two"):
        write_run(tmp_path / top, "same", (0.7, 0.8))
    names = [run.name for run in find_runs([tmp_path / "one", tmp_path / "two"])]
    assert len(set(names)) == 2


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"no run in it; a run's folder holds one of trainer_state\.json"):
        find_runs([tmp_path])
    with pytest.raises(ResultsError, match="no such folder"):
        find_runs([tmp_path / "none"])


def test_checkpoints_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoint-5").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint-5" / "trainer_state.json").write_text("{}")
    assert [run.name for run in find_runs([tmp_path])] == ["run"]


def test_a_model_card_names_its_hyperparameters() -> None:
    card = (
        "# x\n### Training hyperparameters\n\nThe following hyperparameters were used during training:\n"
        "- learning_rate: 2e-05\n- train_batch_size: 2\n- optimizer: Use ADAMW with betas=(0.9,0.999)\n"
        "- num_epochs: 6.0\n\n### Framework versions\n- Transformers: 5.6\n"
    )
    args = parse_model_card(card)
    assert args["learning_rate"] == 2e-5
    assert args["train_batch_size"] == 2
    assert args["num_epochs"] == 6.0
    assert "Transformers" not in args


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    (tmp_path / "training_args.bin").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    (tmp_path / "trainer_state.json").write_text("{}")
    assert read_args(tmp_path) == {}
    assert [run.name for run in find_runs([tmp_path])] == [tmp_path.name]


def test_runs_without_predictions_are_not_ranked(tmp_path: Path) -> None:
    """Nothing says that folders of one place were scored on the same rows."""
    for at, (name, rate) in enumerate((("a", 2e-5), ("b", 2e-6), ("c", 1e-5))):
        folder = tmp_path / name
        write_epochs(folder, [epoch_row(epoch, 0.7 + at / 10, 0.5, 0.5) for epoch in (1, 2, 3)])
        write_meta(folder, learning_rate=rate)
    runs = foreign_candidates(find_runs([tmp_path]), ResultsReader(), PredictionStore())
    (group,) = compare(runs).groups
    assert [run.accuracy.value for run in group.runs if run.accuracy] == pytest.approx([0.7, 0.8, 0.9])
    assert group.conclusion == (
        "Not ranked: without predictions nothing says that these runs were scored on the same rows.",
    )
    assert group.answers == ()
    assert not any("may be better" in caveat or "seed" in caveat for caveat in group.caveats)


def test_hours_are_those_of_all_processes(tmp_path: Path) -> None:
    write_epochs(tmp_path / "a", [epoch_row(epoch, 0.7, 0.5, 0.5) for epoch in range(1, 5)])
    (tmp_path / "a" / "run_meta.json").write_text(json.dumps({"processes": 4}))
    (run,) = foreign_candidates(find_runs([tmp_path]), ResultsReader(), PredictionStore())
    assert run.processes == 4
