"""One run from its arguments to its results."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from trainer import checkpoints, results, resuming
from trainer.arguments import Arguments
from trainer.callbacks import ProgressBar, Reporter, StopAtStep, wants_progress_bar
from trainer.checkpoints import SavedCheckpoint
from trainer.data.batches import Collator
from trainer.dataset import Datasets, load_datasets
from trainer.engine import Engine, Stopped, writing
from trainer.errors import CheckpointError, TrainingError
from trainer.files import make_readable, write_json
from trainer.log import Heartbeat, info
from trainer.meta import RunMeta
from trainer.model.folder import Checkpoint, find_checkpoint
from trainer.model.load import load_classifier, load_tokenizer, quiet_libraries
from trainer.model.parts import FROZEN, count_parameters
from trainer.processes import (
    STOPPED_EXIT_CODE,
    StopRequest,
    barrier,
    end_when_another_fails,
    rank,
    world_size,
)
from trainer.results import AllResults, TrainerLog
from trainer.training_arguments import remarks, training_arguments

HEAD_FILE = "cls_head.safetensors"


def run(
    arguments: Arguments,
    start: Checkpoint,
    resumed: SavedCheckpoint | None,
    stop: StopRequest,
    heartbeat: Heartbeat,
) -> int:
    """Train, evaluate and predict as asked; the exit code."""
    quiet_libraries()
    training = training_arguments(arguments, has_images=start.is_vision)
    end_when_another_fails()
    _announce_process(arguments, training)
    heartbeat.doing("Reading data")
    tokenizer = load_tokenizer(start)
    datasets = load_datasets(arguments, start, tokenizer)
    if resumed is not None:
        resuming.check_same_labels(resumed, datasets.labels.names)
    return Run(arguments, training, start, tokenizer, datasets, resumed, stop, heartbeat).carry_out()


class Run:
    """What the steps of one run share."""

    def __init__(
        self,
        arguments: Arguments,
        training: TrainingArguments,
        start: Checkpoint,
        tokenizer: Any,
        datasets: Datasets,
        resumed: SavedCheckpoint | None,
        stop: StopRequest,
        heartbeat: Heartbeat,
    ) -> None:
        self.arguments = arguments
        self.training = training
        self.tokenizer = tokenizer
        self.datasets = datasets
        self.resumed = resumed
        self.stop = stop
        self.heartbeat = heartbeat
        self.is_first = rank() == 0
        self.meta = RunMeta(arguments, training, start, datasets)
        self.results = AllResults(arguments.results, self._about_results())
        self.engine = self._make_engine(start)

    def carry_out(self) -> int:
        if self.is_first:
            results.clear_leftovers(self.arguments.results)
        try:
            if self.arguments.do_train and not self._train():
                return self._stopped()
            self._evaluate_and_predict()
        except Stopped:
            return self._stopped()
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"torch.OutOfMemoryError: {error} Halve --per_device_train_batch_size and double"
                " --gradient_accumulation_steps: the effective batch stays the same"
            ) from None
        if self.is_first:
            if self.arguments.do_train or not resuming.training_was_stopped(self.arguments.output):
                resuming.remove_marker(self.arguments.output)
            self.meta.finish()
        return 0

    def _about_results(self) -> dict[str, Any]:
        labels = self.datasets.labels
        return {
            "attempt": self.meta.attempt,
            "selected_on": "test",
            "positive_label": labels.positive,
            "label_names": labels.names,
            "n_test": len(self.datasets.test_rows),
        }

    # Before training

    def _make_engine(self, start: Checkpoint) -> Engine:
        arguments = self.arguments
        folder = find_checkpoint(str(self.resumed.folder)) if self.resumed else start
        info(f"Loading model from {folder.folder}")
        self.heartbeat.doing(f"Loading model from {folder.folder}")
        head_is_new = arguments.do_train and self.resumed is None
        model = load_classifier(
            folder,
            self.datasets.labels,
            self.tokenizer.pad_token_id,
            head_is_new=head_is_new,
            seed=arguments.seed,
        )
        self.meta.parameters = _announce_parameters(model)
        collator = Collator(
            self.tokenizer.pad_token_id, self.datasets.images, 8 if torch.cuda.is_available() else 1
        )
        engine = Engine(
            arguments,
            self.training,
            model,
            collator,
            self.datasets.train,
            self.datasets.test,
            self.stop,
            self.heartbeat,
        )
        engine.save_companions = self._save_companions
        engine.data = self.datasets.identity
        if engine.is_fsdp_enabled:
            info(f"Weights, gradients and optimizer are sharded over {world_size()} processes (FSDP2)")
        for unwanted in (PrinterCallback, ProgressCallback):
            engine.remove_callback(unwanted)
        return engine

    def _save_companions(self, folder: Path, state: dict[str, Any]) -> None:
        """What stands beside the weights in every saved model."""
        from safetensors.torch import save_file

        self.tokenizer.save_pretrained(folder)
        if self.datasets.image_processor is not None:
            self.datasets.image_processor.save_pretrained(folder)
        names = self.datasets.labels.names
        head = {name: tensor.contiguous() for name, tensor in state.items() if name.startswith("score.")}
        metadata = {"format": "pt", "num_labels": str(len(names)), "label_names": "\n".join(names)}
        save_file(head, folder / HEAD_FILE, metadata=metadata)

    def _prepare_folders(self) -> None:
        """An earlier run's files give way, or are continued. First process only."""
        arguments = self.arguments
        arguments.output.mkdir(parents=True, exist_ok=True)
        if self.resumed is None:
            checkpoints.remove_all(arguments.output)
            resuming.remove_marker(arguments.output)
            results.set_aside(arguments.results)
        else:
            self.results.inherit(self.resumed.progress.step)
        write_json(arguments.output / checkpoints.ARGUMENTS, arguments.that_matter(world_size()))

    # Training

    def _train(self) -> bool:
        """False if the run was asked to stop."""
        engine, resumed = self.engine, self.resumed
        barrier()
        if self.is_first:
            checkpoints.clear_leftovers(self.arguments.output)
        barrier()
        self._check_disk()
        barrier()
        if self.is_first:
            self._prepare_folders()
        assert engine.batches is not None
        stopper = StopAtStep(self.stop, engine.batches.steps)
        engine.add_callback(stopper)
        if self.is_first:
            total = self.arguments.total_steps(engine.batches.steps)
            log = TrainerLog(self.arguments.results, total)
            engine.add_callback(Reporter(engine, log, self.results, self.meta))
        if wants_progress_bar():
            engine.add_callback(ProgressBar())
        if resumed is not None:
            self._resume(resumed)
        logging.getLogger("transformers.trainer").setLevel(logging.INFO if self.is_first else logging.ERROR)
        barrier()
        if self.stop.agreed():
            return False
        output = engine.train(resume_from_checkpoint=str(resumed.folder) if resumed else None)
        if stopper.has_stopped:
            return False
        self._finish_training(output.metrics)
        return True

    def _check_disk(self) -> None:
        """Raises CheckpointError if the checkpoints cannot fit, before hours are spent."""
        arguments, output = self.arguments, self.arguments.output.absolute()
        needed = checkpoints.disk_bytes(self.meta.parameters, arguments.checkpoints_kept)
        held = sum(path.stat().st_size for saved in checkpoints.folders(output) for path in saved.iterdir())
        folder = next(path for path in (output, *output.parents) if path.is_dir())
        free = shutil.disk_usage(folder).free + held
        if free < needed:
            raise CheckpointError(
                f"too little disk: {folder} has room for {free / 1e9:.1f} GB, this run's checkpoints take"
                f" {needed / 1e9:.1f} GB; lower --save_total_limit or choose another --output_dir"
            )

    def _resume(self, resumed: SavedCheckpoint) -> None:
        progress = resumed.progress
        info(f"Resuming training from {resumed.folder} at step {progress.step}, epoch {progress.epoch:g}")
        self.engine.resume_at(progress)
        self.engine.saved = resumed.folder
        missing = not AllResults.read_evaluated(self.arguments.results, progress.step)
        # Whatever ended the earlier attempt, each epoch is evaluated once, with its own weights.
        self.training.eval_on_start = (
            progress.at_epoch_end and self.arguments.eval_strategy == "epoch" and missing
        )

    def _finish_training(self, metrics: dict[str, Any]) -> None:
        """The trained model and the final numbers, in output_dir and results_dir."""
        engine, output = self.engine, self.arguments.output
        self.heartbeat.doing("Saving the model")
        newest = checkpoints.complete_checkpoints(output) if self.arguments.save_strategy == "epoch" else []
        if newest:
            if self.is_first:
                link_model(newest[-1].folder, output)
        else:
            with writing(output):
                engine.save_model(str(output), _internal_call=True)
            if self.is_first:
                make_readable(output)
        if self.is_first:
            engine.state.save_to_json(str(output / "trainer_state.json"))
            metrics["epoch"] = engine.state.epoch
            if (loss := self.results.mean_loss()) is not None:
                metrics["train_loss"] = loss
            self.results.update(metrics)
            self.meta.trained(output)
            engine.log_metrics("train", dict(metrics))
        barrier()

    # After training

    def _evaluate_and_predict(self) -> None:
        """Earlier results give way only once there are others."""
        engine, arguments = self.engine, self.arguments
        evaluated = engine.evaluate() if arguments.do_eval else None
        predicted = (
            engine.predict(engine.eval_dataset, metric_key_prefix="predict") if arguments.do_predict else None
        )
        if not self.is_first:
            return
        if not arguments.do_train:
            self._prepare_results()
        if evaluated is not None:
            self.results.update(evaluated)
            write_json(arguments.results / results.EVAL_RESULTS, evaluated)
            engine.log_metrics("eval", dict(evaluated))
        if predicted is not None:
            self._write_predictions(predicted)

    def _prepare_results(self) -> None:
        """Results of the model's own training are added to; those of another make room."""
        if self.meta.adopt_training():
            self.results.adopt()
        else:
            results.set_aside(self.arguments.results)

    def _write_predictions(self, output: Any) -> None:
        datasets, folder = self.datasets, self.arguments.results
        results.write_predictions(
            folder, datasets.test_rows, datasets.test_truth, output.predictions, datasets.labels
        )
        write_json(folder / results.PREDICT_RESULTS, output.metrics)
        self.results.update(output.metrics)
        self.engine.log_metrics("predict", dict(output.metrics))

    def _stopped(self) -> int:
        """Leave the marker, last of all."""
        engine = self.engine
        step = max(engine.state.global_step, self.resumed.progress.step if self.resumed else 0)
        epoch = engine.state.epoch or (self.resumed.progress.epoch if self.resumed else 0.0)
        assert self.stop.signal is not None
        name = self.stop.signal.name
        info(f"Stopped by {name} at step {step}, epoch {epoch:.2f}; checkpoint {engine.saved}")
        if self.is_first:
            self.arguments.output.mkdir(parents=True, exist_ok=True)
            resuming.write_marker(self.arguments.output, step, epoch, name, engine.saved)
        barrier()
        return STOPPED_EXIT_CODE


def _announce_process(arguments: Arguments, training: TrainingArguments) -> None:
    dtype = torch.bfloat16 if training.bf16 else torch.float32
    place = f"Process rank: {rank()}, world size: {world_size()}, device: {training.device}"
    info(f"{place}, compute dtype: {dtype}")
    for remark in remarks(arguments):
        info(remark)


def _announce_parameters(model: Any) -> dict[str, int]:
    counts = count_parameters(model)
    for part in FROZEN:
        if part in counts:
            info(f"Frozen {part}: {counts[part]:,} parameters")
    info(f"Trainable parameters: backbone={counts['backbone']:,}, head={counts['head']:,}")
    return {str(part): count for part, count in counts.items()}


def link_model(checkpoint: Path, output: Path) -> None:
    """The trained model is the last checkpoint's: its files under a second name, without a second copy."""
    own = {checkpoints.COMPLETE, checkpoints.OPTIMIZER, checkpoints.STATE, "trainer_state.json"}
    for path in checkpoint.iterdir():
        if not path.is_file() or path.name in own or path.name.startswith("rng_state"):
            continue
        target = output / path.name
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:  # a file system without hard links
            shutil.copy2(path, target)
