"""What happens to logs and results: cut, replaced, deleted, locked, corrupted; no space, wrong clocks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lrdash.sweep.identity import Identity
from tests.faults.arena import Arena, is_active
from tests.waiting import wait_until

BEFORE_THE_LAST_EPOCH = 20
RESULT_FILES = ("all_results.json", "run_meta.json", "trainer_log.jsonl")
# The superuser reads what nobody may read, unless it gives that right away.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
FORGED = {"eval_accuracy": 0.987654, "eval_loss": 0.000123}


def truncate_log(arena: Arena) -> None:
    on_log(arena, lambda log: os.truncate(log, arena.random.randint(0, log.stat().st_size)))


def delete_log(arena: Arena) -> None:
    on_log(arena, Path.unlink)


def replace_log(arena: Arena) -> None:
    """By noise, by nothing, by the log of another task with other numbers."""
    on_log(arena, lambda log: replace(log, arena.random.choice([noise(arena), b"", other_log(arena)])))


def lock_log(arena: Arena) -> None:
    name = arena.start(most=BEFORE_THE_LAST_EPOCH)
    logs = arena.status_of(name).logs
    with locked(Path(str(logs.out))), locked(Path(str(logs.err))):
        source = arena.status(UNPRIVILEGED).sources.logs
        if source.state == "fresh":
            arena.problems.append("logs that cannot be read are called fresh")
        arena.look()
    arena.finish()


def truncate_results(arena: Arena) -> None:
    on_result(arena, lambda path: os.truncate(path, arena.random.randint(0, path.stat().st_size)))


def delete_results(arena: Arena) -> None:
    on_result(arena, Path.unlink)


def replace_results(arena: Arena) -> None:
    """By the results of another attempt, with other numbers."""
    name = arena.start(least=7, most=BEFORE_THE_LAST_EPOCH)
    folder = results_of(arena, name)
    rows = [{"epoch": float(epoch), "step": epoch, **FORGED} for epoch in (1, 2)]
    attempt = {"job": "999_0", "restart": 0}
    replace(
        folder / "all_results.json",
        json.dumps({"epochs": rows, "lrdash": {"attempt": attempt}}).encode(),
    )
    if arena.random.random() < 0.5:
        replace(folder / "run_meta.json", json.dumps({"attempt": attempt}).encode())
    arena.look()
    arena.status()
    if arena.random.random() < 0.5:
        os.utime(folder / "all_results.json", (0, 0))
    arena.look()
    put_meta_back(arena, name)
    arena.finish()


def lock_results(arena: Arena) -> None:
    name = arena.start(least=7, most=BEFORE_THE_LAST_EPOCH)
    folder = results_of(arena, name)
    with ExitStack() as held:
        held.enter_context(locked(folder / arena.random.choice(RESULT_FILES)))
        arena.status(UNPRIVILEGED)
        arena.look()
    arena.finish()


def corrupt_json(arena: Arena) -> None:
    """Any JSON that lrdash reads, also its own: of a result, the cache, the local scheduler."""
    name = arena.start(least=7, most=BEFORE_THE_LAST_EPOCH)
    results = results_of(arena, name)
    files = [results / file for file in RESULT_FILES]
    files += [path for path in (arena.folder / "cache").rglob("*") if path.is_file()]
    files += list((arena.root / "logs").glob("*/local/[0-9]*.json"))
    path = arena.random.choice(files)
    content = bytearray(path.read_bytes())
    for _ in range(arena.random.randint(1, 20)):
        if content:
            content[arena.random.randrange(len(content))] = arena.random.randrange(256)
    if arena.random.random() < 0.5:
        content += arena.random.choice([b"{", b"\0" * 100, b'"' + b"[" * 5000, b"\xff\xfe"])
    # What still reads as JSON would be a forged number, not a corrupt file.
    replace(path, bytes(content) if not_json(bytes(content)) else b"{" + bytes(content))
    arena.look()
    arena.status()
    arena.monitor.close()
    arena.monitor = arena.new_monitor("cache")
    arena.look()
    put_meta_back(arena, name)
    arena.finish()


def fill_disk(arena: Arena) -> None:
    """No byte is left for logs, results, checkpoints and records; what failed goes on when there is space."""
    arena.start(most=BEFORE_THE_LAST_EPOCH)
    ballast = arena.folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 16, 1 << 10, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    look_without_cache(arena)
    finished = arena.lrdash("status", "--json")
    if "Traceback" in finished.stderr:
        arena.problems.append(f"status on a full disk: {finished.stderr.splitlines()[-1]}")
    submitted = arena.lrdash("submit")
    if submitted.returncode == 0 or "Traceback" in submitted.stderr:
        arena.problems.append(f"submit on a full disk: {submitted.returncode} {submitted.stderr}")
    time_until_it_hurts = arena.random.uniform(0.2, 1.5)
    deadline = time.monotonic() + time_until_it_hurts
    wait_until(lambda: time.monotonic() > deadline, 10)
    ballast.unlink()
    arena.finish(resubmit=True)


def look_without_cache(arena: Arena) -> None:
    """A look of the session that is open; its own cache may be what does not fit."""
    try:
        arena.look()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        arena.problems.append(f"a full disk ends the dashboard: {error}")


def jump_clock(arena: Arena) -> None:
    """The dashboard's clock is set back and forth by up to two days."""
    arena.start(most=12)
    for _ in range(4):
        arena.clock_offset = arena.random.choice([-1, 1]) * arena.random.uniform(1, 172800)
        arena.look()
        arena.look()
    arena.clock_offset = 0.0
    arena.finish()


def on_log(arena: Arena, change: Callable[[Path], object]) -> None:
    name = arena.start(most=BEFORE_THE_LAST_EPOCH)
    logs = arena.status_of(name).logs
    change(Path(str(arena.random.choice([logs.out, logs.err]))))
    arena.look()
    arena.status()
    arena.finish()


def on_result(arena: Arena, change: Callable[[Path], object]) -> None:
    name = arena.start(least=7, most=BEFORE_THE_LAST_EPOCH)
    change(results_of(arena, name) / arena.random.choice(RESULT_FILES))
    arena.look()
    arena.status()
    put_meta_back(arena, name)
    arena.finish()


def put_meta_back(arena: Arena, name: str) -> None:
    """A run writes who it is once, when it starts: without that its results belong to nobody for sure."""
    run = arena.status_of(name)
    path = results_of(arena, name) / "run_meta.json"
    if is_active(run) or run.state == "COMPLETED":
        attempt = {"job": arena.task_of(name), "restart": run.restarts or 0, "started_at": 0}
        replace(path, json.dumps({"schema": 1, "attempt": attempt}).encode())


def results_of(arena: Arena, name: str) -> Path:
    return arena.root / "results" / arena.sweep.name / name


def replace(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.other")
    new.write_bytes(content)
    new.rename(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Held by somebody else, and readable by nobody."""
    mode = path.stat().st_mode
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        path.chmod(0)
        try:
            yield
        finally:
            # It may have been replaced meanwhile, by one with a mode of its own.
            path.chmod(mode)


def noise(arena: Arena) -> bytes:
    return arena.random.randbytes(arena.random.randint(1, 200_000))


def other_log(arena: Arena) -> bytes:
    """Of an older task."""
    identity = Identity(
        arena.sweep.name, "text", 0, "text_0", "0_0", 0, 29700, "elsewhere", "slurm", str(arena.root)
    )
    rows = [{**FORGED, "epoch": float(epoch), "step": epoch * 1000} for epoch in (1, 2, 3)]
    return "\n".join([str(identity), *map(str, rows), ""]).encode()


def not_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return True
    return False
