"""Snapshots of a sweep half way, as the demo really went, and a source that replays snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from lrdash.monitor.snapshot import (
    Attempt,
    Check,
    Diagnosis,
    EpochRow,
    Evidence,
    LogPaths,
    Metrics,
    Progress,
    RunStatus,
    Snapshot,
    Source,
    Sources,
)
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings

TAKEN_AT = "2026-11-23T13:05:00+01:00"
ACCURACY = {
    "text:0": (0.720, 0.788, 0.844, 0.880, 0.876, 0.876),
    "text:1": (0.584, 0.620, 0.664, 0.680, 0.680, 0.680),
    "text:2": (0.596, 0.624, 0.660, 0.676, 0.684, 0.680),
    "vision:0": (0.768, 0.784, 0.820, 0.836, 0.848, 0.872),
    "vision:1": (0.464, 0.556, 0.636, 0.680, 0.692, 0.688),
    "vision:2": (0.464, 0.544, 0.632, 0.692, 0.696, 0.696),
}
LOSS = {
    "text:0": (0.527, 0.441, 0.372, 0.318, 0.301, 0.297),
    "text:1": (0.678, 0.664, 0.648, 0.634, 0.626, 0.624),
    "text:2": (0.674, 0.660, 0.641, 0.626, 0.617, 0.614),
    "vision:0": (0.623, 0.512, 0.433, 0.381, 0.342, 0.327),
    "vision:1": (0.695, 0.691, 0.687, 0.682, 0.679, 0.677),
    "vision:2": (0.696, 0.691, 0.686, 0.680, 0.676, 0.675),
}
RATES = ((2e-5, None, "2e-5"), (2e-6, None, "2e-6"), (2e-5, 2e-6, "2e-5, backbone 2e-6"))
NAMES = ("lr_2e5", "lr_2e6", "lr_2e5_backbone_2e6")


def epoch_rows(key: str, epochs: int) -> tuple[EpochRow, ...]:
    rate, backbone, _ = RATES[int(key[-1])]
    rows: list[EpochRow] = []
    for epoch in range(1, epochs + 1):
        left = 1 - epoch / 6.5
        accuracy = ACCURACY[key][epoch - 1]
        rows.append(
            {
                "epoch": float(epoch), "step": 50.0 * epoch, "loss": LOSS[key][epoch - 1] + 0.02,
                "eval_loss": LOSS[key][epoch - 1], "eval_accuracy": accuracy, "eval_f1": accuracy - 0.006,
                "learning_rate": rate * left, "cls_backbone_learning_rate": (backbone or rate) * left,
                "grad_norm": 1.2 + 0.1 * epoch, "epoch_runtime": 5.5,
            }
        )  # fmt: skip
    return tuple(rows)


def metrics(key: str, epochs: int) -> Metrics:
    rows = epoch_rows(key, epochs)
    best = max(rows, key=lambda row: row["eval_accuracy"] or 0.0, default=None)
    return Metrics(last=rows[-1] if rows else None, best=best, epochs=rows, source="all_results.json")


def optimizer(verdict: str = "PASS", line: int = 41) -> Check:
    return Check("optimizer", verdict, evidence=Evidence("out", line, "[INFO] Using custom …"))  # type: ignore[arg-type]


def run(key: str, **facts: Any) -> RunStatus:
    group, index = key.split(":")
    rate, backbone, label = RATES[int(index)]
    job = "4815201" if group == "text" else "4815202"
    defaults: dict[str, Any] = {
        "run": f"{group}_trainagreeing_{NAMES[int(index)]}",
        "group": group,
        "index": int(index),
        "label": label,
        "learning_rate": rate,
        "cls_backbone_learning_rate": backbone,
    }
    if facts.get("state"):
        defaults |= {
            "task": f"{job}_{index}",
            "attempt": Attempt(f"{job}_{index}"),
            "time_limit_seconds": 86400.0,
        }
    return RunStatus(**(defaults | facts))


def not_submitted() -> Snapshot:
    """The first snapshot of every sweep."""
    return Snapshot(sweep="lr_experiment_v7", taken_at=TAKEN_AT, runs=tuple(run(key) for key in ACCURACY))


def half_way(logs: Path | None = None) -> Snapshot:
    """Finished, running, failed and waiting runs."""

    def paths(job: str, index: int) -> LogPaths:
        if logs is None:
            return LogPaths()
        return LogPaths(str(logs / f"{job}_{index}.out"), str(logs / f"{job}_{index}.err"))

    runs = (
        run("text:0", state="COMPLETED", progress=Progress(6.0, 6, 300, 300), metrics=metrics("text:0", 6),
            checks=(optimizer(),), elapsed_seconds=11529.0, logs=paths("4815201", 0)),
        run("text:1", state="COMPLETED", progress=Progress(6.0, 6, 300, 300), metrics=metrics("text:1", 6),
            checks=(optimizer(),), elapsed_seconds=11407.0, logs=paths("4815201", 1)),
        run("text:2", state="RUNNING", metrics=metrics("text:2", 3), checks=(optimizer(),),
            progress=Progress(3.6, 6, 180, 300, 4800.0, (4500.0, 6000.0), False, 3.0),
            elapsed_seconds=6900.0, logs=paths("4815201", 2), nodes="gpu017"),
        run("vision:0", state="FAILED", progress=Progress(1.3, 6, 65, 300), metrics=metrics("vision:0", 1),
            checks=(optimizer(),), exit_code="1:0", elapsed_seconds=3111.0, logs=paths("4815202", 0),
            diagnosis=Diagnosis(
                "cuda_out_of_memory",
                Evidence("err", 118, "torch.OutOfMemoryError: CUDA out of memory."),
                "halve per_device_train_batch_size to 2 and double gradient_accumulation_steps to 4",
                "lrdash submit --group vision --index 0 --set per_device_train_batch_size=2")),
        run("vision:1", state="RUNNING", metrics=metrics("vision:1", 2), checks=(optimizer("WAITING"),),
            progress=Progress(2.1, 6, 105, 300, 14000.0, (12000.0, 17000.0), True, 840.0),
            elapsed_seconds=5300.0, logs=paths("4815202", 1), nodes="gpu021"),
        run("vision:2", state="PENDING", reason="Priority", progress=Progress(None, 6),
            expected_start="2026-11-23T14:20:00"),
    )  # fmt: skip
    sources = Sources(*(Source("fresh", age) for age in (4.0, 31.0, 1.0, 3.0)))
    return Snapshot(sweep="lr_experiment_v7", taken_at=TAKEN_AT, runs=runs, sources=sources)


class FakeSource:
    """Answers each poll with the next snapshot; the last one again and again."""

    queue_interval = 3600.0
    files_interval = 3600.0

    def __init__(self, *snapshots: Snapshot) -> None:
        self._left = list(snapshots)
        self.snapshot = self._left.pop(0)
        self.command_log: Sequence[Any] = ()
        self.closed = False
        self.woken = 0

    def poll_queue(self) -> Snapshot:
        if self._left:
            self.snapshot = self._left.pop(0)
        return self.snapshot

    def poll_files(self) -> Snapshot:
        return self.snapshot

    def wake(self) -> None:
        self.woken += 1

    def close(self) -> None:
        self.closed = True


def make_app(
    *snapshots: Snapshot,
    backend: Backend | None = None,
    settings: Settings | None = None,
    theme: str = "",
    ascii_only: bool = False,
) -> LrdashApp:
    """The whole application on a fake source."""
    session = Session(FakeSource(*(snapshots or (half_way(),))), settings or Settings(), backend)
    return LrdashApp(lambda: session, theme=theme, ascii_only=ascii_only)


def copy(snapshot: Snapshot, **changes: Any) -> Snapshot:
    return msgspec.structs.replace(snapshot, **changes)
