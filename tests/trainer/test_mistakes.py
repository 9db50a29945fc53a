"""What a user can get wrong: one line on stderr, no traceback, earlier results untouched."""

from __future__ import annotations

import itertools
import json
import resource
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.trainings import Hook, Interruption, Training, train, words
from tests.waiting import wait_until
from trainer import checkpoints
from trainer.results import TRAINER_LOG, TrainerLog

pytestmark = pytest.mark.training


def message(run: Training) -> str:
    """The one line of an error."""
    lines = [line for line in run.err.splitlines() if not line.startswith("[transformers]") and line.strip()]
    lines = [line for line in lines if not line.startswith("Training completed")]
    assert len(lines) == 1, run.err
    assert "Traceback" not in run.out
    return lines[0].removeprefix("[ERROR] ")


@pytest.fixture(scope="module")
def finished(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    return train(words(demo_data, num_train_epochs=1), tmp_path_factory.mktemp("finished"))


@pytest.fixture
def copy(finished: Training, tmp_path: Path) -> Path:
    """A finished run's folders, to be spoilt."""
    for name in ("saves", "results"):
        shutil.copytree(finished.folder / name, tmp_path / name)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_missing_data_set(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data, dataset="papers"), tmp_path, code=2)
    there = "python_docstrings_test, python_docstrings_train, python_pages_test, python_pages_train"
    assert message(run) == f"dataset 'papers' not found in {demo_data}/data; there are: {there}"
    assert not (tmp_path / "saves").exists()


def test_a_missing_model(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data, model_name_or_path=demo_data / "models" / "none"), tmp_path, code=2)
    assert message(run).endswith(f"{demo_data}/models holds: text, vision")


def test_two_processes_say_it_once(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data, dataset="papers"), tmp_path, processes=2, code=2)
    assert "not found" in message(run)
    assert (tmp_path / "1.err").read_text() == ""


def end_together(rank: int) -> None:
    """The first process keeps the store by which both talk; under torchrun it outlives them."""
    from trainer import processes

    end = processes.end

    def end_with_the_other(code: int) -> None:
        Path(f"{rank}.has-ended").touch()
        wait_until(Path(f"{1 - rank}.has-ended").exists, 30)
        end(code)

    processes.end = end_with_the_other  # type: ignore[assignment]


def test_two_processes_that_have_met_say_it_once(demo_data: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_data / "data", tmp_path / "data")
    rows = tmp_path / "data" / "python_docstrings_train" / "data.jsonl"
    rows.write_text(rows.read_text() + "no JSON\n")
    command = words(demo_data, dataset_dir="data")
    run = train(command, tmp_path, processes=2, code=2, hook=end_together)
    assert "data.jsonl" in message(run)
    assert "[ERROR]" not in (tmp_path / "1.err").read_text()


def test_other_arguments_than_the_checkpoints(demo_data: Path, copy: Path) -> None:
    before = contents(copy)
    run = train(words(demo_data, num_train_epochs=1, learning_rate=1e-5), copy, code=2)
    assert "learning_rate=2e-05 (now 1e-05)" in message(run)
    assert {
        path: content for path, content in contents(copy).items() if path in before and "/0." not in path
    } == before


def test_overwriting_starts_afresh_and_keeps_the_old_results(demo_data: Path, copy: Path) -> None:
    old = (copy / "results" / "run" / "generated_predictions.jsonl").read_bytes()
    train(words(demo_data, learning_rate=1e-5, overwrite_output_dir=True), copy)
    aside = list((copy / "results" / ".previous").iterdir())
    assert [(path.name.startswith("run-")) for path in aside] == [True]
    assert (aside[0] / "generated_predictions.jsonl").read_bytes() == old
    assert sorted(p.name for p in (copy / "saves").glob("checkpoint-*")) == [
        "checkpoint-epoch1",
        "checkpoint-epoch2",
    ]
    epochs = json.loads((copy / "results" / "run" / "all_results.json").read_text())["epochs"]
    assert [row["epoch"] for row in epochs] == [1, 2]


