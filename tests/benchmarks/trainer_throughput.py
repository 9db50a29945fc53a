"""Tokens per second against transformers' own collator, on the same effective batches, to the same loss.

Lengths are log-normal, median 1,000 tokens, sigma 0.6, cut at 2,048; sixteen rows a step as 1 process x 2
rows x 8 passes. Everything but dealing, padding and mask is the same: engine, loss, optimizer, the rows of a
step. On a CPU the model is tiny and computes in float32, so only the ratios mean something, and the clock is
that of the process, which does not count what else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import DataCollatorWithPadding, Qwen2Config, Qwen2ForSequenceClassification, TrainerCallback

from tests.conftest import hold_training_lock
from trainer.command_line import parse
from trainer.data.batches import Collator
from trainer.data.examples import Example, Examples
from trainer.demo.checkpoints import make_tokenizer
from trainer.engine import Engine
from trainer.log import Heartbeat
from trainer.model.load import quiet_libraries
from trainer.processes import StopRequest
from trainer.training_arguments import training_arguments

MEDIAN, SIGMA, CUTOFF = 1000, 0.6, 2048
STEPS = 5
"""The first one warms up and is not measured."""
PASS_ROWS, PASSES = 2, 8
BUDGETS = {"longest": ("dynamic", 1.15), "max_length": ("cutoff", 1.5)}
"""transformers' names of its ways to pad."""


def rows() -> Iterator[tuple[str, str, float | None, float | None, bool | None]]:
    torch.set_num_threads(1)
    quiet_libraries()
    examples = make_examples()
    with hold_training_lock(), TemporaryDirectory() as folder:
        tokens, loss = measure(Ours(examples, Path(folder)))
        for padding, (name, limit) in BUDGETS.items():
            others, other_loss = measure(Theirs(examples, Path(folder), padding))
            ratio = tokens / others
            text = f"CPU: {tokens:,.0f} against {others:,.0f} tokens/s, last loss {loss:.5f} and"
            text += f" {other_loss:.5f}"
            held = ratio >= limit and abs(loss - other_loss) < 1e-4
            yield f"training against {name} padding", text, ratio, limit, held


def measure(engine: Ours) -> tuple[float, float]:
    """Tokens of rows (padding not counted) per second of the median step, and the loss of the last step."""
    result = engine.train()
    assert result.global_step == STEPS
    assert engine.batches is not None
    lengths = engine.examples.lengths
    tokens = [sum(lengths[row] for row in batch) for batch in engine.batches.effective_batches(0)]
    speeds = [
        count / (end - start)
        for count, start, end in zip(tokens[1:], engine.times, engine.times[1:], strict=False)
    ]
    return median(speeds), engine.last_loss


def make_examples() -> Examples:
    generator = np.random.default_rng(0)
    drawn = np.exp(generator.normal(np.log(MEDIAN), SIGMA, PASS_ROWS * PASSES * STEPS))
    lengths = np.clip(drawn, 8, CUTOFF).astype(int)
    return Examples(
        tuple(
            Example(generator.integers(20, 2000, size).tolist(), int(generator.integers(2)))
            for size in lengths
        ),
        cut=0,
    )


def make_model() -> Any:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=2000,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=0,
        num_labels=2,
        use_cache=False,
    )
    model = Qwen2ForSequenceClassification(config)
    model.accepts_loss_kwargs = False
    return model


class Ours(Engine):
    """The trainer's engine, with a clock."""

    def __init__(self, examples: Examples, folder: Path) -> None:
        words = (
            "--stage cls --do_train --model_name_or_path m --dataset d --num_train_epochs 1"
            f" --save_strategy no --per_device_train_batch_size {PASS_ROWS}"
            f" --gradient_accumulation_steps {PASSES} --logging_steps 1"
            f" --learning_rate 2e-5 --output_dir {folder}"
        )
        arguments = parse(words.split())
        training = training_arguments(arguments, has_images=False)
        super().__init__(
            arguments, training, make_model(), Collator(0), examples, None, StopRequest(), Heartbeat()
        )
        self.examples = examples
        self.last_loss = float("nan")
        self.times: list[float] = []
        self.add_callback(Clock(self.times))

    def log(self, logs: dict[str, Any], start_time: float | None = None) -> None:
        self.last_loss = logs.get("loss", self.last_loss)


class Theirs(Ours):
    """The same rows in every step, but dealt as they come and padded by transformers, with a mask."""

    def __init__(self, examples: Examples, folder: Path, padding: str) -> None:
        super().__init__(examples, folder)
        tokenizer = make_tokenizer(["text"])
        self._collate = DataCollatorWithPadding(tokenizer, padding=padding, max_length=CUTOFF)

    def get_train_dataloader(self) -> Any:
        assert self.batches is not None
        order = np.concatenate(self.batches.effective_batches(0)).tolist()
        batches = [order[start : start + PASS_ROWS] for start in range(0, len(order), PASS_ROWS)]
        features = [
            {"input_ids": example.input_ids, "label": example.label} for example in self.examples.items
        ]
        return torch.utils.data.DataLoader(features, batch_sampler=batches, collate_fn=self._collate)  # type: ignore[arg-type]


class Clock(TrainerCallback):  # type: ignore[misc]
    def __init__(self, times: list[float]) -> None:
        self._times = times

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._times.append(time.process_time())
