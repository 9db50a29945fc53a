"""What runs in place of a training: every file of the results contract, in seconds, without any library.

Its numbers are a function of run and epoch, so that whoever shows another one is wrong, and a run that was
resumed ends with exactly those of one that was left alone. What really happened is also written to a folder
that no fault touches (`truth/` beside the sweep's root).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

EPOCHS = 5
STEPS_PER_EPOCH = 6
STEPS = EPOCHS * STEPS_PER_EPOCH
STEP_SECONDS = 0.06
TEST_ROWS = 20
STOPPED = 75


def epoch_row(run: str, epoch: int) -> dict[str, float]:
    """The metrics of one epoch."""
    right = (7 * epoch + len(run) + sum(map(ord, run))) % TEST_ROWS
    return {
        "epoch": float(epoch),
        "step": epoch * STEPS_PER_EPOCH,
        "loss": 0.7 / epoch,
        "eval_loss": 0.7 / (epoch + 0.5),
        "eval_accuracy": right / TEST_ROWS,
    }


def predict_row(run: str) -> dict[str, float]:
    return {
        "predict_accuracy": epoch_row(run, EPOCHS)["eval_accuracy"],
        "predict_loss": epoch_row(run, EPOCHS)["eval_loss"],
    }


class Workload:
    """One start of a run."""

    def __init__(self, output_dir: Path, *, is_fresh: bool) -> None:
        self.is_fresh = is_fresh
        self.run = output_dir.name
        self.saves = output_dir.resolve()
        self.results = Path("results", output_dir.parent.name, self.run).resolve()
        self.truth = Path("..", "truth").resolve()
        self.job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
        self.restart = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
        self.is_stopping = False

    def carry_out(self) -> int:
        with (self.truth / f"{self.run}.lock").open("w") as alone:
            try:
                fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.note("doubled")
                return 1
            for number in (signal.SIGUSR1, signal.SIGTERM):
                signal.signal(number, self.stop)
            return self.train()

    def train(self) -> int:
        if self.is_fresh:
            self.set_aside()
        start = max(map(saved_step, self.saves.glob("checkpoint-*")), default=0)
        self.note("started", start)
        self.results.mkdir(parents=True, exist_ok=True)
        self.saves.mkdir(parents=True, exist_ok=True)
        self.describe(start)
        for step in range(start + 1, STEPS + 1):
            self.step(step)
            if self.is_stopping:
                self.save(step)
                self.note("stopped", step)
                print(f"[INFO] Stopped at step {step}", flush=True)
                return STOPPED
        self.predict()
        self.note("finished", STEPS)
        return 0

    def set_aside(self) -> None:
        """What was before is not this start's; results are kept elsewhere."""
        shutil.rmtree(self.saves, ignore_errors=True)
        if self.results.exists():
            earlier = self.results.parent / ".previous"
            earlier.mkdir(exist_ok=True)
            self.results.rename(earlier / f"{self.run}-{self.job}")

    def stop(self, number: int, frame: object) -> None:
        self.is_stopping = True

    def step(self, step: int) -> None:
        time.sleep(STEP_SECONDS)
        epoch = step / STEPS_PER_EPOCH
        self.note("step", step)
        print(
            {"loss": 0.7 / max(epoch, 0.1), "learning_rate": 2e-5, "epoch": epoch, "step": step}, flush=True
        )
        line = {"current_steps": step, "total_steps": STEPS, "loss": 0.7 / max(epoch, 0.1), "epoch": epoch}
        with (self.results / "trainer_log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        if step % STEPS_PER_EPOCH == 0:
            self.save(step)
            self.note("epoch", int(epoch))
            print(epoch_row(self.run, int(epoch)), flush=True)
            self.write_epochs(int(epoch))

    def save(self, step: int) -> None:
        """A checkpoint, whole or not at all."""
        unfinished = self.saves / f".unfinished-{step}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        (unfinished / "complete").write_text(json.dumps({"step": step}))
        shutil.rmtree(self.saves / f"checkpoint-{step}", ignore_errors=True)
        unfinished.rename(self.saves / f"checkpoint-{step}")

    def describe(self, start: int) -> None:
        attempt = {"job": self.job, "restart": self.restart, "started_at": time.time()}
        if start:
            attempt["resumed_from"] = f"checkpoint-{start}"
        write_json(self.results / "run_meta.json", {"schema": 1, "attempt": attempt})

    def write_epochs(self, last: int, **flat: float) -> None:
        rows = [epoch_row(self.run, epoch) for epoch in range(1, last + 1)]
        about = {"schema": 1, "attempt": {"job": self.job, "restart": self.restart}}
        write_json(self.results / "all_results.json", {**flat, "epochs": rows, "lrdash": about})

    def predict(self) -> None:
        predicted = predict_row(self.run)
        right = round(predicted["predict_accuracy"] * TEST_ROWS)
        lines = [
            json.dumps(
                {
                    "probabilities": [0.9, 0.1],
                    "predicted_label": 0,
                    "true_label": 0 if row < right else 1,
                    "id": row,
                }
            )
            for row in range(TEST_ROWS)
        ]
        replace(self.results / "generated_predictions.jsonl", "\n".join(lines) + "\n")
        self.write_epochs(EPOCHS, **predicted)
        write_json(self.results / "predict_results.json", predicted)

    def note(self, what: str, number: int = 0) -> None:
        """To the record of what really happened."""
        line = json.dumps({"what": what, "number": number, "job": self.job, "restart": self.restart})
        with (self.truth / f"{self.run}.jsonl").open("a") as file:
            file.write(line + "\n")


def saved_step(checkpoint: Path) -> int:
    try:
        return int(json.loads((checkpoint / "complete").read_text())["step"])
    except (OSError, ValueError, KeyError):
        return 0


def write_json(path: Path, content: Any) -> None:
    replace(path, json.dumps(content))


def replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.rename(path)


if __name__ == "__main__":
    output_dir = Path(sys.argv[sys.argv.index("--output_dir") + 1])
    sys.exit(Workload(output_dir, is_fresh="--overwrite_output_dir" in sys.argv).carry_out())