def test_a_folder_of_somebody_else(demo_data: Path, tmp_path: Path) -> None:
    (tmp_path / "saves").mkdir()
    (tmp_path / "saves" / "thesis.tex").write_text("precious")
    run = train(words(demo_data), tmp_path, code=2)
    assert "saves is not empty and holds no run of this trainer, but: thesis.tex" in message(run)


@pytest.fixture
def changed_data(demo_data: Path, tmp_path: Path) -> Path:
    """The demo's data, one row of the training set fewer."""
    shutil.copytree(demo_data / "data", tmp_path / "data")
    rows = tmp_path / "data" / "python_docstrings_train" / "data.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[1:]))
    return tmp_path / "data"


@pytest.mark.parametrize("is_finished", [True, False])
def test_other_data_than_the_checkpoints(
    demo_data: Path, copy: Path, changed_data: Path, is_finished: bool
) -> None:
    if not is_finished:
        (copy / "results" / "run" / "run_meta.json").unlink()
    before = contents(copy / "saves") | contents(copy / "results")
    run = train(words(demo_data, num_train_epochs=1, dataset_dir=changed_data), copy, code=2)
    where = "results/run" if is_finished else "saves/checkpoint-epoch1"
    changed = f"{where} is of other data: --dataset python_docstrings_train changed since; restore the rows"
    assert message(run).startswith(changed)
    assert contents(copy / "saves") | contents(copy / "results") == before


def rewrite_marker(folder: Path, **data: object) -> None:
    marker = json.loads((folder / checkpoints.COMPLETE).read_text())
    del marker["data"]
    (folder / checkpoints.COMPLETE).write_text(json.dumps(marker | data))


def test_a_marker_that_does_not_name_its_data_is_read(
    demo_data: Path, copy: Path, changed_data: Path
) -> None:
    (copy / "results" / "run" / "run_meta.json").unlink()
    rewrite_marker(copy / "saves" / "checkpoint-epoch1")
    run = train(words(demo_data, num_train_epochs=1, dataset_dir=changed_data), copy)
    assert "Resuming training from saves/checkpoint-epoch1" in run.out


def test_other_labels_than_the_checkpoints(demo_data: Path, copy: Path) -> None:
    (copy / "results" / "run" / "run_meta.json").unlink()
    rewrite_marker(copy / "saves" / "checkpoint-epoch1", data={"label_names": ["data", "concurrency"]})
    run = train(words(demo_data, num_train_epochs=1), copy, code=2)
    assert "was trained on the labels data, concurrency, not concurrency, data;" in message(run)


@pytest.mark.parametrize("changes", [{"resume_from_checkpoint": False}, {}], ids=["false", "no-marker"])
def test_no_checkpoint_is_deleted_unasked(demo_data: Path, copy: Path, changes: dict[str, object]) -> None:
    (copy / "results" / "run" / "run_meta.json").unlink()
    saves = copy / "saves"
    if not changes:
        (saves / "checkpoint-epoch1" / checkpoints.COMPLETE).unlink()
    before = contents(saves)
    run = train(words(demo_data, num_train_epochs=1, **changes), copy, code=2)
    assert message(run).startswith("saves holds checkpoint-epoch1, which starting afresh deletes; ")
    assert contents(saves) == before


def test_a_folder_of_somebody_else_stays_although_nothing_is_resumed(demo_data: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "saves" / "checkpoint-500"
    foreign.mkdir(parents=True)
    run = train(words(demo_data, resume_from_checkpoint=False), tmp_path, code=2)
    assert "saves is not empty and holds no run of this trainer, but: checkpoint-500" in message(run)
    assert foreign.is_dir()


@pytest.mark.parametrize(
    ("name", "words_of_it"),
    [("model.safetensors", "weights cannot be loaded"), (checkpoints.OPTIMIZER, "is damaged")],
)
def test_a_corrupt_checkpoint(demo_data: Path, copy: Path, name: str, words_of_it: str) -> None:
    (copy / "results" / "run" / "run_meta.json").unlink()
    (copy / "saves" / "checkpoint-epoch1" / name).write_bytes(b"\x00" * 100)
    run = train(words(demo_data, num_train_epochs=1), copy, code=2)
    assert words_of_it in message(run)


def test_a_checkpoint_of_another_model(demo_data: Path, copy: Path) -> None:
    run = train(words(demo_data, "vision", num_train_epochs=1), copy, code=2)
    assert "was trained with other arguments" in message(run)
    assert "model_name_or_path" in message(run)


@pytest.mark.parametrize("flag", ["output_dir", "results_dir"])
def test_a_file_where_a_folder_should_be(demo_data: Path, tmp_path: Path, flag: str) -> None:
    (tmp_path / "notes").write_text("mine")
    run = train(words(demo_data, **{flag: "notes/run"}), tmp_path, code=2)
    assert message(run) == f"--{flag} notes/run: notes is no folder; give another --{flag}"


def test_predicting_without_a_head(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data, do_train=None, eval_strategy=None), tmp_path, code=2)
    assert "has no classification head (score.weight); train it first" in message(run)


