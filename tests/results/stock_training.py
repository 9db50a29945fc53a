"""A run of the stock transformers Trainer with a tiny model, written as anybody's script would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROWS = 24


def train(folder: Path) -> None:
    """Two epochs of a one-layer classifier on made-up tokens; every file that the Trainer writes."""
    import numpy as np
    import torch
    from transformers import Qwen2Config, Qwen2ForSequenceClassification, Trainer, TrainingArguments

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, num_labels=2, pad_token_id=0,
    )  # fmt: skip
    rows = [{"input_ids": [1 + at % 7, 8 + at % 5, 20 + at % 2], "labels": at % 2} for at in range(ROWS)]

    def accuracy(output: Any) -> dict[str, float]:
        return {"accuracy": float((np.argmax(output.predictions, axis=-1) == output.label_ids).mean())}

    arguments = TrainingArguments(
        output_dir=str(folder), num_train_epochs=2, per_device_train_batch_size=4, learning_rate=1e-2,
        logging_steps=2, eval_strategy="epoch", save_strategy="epoch", report_to="none", use_cpu=True,
        disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = Trainer(
        Qwen2ForSequenceClassification(config), arguments, train_dataset=rows, eval_dataset=rows,
        compute_metrics=accuracy,
    )  # fmt: skip
    trained = trainer.train()
    trainer.save_metrics("train", trained.metrics)
    trainer.save_state()
    trainer.save_metrics("eval", trainer.evaluate())
    output = trainer.predict(rows, metric_key_prefix="predict")
    trainer.save_metrics("predict", output.metrics)
    (folder / "generated_predictions.jsonl").write_text(
        "".join(
            json.dumps({"id": at, "true_label": row["labels"], "predicted_label": int(np.argmax(logits))})
            + "\n"
            for at, (row, logits) in enumerate(zip(rows, output.predictions, strict=True))
        )
    )
