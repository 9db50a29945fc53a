"""Whole runs: what they leave behind, for text and vision, both kinds of rates."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.trainings import Training, train, words

pytestmark = pytest.mark.training

UNIFORM = {"cls_backbone_learning_rate": None}
SEPARATE = {"cls_backbone_learning_rate": 2e-6}
OPTIMIZER_LINE = "[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05"


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def separate_vision(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A vision run with separate rates; every test of this module may read it."""
    changes = {**SEPARATE, "num_train_epochs": 4}
    return train(words(demo_data, "vision", **changes), tmp_path_factory.mktemp("vision"))


@pytest.fixture(scope="module")
def uniform_text(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    return train(words(demo_data, "text", **UNIFORM), tmp_path_factory.mktemp("text"))


def test_separate_rates_print_the_optimizer_line_once(separate_vision: Training) -> None:
    assert separate_vision.out.splitlines().count(OPTIMIZER_LINE) == 1


def test_uniform_rates_do_not_print_the_optimizer_line(uniform_text: Training) -> None:
    assert "custom classification optimizer" not in uniform_text.out


def test_both_rates_stand_in_every_training_line(separate_vision: Training, uniform_text: Training) -> None:
    separate = separate_vision.rows("loss")
    assert len(separate) == 12
    for row in separate:
        assert row["cls_backbone_learning_rate"] == pytest.approx(row["learning_rate"] / 10, rel=1e-4)
    assert all(row["cls_backbone_learning_rate"] == row["learning_rate"] for row in uniform_text.rows("loss"))


def test_the_last_three_checkpoints_are_kept_and_one_can_resume(separate_vision: Training) -> None:
    saves = separate_vision.folder / "saves"
    kept = sorted(path.name for path in saves.glob("checkpoint-*"))
    assert kept == ["checkpoint-epoch2", "checkpoint-epoch3", "checkpoint-epoch4"]
    assert [path.parent.name for path in saves.glob("*/optimizer.safetensors")] == ["checkpoint-epoch4"]
    assert all((saves / name / "complete").is_file() for name in kept)


def test_results_hold_every_epoch_and_every_test_row(separate_vision: Training) -> None:
    results = separate_vision.folder / "results" / "run"
    every = read(results / "all_results.json")
    assert [row["epoch"] for row in every["epochs"]] == [1, 2, 3, 4]
    assert [row["step"] for row in every["epochs"]] == [3, 6, 9, 12]
    for row in every["epochs"]:
        assert row["loss"] > 0
        assert 0 <= row["eval_accuracy"] <= 1
        assert row["learning_rate"] == pytest.approx(10 * row["cls_backbone_learning_rate"])
    assert every["lrdash"]["label_names"] == ["class", "function"]
    assert every["lrdash"]["positive_label"] == "function"
    predictions = lines(results / "generated_predictions.jsonl")
    assert len(predictions) == every["lrdash"]["n_test"] == 20
    assert [row["id"] for row in predictions] == list(range(20))


def test_predict_results_are_flat_numbers(uniform_text: Training) -> None:
    predicted = read(uniform_text.folder / "results" / "run" / "predict_results.json")
    assert {"predict_accuracy", "predict_f1", "predict_loss"} <= predicted.keys()
    assert all(isinstance(value, int | float) for value in predicted.values())


def test_the_last_epoch_is_what_predicts(uniform_text: Training) -> None:
    every = read(uniform_text.folder / "results" / "run" / "all_results.json")
    assert every["predict_accuracy"] == every["epochs"][-1]["eval_accuracy"] == every["eval_accuracy"]
    assert every["predict_loss"] == pytest.approx(every["epochs"][-1]["eval_loss"], abs=1e-12)


def test_run_meta_says_what_was_trained(separate_vision: Training) -> None:
    meta = read(separate_vision.folder / "results" / "run" / "run_meta.json")
    groups = {group["part"]: group["initial_lr"] for group in meta["optimizer_groups"]}
    assert groups == {"head": 2e-5, "backbone": 2e-6}
    assert set(meta["parameters"]["frozen"]) == {"vision_tower", "multi_modal_projector"}
    assert meta["parameters"]["trainable"]["head"] == 2 * 256
    assert meta["finished"] is True
    assert meta["steps"] == 12
    assert meta["datasets"]["eval"]["rows"] == 20


def test_plain_transformers_loads_the_trained_text_model(uniform_text: Training) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    saves = uniform_text.folder / "saves"
    model = AutoModelForSequenceClassification.from_pretrained(saves)
    tokenizer = AutoTokenizer.from_pretrained(saves)
    for row in lines(uniform_text.folder / "results" / "run" / "generated_predictions.jsonl"):
        frame = tokenizer.apply_chat_template(
            [{"role": "user", "content": "\x02"}], tokenize=False, add_generation_prompt=True
        )
        before, after = (tokenizer.encode(part, add_special_tokens=False) for part in frame.split("\x02"))
        text = tokenizer.encode(row["text"], add_special_tokens=False)[: 40 - len(before) - len(after)]
        with torch.no_grad():
            logits = model(torch.tensor([before + text + after])).logits[0]
        assert logits.tolist() == pytest.approx(row["logits"], abs=1e-4)


def test_the_head_stands_in_a_file_of_its_own(uniform_text: Training) -> None:
    from safetensors import safe_open

    with safe_open(uniform_text.folder / "saves" / "cls_head.safetensors", framework="np") as head:
        assert head.get_tensor("score.weight").shape == (2, 384)
        assert head.metadata()["label_names"] == "concurrency\ndata"


# Evaluating afterwards


@pytest.fixture
def trained(uniform_text: Training, tmp_path: Path) -> Path:
    """A finished run's folders, to be changed."""
    for name in ("saves", "results"):
        shutil.copytree(uniform_text.folder / name, tmp_path / name)
    return tmp_path


ONLY_EVALUATE = {"do_train": None, "do_eval": True, "eval_strategy": None}


@pytest.mark.parametrize("model", ["saves", "saves/checkpoint-epoch2"])
def test_evaluating_a_runs_own_model_adds_to_its_results(demo_data: Path, trained: Path, model: str) -> None:
    results = trained / "results" / "run"
    before = {name: read(results / name) for name in ("all_results.json", "run_meta.json")}
    train(words(demo_data, model_name_or_path=model, **ONLY_EVALUATE), trained)
    after = {name: read(results / name) for name in before}
    assert not (trained / "results" / ".previous").exists()
    assert after["all_results.json"].keys() >= before["all_results.json"].keys()
    for key in ("epochs", "train_loss", "lrdash", "eval_accuracy"):
        assert after["all_results.json"][key] == before["all_results.json"][key]
    noted = after["run_meta.json"].pop("after_training")
    assert after["run_meta.json"] == before["run_meta.json"]
    assert (noted["finished"], noted["arguments"]["do_train"]) == (True, False)
    accuracy = before["all_results.json"]["eval_accuracy"]
    assert read(results / "eval_results.json")["eval_accuracy"] == accuracy
    assert "Nothing to do" in train(words(demo_data, **UNIFORM), trained).out


def change_head(saves: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(saves / "model.safetensors")
    weights["score.weight"] *= 2
    (saves / "model.safetensors").unlink()
    save_file(weights, saves / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("changes", [{"cutoff_len": 30}, {}], ids=["other-input", "other-model"])
def test_evaluating_anything_else_sets_the_results_aside(
    demo_data: Path, trained: Path, changes: dict[str, object]
) -> None:
    if not changes:
        change_head(trained / "saves")
    results = trained / "results" / "run"
    (results / "eval_results.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    train(words(demo_data, model_name_or_path="saves", **ONLY_EVALUATE, **changes), trained)
    (aside,) = (trained / "results" / ".previous").iterdir()
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == before
    assert read(results / "all_results.json")["epochs"] == []
    meta = read(results / "run_meta.json")
    assert (meta["finished"], meta["arguments"]["do_train"]) == (True, False)