def test_predicting_with_a_trained_model_gives_its_predictions(
    demo_data: Path, finished: Training, tmp_path: Path
) -> None:
    model = finished.folder / "saves"
    changes = {"do_train": None, "eval_strategy": None, "dataset": "gone", "model_name_or_path": model}
    train(words(demo_data, **changes), tmp_path)
    results = "results/run/generated_predictions.jsonl"
    assert (tmp_path / results).read_text() == (finished.folder / results).read_text()


def test_a_test_set_of_one_class_has_all_results_but_auroc(
    demo_data: Path, finished: Training, tmp_path: Path
) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "data.jsonl").write_text(json.dumps({"text": "Append an item.", "label": "data"}))
    command = words(
        demo_data,
        do_train=None,
        do_eval=True,
        model_name_or_path=finished.folder / "saves",
        dataset_dir=tmp_path,
        eval_dataset="pages",
    )
    run = train(command, tmp_path)
    found = json.loads((tmp_path / "results" / "run" / "predict_results.json").read_text())
    assert (found["predict_n"], found["predict_auroc"]) == (1, None)
    assert "predict_log_loss" in run.out


def test_a_loss_that_is_not_finite(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data, learning_rate=1e30, max_grad_norm=0, warmup_steps=0), tmp_path, code=1)
    assert message(run).startswith("non-finite loss: nan at step")


def checkpoints_of(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "saves").glob("*checkpoint-*"))


def lose_the_loss(rank: int) -> None:
    """Of the second pass of the second epoch, on the last process alone."""
    from trainer import engine
    from trainer.processes import world_size

    calls, own = itertools.count(1), engine.batch_loss

    def batch_loss(*args: Any, **kwargs: Any) -> Any:
        diverged = next(calls) == 5 and rank == world_size() - 1
        return own(*args, **kwargs) * (float("nan") if diverged else 1)

    engine.batch_loss = batch_loss


def lose_the_gradient(rank: int) -> None:
    """Of the last step of the second epoch: its loss is still that of the weights before."""
    from trainer.engine import Engine

    calls, clip = itertools.count(1), Engine._clip_grad_norm

    def clip_grad_norm(self: Any, model: Any) -> Any:
        if next(calls) == 6:
            next(model.parameters()).grad.fill_(float("inf"))
        return clip(self, model)

    Engine._clip_grad_norm = clip_grad_norm


@pytest.mark.parametrize(
    ("processes", "hook", "what"),
    [(1, lose_the_loss, "loss: nan"), (2, lose_the_loss, "loss: nan"), (1, lose_the_gradient, "grad_norm: ")],
)
def test_what_diverged_between_two_log_lines_is_not_saved(
    demo_data: Path, tmp_path: Path, processes: int, hook: Hook, what: str
) -> None:
    changes = {"logging_steps": 100, "save_total_limit": 1, "num_train_epochs": 3}
    command = words(demo_data, per_device_train_batch_size=16 // processes, **changes)
    run = train(command, tmp_path, processes=processes, code=1, hook=hook)
    assert message(run).startswith(f"non-finite {what}")
    assert message(run).split(";")[0].endswith(" at step 6")
    assert checkpoints_of(tmp_path) == ["checkpoint-epoch1"]
    assert (tmp_path / "saves" / "checkpoint-epoch1" / checkpoints.OPTIMIZER).is_file()


def lose_the_weights(_rank: int) -> None:
    from trainer.engine import Engine

    evaluate = Engine.evaluation_loop

    def evaluation_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
        next(self.model.parameters()).data.fill_(float("nan"))
        return evaluate(self, *args, **kwargs)

    Engine.evaluation_loop = evaluation_loop  # type: ignore[method-assign]


def test_logits_that_are_not_finite(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data), tmp_path, code=1, hook=lose_the_weights)
    assert message(run).startswith("non-finite logits: 20 of 20 rows at step 3; ")


