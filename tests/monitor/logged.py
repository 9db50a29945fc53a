"""Evidence of a run of the real sweep, from texts of its logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lrdash.logs.scanner import LogScanner
from lrdash.monitor.evidence import RunEvidence
from lrdash.scheduler.base import Task
from lrdash.sweep.load import load_sweep
from lrdash.sweep.script import BatchScript
from tests.conftest import ROOT

SWEEP = load_sweep(ROOT / "sbatch" / "final_sweep_v7" / "sweep.yaml")
UNIFORM, SLOW, SEPARATE = SWEEP.group("text").runs
VISION = SWEEP.group("vision").runs[2]
NOW = 1_800_000_000.0
"""Of every evidence here; Unix seconds."""

OPTIMIZER = "[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05\n"
BANNER = (
    "***** Running training *****\n  Num examples = 800\n  Num Epochs = 6\n"
    "  Instantaneous batch size per device = 2\n"
    "  Total train batch size (w. parallel, distributed & accumulation) = 16\n"
    "  Gradient Accumulation steps = 4\n  Total optimization steps = 300\n"
)
PROCESSES = "[INFO] Process rank: 0, world size: 2, device: cuda, compute dtype: torch.bfloat16\n"


def identity(index: int = 2, job: str = "7_2", restart: int = 0, port: int = 29702) -> str:
    return (
        f"lrdash: sweep={SWEEP.name} group=text index={index} run={SEPARATE.name} job={job}"
        f" restart={restart} port={port} host=gpu01 scheduler=slurm root=/scratch/x\n"
    )


def row(step: int = 10, head: float = 2e-5, backbone: float = 2e-6, loss: str = "0.69") -> str:
    """A training line of the bundled trainer."""
    return (
        f"{{'loss': {loss}, 'grad_norm': 1.2, 'learning_rate': {head},"
        f" 'cls_backbone_learning_rate': {backbone}, 'epoch': {step / 50}, 'step': {step}}}\n"
    )


def evidence_of(folder: Path, out: str = "", err: str = "", **known: Any) -> RunEvidence:
    """What is known about a run (the separate one of text, unless `run` says another) with these logs."""
    run = known.pop("run", SEPARATE)
    paths = folder / "7_2.out", folder / "7_2.err"
    for path, text in zip(paths, (out, err), strict=True):
        path.write_text(text)
    return RunEvidence(
        now=NOW,
        sweep=SWEEP,
        group=SWEEP.group(run.group),
        run=run,
        facts=LogScanner().scan(*paths)[-1],
        **known,
    )


def task(state: str, **values: Any) -> Task:
    return Task("7_2", state, **values)


def script(**options: str) -> BatchScript:
    return BatchScript(Path("text.sbatch"), {"gres": "gpu:2", **options})
