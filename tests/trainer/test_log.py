"""What a run prints, and what it appends to trainer_log.jsonl."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import termios
import threading
from pathlib import Path

import pytest

from tests.trainer.trainings import Training, train, words
from tests.waiting import wait_until
from trainer import log
from trainer.log import Heartbeat


@pytest.fixture(scope="module")
def run(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    changes = {"cls_backbone_learning_rate": 2e-6, "cutoff_len": 30}
    return train(words(demo_data, **changes), tmp_path_factory.mktemp("log"))


@pytest.mark.training
def test_a_log_file_holds_plain_lines(run: Training) -> None:
    assert "\r" not in run.out + run.err
    assert "\x1b" not in run.out + run.err
    folder = r"\S+/data/python_docstrings"
    expected = [
        r"\[INFO\] Process rank: 0, world size: 1, device: cpu, compute dtype: torch\.float32",
        rf"\[INFO\] Loading dataset python_docstrings_train: 40 rows from {folder}_train",
        rf"\[INFO\] Loading dataset python_docstrings_test: 20 rows from {folder}_test",
        r"\[INFO\] Cut \d+ of 40 inputs of python_docstrings_train to cutoff_len=30 tokens",
        r"\[INFO\] Trainable parameters: backbone=2,097,024, head=768",
        r"\[INFO\] Using custom classification optimizer with backbone_lr=2\.00e-06, head_lr=2\.00e-05",
        r"\[INFO\] Saving model checkpoint to saves/checkpoint-epoch1",
        r"\*\*\*\*\* predict metrics \*\*\*\*\*",
    ]
    found = [re.search(f"^{line}$", run.out, re.MULTILINE) for line in expected]
    assert all(found), expected[found.index(None)]
    assert [match.start() for match in found if match] == sorted(match.start() for match in found if match)
    assert "Total train batch size (w. parallel, distributed & accumulation) = 16" in run.err


@pytest.mark.training
def test_rows_are_python_mappings_of_numbers(run: Training) -> None:
    lines = [line for line in run.out.splitlines() if line.startswith("{")]
    rows = [ast.literal_eval(line) for line in lines]
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4, 5, 6]
    assert [row["epoch"] for row in rows if "eval_loss" in row] == [1.0, 2.0]
    assert all(isinstance(value, int | float) for row in rows for value in row.values())


@pytest.mark.training
def test_the_trainer_log_has_llamafactorys_keys_rates_and_throughput(run: Training) -> None:
    text = (run.folder / "results" / "run" / "trainer_log.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    steps = [row for row in rows if "loss" in row]
    assert [row["current_steps"] for row in steps] == [1, 2, 3, 4, 5, 6]
    for row in steps:
        assert row["total_steps"] == 6
        assert row["lr"] == row["learning_rate"] == pytest.approx(10 * row["cls_backbone_learning_rate"])
        assert row["tokens_per_second"] > row["samples_per_second"] > 0
        assert re.fullmatch(r"\d+:\d\d:\d\d", row["elapsed_time"])
    assert steps[-1]["percentage"] == 100
    lengths = steps[2]["total_tokens"]
    assert steps[5]["total_tokens"] == 2 * lengths  # both epochs have all rows


def on_a_terminal(_rank: int) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    os.dup2(slave, 2)

    def drain() -> None:
        with Path("terminal").open("wb", buffering=0) as file:
            while data := os.read(master, 4096):
                file.write(data)

    threading.Thread(target=drain, daemon=True).start()


@pytest.mark.training
def test_a_terminal_shows_a_bar_and_whole_lines(demo_data: Path, tmp_path: Path) -> None:
    run = train(words(demo_data, num_train_epochs=1), tmp_path, hook=on_a_terminal)
    assert b"3/3" in (tmp_path / "terminal").read_bytes()
    assert [row["step"] for row in run.rows("loss")] == [1, 2, 3]


def test_a_silent_minute_is_filled_by_a_heartbeat(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "_last_line", -1e9)
    heartbeat = Heartbeat(seconds=0.05)
    heartbeat.doing("Step 120 of 300, epoch 2.40")
    heartbeat.start()
    said: list[str] = []

    def several() -> bool:
        said.extend(capsys.readouterr().out.splitlines())
        return len(said) >= 2

    wait_until(several, 10)
    heartbeat.stop()
    assert said[0] == "[INFO] Step 120 of 300, epoch 2.40"
    assert re.fullmatch(r"\[INFO\] Step 120 of 300, epoch 2\.40, for \d+ s", said[1])


def test_only_the_first_process_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    log.info("twice")
    assert capsys.readouterr().out == ""