def fill_the_disk(_rank: int) -> None:
    import collections

    usage = collections.namedtuple("usage", "total used free")
    shutil.disk_usage = lambda path: usage(10**9, 10**9, 10**6)  # type: ignore[assignment]


@pytest.mark.parametrize("when", ["epoch", "no"])
def test_too_little_disk_is_known_before_the_first_step(demo_data: Path, tmp_path: Path, when: str) -> None:
    """Also without checkpoints: the trained model and a stop's checkpoint are written in any case."""
    run = train(words(demo_data, save_strategy=when), tmp_path, code=2, hook=fill_the_disk)
    assert "too little disk" in message(run)
    assert "'loss'" not in run.out


DISK = 10**9
"""Bytes of a small disk that holds `saves` alone."""


def measure_a_small_disk(_rank: int) -> None:
    import collections

    usage = collections.namedtuple("usage", "total used free")

    def measure(path: Path) -> usage:
        files = {path.stat().st_ino: path.stat().st_size for path in Path("saves").rglob("*")}
        return usage(DISK, sum(files.values()), DISK - sum(files.values()))

    shutil.disk_usage = measure  # type: ignore[assignment]


def test_what_a_kill_inside_a_save_left_behind_takes_no_disk(demo_data: Path, tmp_path: Path) -> None:
    left = tmp_path / "saves" / ".writing-checkpoint-epoch1"
    left.mkdir(parents=True)
    (tmp_path / "saves" / checkpoints.ARGUMENTS).write_text("{}")
    with (left / "model.safetensors").open("wb") as file:
        file.truncate(DISK)
    train(words(demo_data, num_train_epochs=1), tmp_path, hook=measure_a_small_disk)
    assert not left.exists()


def test_starting_afresh_frees_the_model_that_was_trained_before(copy: Path) -> None:
    saves = copy / "saves"
    saved = saves / "checkpoint-epoch1" / "model.safetensors"
    (saves / "model.safetensors").unlink()
    (saves / "model.safetensors").hardlink_to(saved)
    checkpoints.remove_all(saves)
    assert not (saves / "model.safetensors").exists()
    assert (saves / "cls_head.safetensors").exists()  # a copy: not the checkpoint's own file


def no_space_left(_rank: int) -> None:
    import errno

    def write(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    checkpoints.write_json = write


def test_a_disk_that_fills_up(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data), tmp_path, code=1, hook=no_space_left)
    assert message(run).startswith("cannot write ")
    assert message(run).endswith("complete: No space left on device")


def allow_no_large_files(_rank: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


@pytest.mark.parametrize(("when", "what"), [("epoch", "saves/checkpoint-epoch1"), ("no", "saves")])
def test_a_disk_that_has_no_room_for_the_weights(
    demo_data: Path, tmp_path: Path, when: str, what: str
) -> None:
    command = words(demo_data, num_train_epochs=1, save_strategy=when)
    run = train(command, tmp_path, code=1, hook=allow_no_large_files)
    assert message(run).startswith(f"cannot write {what}: ")
    assert "File too large" in message(run)


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    (tmp_path / TRAINER_LOG).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as error:
        TrainerLog(tmp_path, 2).write(1, {})
    assert error.value.filename == str(tmp_path / TRAINER_LOG)


def test_a_line_that_was_left_half_written_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / TRAINER_LOG
    path.write_text('{"current_steps": 1}\n{"current_st')
    TrainerLog(tmp_path, 2).write(2, {})
    assert [json.loads(line)["current_steps"] for line in path.read_text().splitlines()] == [1, 2]


def several_nodes(_rank: int) -> None:
    import os

    os.environ["WORLD_SIZE"] = "4"
    os.environ["LOCAL_WORLD_SIZE"] = "2"


def test_several_nodes_are_refused(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data), tmp_path, code=2, hook=several_nodes)
    assert message(run) == "several nodes are not supported: start all processes of a run on one node"


