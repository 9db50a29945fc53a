"""run_meta.json: what was trained, on what, with what, by which attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainer import provenance
from trainer.arguments import Arguments, arguments_hash
from trainer.command_line import as_mapping
from trainer.dataset import Datasets
from trainer.files import read_json, write_json
from trainer.model.folder import Checkpoint
from trainer.model.parts import FROZEN
from trainer.processes import world_size
from trainer.results import RUN_META, SCHEMA


class RunMeta:
    """Written when training starts, and again with what is known at the end."""

    def __init__(self, arguments: Arguments, training: Any, start: Checkpoint, datasets: Datasets) -> None:
        self._path = arguments.results / RUN_META
        self.attempt = provenance.attempt()
        self.parameters: dict[str, int] = {}
        matters = arguments.that_matter(world_size())
        self._training: dict[str, Any] | None = None
        self._values: dict[str, Any] = {
            "schema": SCHEMA,
            "attempt": {
                **self.attempt,
                "started_at": provenance.now(),
                "finished_at": None,
                "resumed_from": None,
            },
            "finished": False,
            "arguments": as_mapping(arguments),
            "arguments_hash": arguments_hash(matters),
            "processes": world_size(),
            "effective_batch_size": matters["effective_batch_size"],
            "device": str(training.device.type),
            "compute_dtype": "bfloat16" if training.bf16 else "float32",
            "distribution": _distribution(training),
            "start_checkpoint": {
                "name": start.name,
                "path": str(start.folder),
                "hash": provenance.checkpoint_hash(start.folder),
            },
            "trained_checkpoint": None,
            "datasets": datasets.about,
            "label_names": datasets.labels.names,
            "positive_label": datasets.labels.positive,
            "versions": provenance.versions(),
            "git_commit": provenance.git_commit(),
        }

    def begin(self, optimizer: Any, steps: int, resumed_from: str | None) -> None:
        """Training starts: the optimizer's own groups are known."""
        self._values["attempt"]["resumed_from"] = resumed_from
        self._values["steps"] = steps
        self._values["optimizer_groups"] = [
            {
                "name": group["name"],
                "part": group["part"],
                "initial_lr": group["initial_lr"],
                "weight_decay": group["weight_decay"],
                "parameters": sum(parameter.numel() for parameter in group["params"]),
            }
            for group in optimizer.param_groups
        ]
        self._write()

    def trained(self, folder: Path) -> None:
        """The model that training ended with, by which later runs know it again."""
        self._values["trained_checkpoint"] = {"path": str(folder), "hash": provenance.checkpoint_hash(folder)}
        self._write()

    def adopt_training(self) -> bool:
        """Whether results_dir is of the model that this run only evaluates, on the same inputs.

        Then the record of its training stays, and this run is noted in it.
        """
        earlier = read_json(self._path) or {}
        try:
            if _subject(earlier, "trained_checkpoint") == _subject(self._values, "start_checkpoint"):
                self._training = earlier
        except (KeyError, TypeError):  # not known: of an older trainer, of a run that never ended, of others
            pass
        return self._training is not None

    def finish(self) -> None:
        self._values["attempt"]["finished_at"] = provenance.now()
        self._values["finished"] = True
        self._write()

    def _write(self) -> None:
        frozen = {part: self.parameters[part] for part in FROZEN if part in self.parameters}
        trained = {part: count for part, count in self.parameters.items() if part not in frozen}
        parameters = {"total": sum(self.parameters.values()), "trainable": trained, "frozen": frozen}
        peak = {"peak_memory": provenance.peak_memory()}
        values = {**self._values, "parameters": parameters, **peak}
        write_json(self._path, {**self._training, "after_training": values} if self._training else values)


_INPUT = (
    "text_column", "label_column", "cutoff_len", "max_samples", "image_min_pixels", "image_max_pixels"
)  # fmt: skip


def _subject(values: dict[str, Any], checkpoint: str) -> tuple[Any, ...]:
    """What evaluations are of: the model, the rows, and what the model sees of them."""
    arguments, rows = values["arguments"], values["datasets"]["eval"]
    inputs = [arguments[name] for name in _INPUT]
    return values[checkpoint]["hash"], rows["fingerprint"], rows["rows"], values["label_names"], inputs


def _distribution(training: Any) -> str:
    if training.world_size == 1:
        return "none"
    return "fsdp2" if training.fsdp else "ddp"
