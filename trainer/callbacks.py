"""What happens at the joints of the training loop: stopping, reporting, the rows of an epoch."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback
from transformers.trainer_callback import ProgressCallback

from trainer import optimizer
from trainer.log import numbers
from trainer.processes import StopRequest
from trainer.results import AllResults, TrainerLog
from trainer.resuming import remove_marker

if TYPE_CHECKING:
    from trainer.engine import Engine
    from trainer.meta import RunMeta

_NOT_LOGGED = ("total_flos", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")


class StopAtStep(TrainerCallback):  # type: ignore[misc]
    """All processes stop at the same step: save there, evaluate nothing."""

    def __init__(self, stop: StopRequest, steps_per_epoch: int) -> None:
        self._stop = stop
        self._steps_per_epoch = steps_per_epoch
        self.has_stopped = False

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % self._steps_per_epoch == 0 or state.global_step >= state.max_steps:
            return  # the checkpoint of the epoch is due anyway; its evaluation will notice the request
        if self._stop.agreed():
            self.has_stopped = True
            control.should_save = control.should_training_stop = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.has_stopped:
            control.should_save = control.should_evaluate = control.should_log = False


class Reporter(TrainerCallback):  # type: ignore[misc]
    """Prints and writes every log row; keeps all_results.json up to date. First process only."""

    def __init__(self, engine: Engine, log: TrainerLog, results: AllResults, meta: RunMeta) -> None:
        self._engine = engine
        self._log = log
        self._results = results
        self._meta = meta
        self._first_step: int | None = None
        self._epoch_started = time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        engine = self._engine
        optimizer.announce(engine.optimizer, engine.arguments)
        engine.throughput.restart(state.global_step)
        self._first_step = state.global_step + 1
        self._meta.begin(engine.optimizer, state.max_steps, str(engine.saved) if engine.saved else None)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._epoch_started = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step, epoch = state.global_step, state.epoch
        if step == self._first_step:
            remove_marker(self._engine.arguments.output)
        self._engine.throughput.count(step - 1)
        self._engine.heartbeat.doing(lambda: f"Step {step} of {state.max_steps}, epoch {epoch:.2f}")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        step = state.global_step
        row = {key: value for key, value in logs.items() if key not in _NOT_LOGGED}
        if "loss" in row:
            row |= self._engine.throughput.take()
            self._log.write(step, _as_llamafactory(row))
        elif "eval_loss" in row:
            self._log.write(step, row)
        row.pop("throughput", None)
        numbers({**row, "step": step})

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **_: Any) -> None:
        self._results.add_epoch(self.epoch_row(state, metrics))

    def epoch_row(self, state: Any, metrics: dict[str, Any]) -> dict[str, Any]:
        """A row of `epochs`, named as in transformers' log_history."""
        engine = self._engine
        rates = engine.current_rates
        return {
            "epoch": float(round(state.epoch, 6)),
            "step": state.global_step,
            "loss": engine.loss_of_epoch,
            **{key: value for key, value in metrics.items() if key != "epoch"},
            "learning_rate": rates["head"],
            "cls_backbone_learning_rate": rates["backbone"],
            "num_input_tokens_seen": engine.throughput.total_tokens,
            "epoch_runtime": round(time.monotonic() - self._epoch_started, 3),
            "wall_time": round(time.time(), 3),
        }


def _as_llamafactory(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "loss": row["loss"],
        "lr": row["learning_rate"],
        **{key: row[key] for key in row if key != "loss"},
    }


class ProgressBar(ProgressCallback):  # type: ignore[misc]
    """transformers' bar on a terminal, without its own way of printing numbers."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        pass


def wants_progress_bar() -> bool:
    return sys.stderr.isatty()
