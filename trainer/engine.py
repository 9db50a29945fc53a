"""transformers' Trainer with this experiment's batches, loss, rates, checkpoints and evaluation."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from safetensors import SafetensorError
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import EvalLoopOutput

from trainer import checkpoints, optimizer
from trainer.arguments import Arguments
from trainer.checkpoints import Progress
from trainer.data.batches import Collator, EpochLoader, EvaluationBatches, RowPicker, TrainingBatches
from trainer.data.examples import Examples
from trainer.errors import TrainingError
from trainer.files import naming
from trainer.log import Heartbeat, info
from trainer.loss import EpochLoss, batch_loss
from trainer.optimizer_state import load_optimizer, save_optimizer
from trainer.probabilities import mean_loss
from trainer.processes import StopRequest, barrier, start_image_worker
from trainer.throughput import Throughput


class Stopped(Exception):  # noqa: N818 - not an error
    """The run was asked to stop; everything that should be saved is."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """A full disk ends the run with the name of what is saved, also where safetensors found it."""
    try:
        with naming(folder):
            yield
    except SafetensorError as error:
        raise TrainingError(f"cannot write {folder}: {error}") from None


class Engine(Trainer):  # type: ignore[misc]
    """One run."""

    optimizer: Any
    control: Any

    def __init__(
        self,
        arguments: Arguments,
        training: TrainingArguments,
        model: Any,
        collator: Collator,
        train: Examples | None,
        test: Examples | None,
        stop: StopRequest,
        heartbeat: Heartbeat,
    ) -> None:
        self.arguments = arguments
        self.stop = stop
        self.heartbeat = heartbeat
        self._was_resumed = False
        self.loss_of_epoch: float | None = None
        self.saved: Path | None = None
        """The checkpoint that holds what was trained so far."""
        self.current_rates: dict[str, float] = {}
        self.data: Mapping[str, Any] = {}
        """Set by the run: what was read, for the checkpoints' markers."""
        self.save_companions: Callable[[Path, dict[str, Any]], None]
        """Set by the run: writes tokenizer, image processor and cls_head.safetensors beside the weights."""
        super().__init__(
            model=model,
            args=training,
            data_collator=collator,
            train_dataset=RowPicker(train) if train is not None else None,
            eval_dataset=RowPicker(test) if test is not None else None,
            compute_loss_func=batch_loss,
        )
        self.batches = self._make_batches(train.lengths) if train is not None else None
        if self.batches is not None and train is not None:
            self.throughput = Throughput(self.batches, train.lengths)
            self.epoch_loss = EpochLoss(self.batches.steps, self.args.device, self.accelerator.gather)
        self._test_lengths = test.lengths if test is not None else []

    def _make_batches(self, lengths: list[int]) -> TrainingBatches:
        arguments, training = self.arguments, self.args
        return TrainingBatches(
            lengths,
            arguments.effective_batch_size(training.world_size),
            arguments.gradient_accumulation_steps,
            arguments.seed,
            training.world_size,
            training.process_index,
        )

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        if self.args.fsdp and not self.is_fsdp_enabled:
            self._shard_on_cpu()
        plugin = self.accelerator.state.fsdp_plugin if self.is_fsdp_enabled else None
        if plugin is not None and plugin.mixed_precision_policy is not None:
            # accelerate would sum the gradients of all GPUs in the 16 bits of the computation
            policy = replace(plugin.mixed_precision_policy, reduce_dtype=torch.float32)
            plugin.mixed_precision_policy = policy

    def _shard_on_cpu(self) -> None:
        """FSDP2 over gloo: on CPUs accelerate silently takes DDP, whatever it was asked for."""
        state = self.accelerator.state
        state.distributed_type = DistributedType.FSDP
        PartialState._shared_state["distributed_type"] = (
            DistributedType.FSDP
        )  # from which it is often renewed
        state.fsdp_plugin = FullyShardedDataParallelPlugin(**self.args.fsdp_plugin_args)
        self.is_fsdp_enabled = True

    # Optimizer and rates

    def create_optimizer(self, model: Any = None) -> Any:
        if self.optimizer is None:
            owner = self.model if model is None else model
            decayed = frozenset(self.get_decay_parameter_names(owner))
            self.optimizer = optimizer.make_optimizer(owner, self.arguments, decayed)
        return self.optimizer

    def _get_learning_rate(self) -> float:
        """The head's; transformers asks once a step, before the schedule moves on."""
        self.current_rates = optimizer.rates(self.optimizer)
        return self.current_rates["head"]

    def log(self, logs: dict[str, Any], start_time: float | None = None) -> None:
        if "loss" in logs:
            self._check_finite(logs)
            logs["cls_backbone_learning_rate"] = self.current_rates["backbone"]
        if self._was_resumed:
            logs.pop("train_loss", None)  # a mean over the steps of this attempt only
        super().log(logs, start_time)

    def _check_finite(self, logs: Mapping[str, Any]) -> None:
        for name in ("loss", "grad_norm"):
            if not math.isfinite(logs.get(name, 0.0)):
                raise self._diverged(f"non-finite {name}: {logs[name]}")

    def _diverged(self, what: str) -> TrainingError:
        advice = "a lower --learning_rate or longer --warmup_steps may help"
        return TrainingError(f"{what} at step {self.state.global_step}; {advice}")

    # Batches and loss

    def get_train_dataloader(self) -> EpochLoader:
        return EpochLoader(
            self.train_dataset,
            batch_sampler=self.batches,
            persistent_workers=self.args.dataloader_num_workers > 0,
            **self._reading(),
        )

    def _reading(self) -> dict[str, Any]:
        """By whom batches are read, and into what memory."""
        workers = self.args.dataloader_num_workers
        return {
            "collate_fn": self.data_collator,
            "num_workers": workers,
            "worker_init_fn": start_image_worker,
            "multiprocessing_context": "fork"
            if workers
            else None,  # children of the run, so they end with it
            "pin_memory": torch.cuda.is_available(),
        }

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        self.epoch_loss.add(self.state.global_step, loss)
        return loss

    def resume_at(self, progress: Progress) -> None:
        """Take over the sums of the attempt that is resumed."""
        self.epoch_loss.resume(progress.step, progress.epoch_loss)
        self.loss_of_epoch = self.epoch_loss.mean(progress.step)
        self.current_rates = dict(progress.rates)
        self._was_resumed = True

    # Checkpoints

    def _maybe_log_save_evaluate(
        self, tr_loss: torch.Tensor, grad_norm: torch.Tensor | float | None, *args: Any, **kwargs: Any
    ) -> None:
        """Save before evaluating: what was trained is safe whatever happens to the evaluation.

        Nothing diverged is saved: every step since the last log line counts in the epoch's loss, and what
        the last step did to the weights in the norm of its gradient.
        """
        control = self.control
        evaluate, control.should_evaluate = control.should_evaluate, False
        if evaluate or control.should_save or control.should_training_stop:
            self.loss_of_epoch = self.epoch_loss.mean(self.state.global_step)
            norm = 0.0 if grad_norm is None else float(grad_norm)
            self._check_finite({"loss": self.loss_of_epoch, "grad_norm": norm})
        super()._maybe_log_save_evaluate(tr_loss, grad_norm, *args, **kwargs)
        if evaluate:
            self._evaluate(None, None)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        step, epoch = self.state.global_step, _rounded_epoch(self.state.epoch)
        output, name = self.arguments.output, checkpoints.name_of(step, epoch)
        folder = checkpoints.writing_folder(output, name)
        info(f"Saving model checkpoint to {output / name}")
        self.heartbeat.doing(f"Saving {name}")
        self.store_flos()
        with self.throughput.paused(), writing(output / name):
            if self.args.should_save:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
            barrier()
            self.save_model(str(folder), _internal_call=True)
            save_optimizer(folder, self.model_wrapped, self.optimizer.optimizer, self.lr_scheduler)
            self._save_rng_state(str(folder))
            progress = Progress(
                step,
                epoch,
                self.epoch_loss.total(),
                self.current_rates,
                self.arguments.that_matter(self.args.world_size),
                self.data,
            )
            barrier()
            if self.args.should_save:
                self.state.save_to_json(str(folder / "trainer_state.json"))
                checkpoints.publish(output, name, progress)
                checkpoints.rotate(output, self.arguments.save_total_limit)
            barrier()
        self.saved = output / name

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Gather sharded weights on the first process; all processes call this."""
        if self.is_fsdp_enabled:
            options = StateDictOptions(full_state_dict=True, cpu_offload=True)
            self._save(output_dir, get_model_state_dict(self.model, options=options))
        else:
            super().save_model(output_dir, _internal_call)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Weights in the hub's layout, tokenizer, head; no pickled training_args.bin."""
        if not self.args.should_save:
            return
        folder = str(output_dir)
        model = self.accelerator.unwrap_model(self.model)
        state = model.state_dict() if state_dict is None else state_dict
        model.save_pretrained(folder, state_dict=state)
        self.save_companions(Path(folder), state)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Nothing: the model was loaded from the checkpoint in the first place, names translated."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_optimizer(Path(checkpoint), self.model_wrapped, self.optimizer.optimizer, self.lr_scheduler)

    # Evaluation

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        batches = EvaluationBatches(
            self._test_lengths, self.args.eval_batch_size, self.args.world_size, self.args.process_index
        )
        return torch.utils.data.DataLoader(self.eval_dataset, batch_sampler=batches, **self._reading())

    get_test_dataloader = get_eval_dataloader

    def evaluation_loop(
        self, dataloader: Any, description: str, *_args: Any, metric_key_prefix: str = "eval", **_kwargs: Any
    ) -> EvalLoopOutput:
        """Logits of every row once, in data set order; loss and metrics from all of them together."""
        from trainer.metrics import classification_metrics

        labels = torch.tensor([example.label for example in self.eval_dataset.examples]).numpy()
        if self.is_in_train:
            with self.throughput.paused():
                logits = self._logits(dataloader, description)
        else:
            logits = self._logits(dataloader, description)
        metrics = {"loss": mean_loss(logits, labels), **classification_metrics(logits, labels)}
        prefixed = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        return EvalLoopOutput(predictions=logits, label_ids=labels, metrics=prefixed, num_samples=len(labels))

    def log_metrics(self, split: str, metrics: dict[str, Any]) -> None:
        """transformers' table cannot show None: what is not defined (AUROC of one class) is left out."""
        super().log_metrics(split, {name: value for name, value in metrics.items() if value is not None})

    def _logits(self, dataloader: Any, description: str) -> Any:
        model = self.model_wrapped
        if self.optimizer is None:  # nothing was trained, so nothing has moved the model to its device
            model = self.accelerator.prepare_model(self.model, evaluation_mode=True)
        was_training = model.training
        model.eval()
        done, rows = [], len(self._test_lengths)
        for number, batch in enumerate(dataloader):
            seen = min(number * self.args.eval_batch_size * self.args.world_size, rows)
            self.heartbeat.doing(f"{_DOING.get(description, description)}: {seen} of {rows} rows")
            if self.stop.agreed():
                raise Stopped
            batch.pop("labels")
            with torch.no_grad(), self.compute_loss_context_manager():
                done.append(model(**self._prepare_inputs(batch)).logits.float())
            self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)
        model.train(was_training)
        gathered = self.accelerator.gather(torch.cat(done)).cpu()
        order = torch.tensor(dataloader.batch_sampler.gathered_rows())
        logits = torch.empty(rows, gathered.shape[1])
        logits[order[order >= 0]] = gathered[order >= 0]
        if lost := rows - int(logits.isfinite().all(dim=1).sum()):
            raise self._diverged(f"non-finite logits: {lost} of {rows} rows")
        return logits.numpy()


_DOING = {"Evaluation": "Evaluating", "Prediction": "Predicting"}


def _rounded_epoch(epoch: float) -> float:
    """Whole epochs are whole, whatever the sum of the steps' fractions came to."""
    return float(round(epoch)) if math.isclose(epoch, round(epoch), abs_tol=1e-9) else epoch
