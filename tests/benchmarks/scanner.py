"""The log scanner against grep, on a log of the shapes that trainers print."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from lrdash.logs.optimizer import find_optimizer_lines
from lrdash.logs.scanner import LogScanner

LINE = b"[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05\n"
BLOCK_BYTES = 32 << 20
DEFAULT_BYTES = 1 << 30

Row = tuple[str, str, float, float, bool]
"""(budget, what was measured, ratio, limit, held)"""


def write_log(path: Path, size: int, seed: int = 7) -> None:
    """A log of `size` bytes: bars joined by carriage returns, dict lines, INFO lines, colours, bad UTF-8;
    the optimizer line stands at its end."""
    block = make_block(random.Random(seed))
    with path.open("wb") as log:
        for _ in range(max(1, size // len(block))):
            log.write(block)
        log.write(LINE)


def make_block(rng: random.Random, size: int = BLOCK_BYTES) -> bytes:
    """Ten updates of a bar between two training lines, as tqdm and transformers print them."""
    parts: list[bytes] = []
    total, step, length = 200_000, 0, 0
    while length < size:
        line = _lines(rng, step, total)
        parts.append(line)
        length += len(line)
        step += 10
    return b"".join(parts)


def _lines(rng: random.Random, step: int, total: int) -> bytes:
    bars = b"".join(b"\r" + _bar(step + at, total) for at in range(10))
    loss, norm = rng.random(), rng.random() * 5
    row = (
        f"{{'loss': {loss:.4f}, 'grad_norm': {norm:.6g}, 'learning_rate': 2e-05,"
        f" 'cls_backbone_learning_rate': 2e-06, 'epoch': {step / 1000:.2f}, 'step': {step}}}\n"
    )
    extra = b""
    if step % 1000 == 0:
        extra += f"[INFO] Step {step} of {total}, epoch {step / 1000:.2f}\n".encode()
        extra += f"{{'eval_loss': {loss:.4f}, 'eval_accuracy': 0.71, 'epoch': {step / 1000:.1f}}}\n".encode()
    if rng.random() < 0.05:
        extra += b"[INFO|trainer.py:2409] 2025-01-01 00:00:00,123 >> Saving model checkpoint to saves/x\n"
    if rng.random() < 0.02:
        extra += b"\x1b[33mWARNING\x1b[0m caf\xe9 \xff\xfe a line that is not UTF-8\n"
    if rng.random() < 0.0001:
        extra += b"a line of a quarter of a megabyte " * 8000 + b"\n"
    return bars + b"\n" + row.encode() + extra


def _bar(step: int, total: int) -> bytes:
    filled = "█" * (10 * step // total)
    clock = f"{step // 60:02d}:{step % 60:02d}<99:59,  2.81s/it"
    return f"{100 * step // total:3d}%|{filled:<10}| {step}/{total} [{clock}]".encode()


def rows(size: int = DEFAULT_BYTES, repeats: int = 5) -> list[Row]:
    """Both budgets of the scanner; median of `repeats` rounds, each side in turn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1_2.out"
        write_log(path, size)
        gigabytes = path.stat().st_size / 1e9
        times: dict[str, list[float]] = {"grep": [], "verdict": [], "facts": []}
        for _ in range(repeats):
            times["grep"].append(_seconds(lambda: _grep(path)))
            times["verdict"].append(_seconds(lambda: _verdict(path)))
            times["facts"].append(_seconds(lambda: _facts(path)))
    grep, verdict, facts = (gigabytes / median(times[name]) for name in ("grep", "verdict", "facts"))
    return [
        _row("optimizer verdict of a whole log, against grep -c -a -F", verdict, grep, 0.8),
        _row("complete facts of a whole log, against grep -c -a -F", facts, grep, 0.1),
    ]


def _row(budget: str, speed: float, peer: float, limit: float) -> Row:
    ratio = speed / peer
    return budget, f"{speed:.2f} GB/s, grep {peer:.2f} GB/s", ratio, limit, ratio >= limit


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _grep(path: Path) -> None:
    command = ["grep", "-c", "-a", "-F", "custom classification optimizer", str(path)]
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, check=True)
    assert done.stdout == b"1\n"


def _verdict(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        assert len(list(find_optimizer_lines(fd, str(path)))) == 1
    finally:
        os.close(fd)


def _facts(path: Path) -> None:
    facts = LogScanner().scan(path, path.with_suffix(".err"))[-1]
    assert len(facts.optimizer) == 1


if __name__ == "__main__":
    for row in rows():
        print(row)
