"""Results: two prediction files of 100,000 rows compared, opened again, and the memory that it takes.

Times are wall times, ours and json.loads' taken in turn; a comparison indexes both files at once, each in a
process of its own, so that the ratio falls with free cores.
"""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import msgspec

from lrdash.results.candidates import Candidate, with_predictions
from lrdash.results.compare import compare
from lrdash.results.comparison import Comparison
from lrdash.results.documents import RunResults
from lrdash.results.predictions import PredictionStore
from lrdash.results.rows import Label

T = TypeVar("T")

ROWS = 100_000
RUNS = 3
TEXT_CHARACTERS = 1_400
MEMORY_MIB = 40


PEAK = """
    import re, sys
    from pathlib import Path
    from lrdash.results.indexing import build_index

    def peak():  # ru_maxrss would begin with the parent's
        return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

    before = peak()
    index = build_index(Path(sys.argv[1]))
    print((peak() - before) // 1024, len(index.truths) // 2)
    """
"""Prints the MiB that indexing a file takes beyond the start of the process, and its rows."""


class Fields(msgspec.Struct):
    """What any reader must decode of a row: the limit of the libraries."""

    true_label: Label
    predicted_label: Label
    probabilities: list[float]
    id: str


def rows() -> Iterator[tuple[str, str, float | None, float | None, bool | None]]:
    with tempfile.TemporaryDirectory(prefix="lrdash-bench-") as folder:
        paths = [
            write_predictions(Path(folder) / f"{at}.jsonl", at, share) for at, share in enumerate((0.9, 0.87))
        ]
        times: dict[str, list[float]] = {name: [] for name in ("ours", "again", "json", "msgspec")}
        for _ in range(RUNS):
            cache = Path(folder) / "cache"
            shutil.rmtree(cache, ignore_errors=True)
            times["json"].append(seconds(lambda: load_all(paths)))
            times["ours"].append(seconds(lambda: compared(paths, PredictionStore(cache))))  # noqa: B023
            times["again"].append(seconds(lambda: reopened(paths, PredictionStore(cache))))  # noqa: B023
            times["msgspec"].append(seconds(lambda: decode_all(paths)))
        ours, again, slow, fast = (
            statistics.median(times[name]) for name in ("ours", "again", "json", "msgspec")
        )
        size = sum(path.stat().st_size for path in paths) / 2**20
        yield row(
            "compare two 100,000-row prediction files <= 0.15x json.loads",
            f"{ours:.2f} s with all metrics and tests; json.loads alone {slow:.2f} s; {size:.0f} MiB",
            ours / slow,
            0.15,
        )
        yield row(
            "the same <= 1.5x msgspec decoding four fields of each row",
            f"{ours:.2f} s; msgspec alone, in one process, {fast:.2f} s; {os.cpu_count()} cores",
            ours / fast,
            1.5,
        )
        yield row(
            "open both again from the cache <= 0.1x the first time",
            f"{again * 1000:.0f} ms",
            again / ours,
            0.1,
        )
        peak = memory_mib(paths[0])
        yield row(
            f"index 100,000 rows in <= {MEMORY_MIB} MiB",
            f"{peak} MiB above the process's start",
            peak,
            MEMORY_MIB,
        )


def row(budget: str, measured: str, ratio: float, limit: float) -> tuple[str, str, float, float, bool]:
    return budget, measured, ratio, limit, ratio <= limit


def write_predictions(path: Path, seed: int, accuracy: float) -> Path:
    """Rows as the trainer writes them, with real text: the standard library's sources."""
    text = library_text()
    rng = random.Random(seed)
    easy = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for at in range(ROWS):
            truth = at % 2
            right = easy.random() < 0.8 or rng.random() < (accuracy - 0.8) / 0.2
            guess = truth if right else 1 - truth
            p = 0.5 + rng.random() / 2
            start = at * 1379 % (len(text) - TEXT_CHARACTERS)
            line = {
                "logits": [0.0, p],
                "probabilities": [1 - p, p] if guess else [p, 1 - p],
                "predicted_label": guess,
                "true_label": truth,
                "id": f"row-{at}",
                "text": text[start : start + TEXT_CHARACTERS],
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return path


def library_text() -> str:
    names = [module.name for module in pkgutil.iter_modules() if module.name in sys.stdlib_module_names]
    specs = (find_spec(name) for name in names if name not in ("antigravity", "this"))
    origins = [spec.origin for spec in specs if spec and spec.origin and spec.origin.endswith(".py")]
    return "".join(Path(origin).read_text(encoding="utf-8", errors="replace") for origin in origins)


def compared(paths: list[Path], store: PredictionStore) -> Comparison:
    runs = [
        Candidate(path.stem, path.stem, "text", at, results=RunResults(predictions=path))
        for at, path in enumerate(paths)
    ]
    comparison = compare(with_predictions(runs, store))
    assert comparison.groups[0].pairs[0].n == ROWS
    return comparison


def reopened(paths: list[Path], store: PredictionStore) -> None:
    for path in paths:
        assert store.read(path).n == ROWS


def load_all(paths: list[Path]) -> None:
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                json.loads(line)


def decode_all(paths: list[Path]) -> None:
    decode = msgspec.json.Decoder(Fields).decode
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                decode(line)


def memory_mib(path: Path) -> int:
    program = inspect.cleandoc(PEAK)
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[0])


def seconds(work: Callable[[], T]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