def cut_the_pages(_rank: int) -> None:
    """When the model is loaded: after the data were read, before the first step."""
    from trainer import run

    load = run.load_classifier

    def spoil_and_load(*args: Any, **kwargs: Any) -> Any:
        for page in Path("data").rglob("*.png"):
            page.write_bytes(page.read_bytes()[:200])
        return load(*args, **kwargs)

    run.load_classifier = spoil_and_load


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_is_lost_while_training(demo_data: Path, tmp_path: Path, workers: int) -> None:
    shutil.copytree(demo_data / "data", tmp_path / "data")
    command = words(demo_data, "vision", dataset_dir="data", dataloader_num_workers=workers)
    run = train(command, tmp_path, code=1, hook=cut_the_pages)
    assert "any more: " in message(run)
    assert message(run).startswith("data/python_pages_train/pages/")
    assert message(run).endswith("start again: training goes on from the last checkpoint")


def test_out_of_memory_keeps_torchs_words_and_says_what_to_do(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data), tmp_path, code=1, hook=out_of_memory)
    assert message(run).startswith("torch.OutOfMemoryError: CUDA out of memory.")
    assert "Halve --per_device_train_batch_size and double --gradient_accumulation_steps" in message(run)


def out_of_memory(_rank: int) -> None:
    import torch

    from trainer.engine import Engine

    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    Engine.training_step = fail  # type: ignore[method-assign]


def lose_the_images(_rank: int) -> None:
    from trainer.data.images import ImageReader
    from trainer.errors import DataError

    def patches(_reader: ImageReader, image: object) -> Any:
        raise DataError("page.png cannot be read as an image: truncated")

    ImageReader.patches = patches  # type: ignore[method-assign]


def test_an_image_that_cannot_be_read_by_another_process(demo_data: Path, tmp_path: Path) -> None:
    command = words(demo_data, "vision", dataloader_num_workers=1)
    run = train(command, tmp_path, code=2, hook=lose_the_images)
    assert message(run) == "page.png cannot be read as an image: truncated"


def fail_alone(rank: int) -> None:
    if rank == 1:
        out_of_memory(rank)


def fail_unexpectedly(rank: int) -> None:
    from trainer.engine import Engine

    def fail(*_: object, **__: object) -> None:
        raise ValueError("nobody expects this")

    if rank == 1:
        Engine.training_step = fail  # type: ignore[method-assign]


def fail_while_the_other_waits_for_ever(rank: int) -> None:
    """As in NCCL, which does not notice that another process is gone."""
    from trainer.engine import Engine

    def wait(*_: object, **__: object) -> None:
        threading.Event().wait()

    if rank == 0:
        Engine.training_step = wait  # type: ignore[method-assign]
    fail_alone(rank)


@pytest.mark.parametrize(
    ("hook", "words_of_it"),
    [
        (fail_alone, "[rank1]: [ERROR] torch.OutOfMemoryError: CUDA out of memory."),
        (fail_unexpectedly, "[rank1]: ValueError: nobody expects this"),
        (fail_while_the_other_waits_for_ever, "[rank1]: [ERROR] torch.OutOfMemoryError: CUDA out of memory."),
    ],
)
def test_a_failure_of_another_than_the_first_process_is_told_and_ends_both(
    demo_data: Path, tmp_path: Path, hook: Hook, words_of_it: str
) -> None:
    run = train(words(demo_data), tmp_path, processes=2, code=1, hook=hook)
    assert [process.exitcode for process in run.processes] == [1, 1]
    assert words_of_it in (tmp_path / "1.err").read_text()
    assert "ForkServerProcess" not in (tmp_path / "1.err").read_text()  # ended before its interpreter did


def test_interruption_hooks_are_armed_once() -> None:
    """The helper itself: an unknown place is an error, not a silent test."""
    import signal

    with pytest.raises(AttributeError):
        Interruption("trainer.checkpoints:no_such_function", 1, signal.SIGTERM)(0)
