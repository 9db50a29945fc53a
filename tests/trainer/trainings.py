"""Trainings as processes of their own, forked from one interpreter that has torch imported.

A run of several processes is started as torchrun would, without torchrun's own start.
"""

from __future__ import annotations

import importlib
import itertools
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.conftest import hold_training_lock

CONTEXT = multiprocessing.get_context("forkserver")
_PRELOADED = ("run", "metrics", "data.images", "model.vision", "demo.checkpoints")
CONTEXT.set_forkserver_preload([f"trainer.{name}" for name in _PRELOADED])
Hook = Callable[[int], None]
"""Called in a process of the run, with its rank, before the run begins; a function of a module."""
SECONDS = 240.0
"""No training of a test takes longer, even on a loaded machine."""


@dataclass(frozen=True)
class Interruption:
    """A signal to the process itself when it calls a function for the nth time; the call then goes on.

    With `group` the process leads a group, as under torchrun, and the signal is sent to all of it.
    """

    place: str
    """`module:attribute`, as in `trainer.checkpoints:publish`."""
    call: int
    signal: signal.Signals
    rank: int = 0
    group: bool = False

    def __call__(self, rank: int) -> None:
        if self.group:
            os.setpgid(0, 0)
        if rank == self.rank:
            self._arm()

    def _arm(self) -> None:
        module, _, path = self.place.partition(":")
        *owners, name = path.split(".")
        owner = reduce(getattr, owners, importlib.import_module(module))
        function, calls = getattr(owner, name), itertools.count(1)

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            if next(calls) == self.call:
                self._send()
            return function(*args, **kwargs)

        setattr(owner, name, interrupted)

    def _send(self) -> None:
        if self.group:  # from outside, as torchrun does: PyTorch's own processes know their parent's signals
            command = ["kill", "-s", self.signal.name, "--", f"-{os.getpid()}"]
            subprocess.run(command, check=True, process_group=0)
        else:
            os.kill(os.getpid(), self.signal)


@dataclass
class Training:
    """A started run; its output is in `folder`. It holds the machine's training lock until waited for."""

    folder: Path
    processes: list[BaseProcess] = field(default_factory=list)
    lock: ExitStack = field(default_factory=ExitStack)

    @property
    def out(self) -> str:
        return _text(self.folder / "0.out")

    @property
    def err(self) -> str:
        return _text(self.folder / "0.err")

    def is_alive(self) -> bool:
        return any(process.is_alive() for process in self.processes)

    def send(self, number: signal.Signals) -> None:
        for process in self.processes:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit code of the first process, negative after a signal."""
        with self.lock:
            for process in self.processes:
                process.join(seconds)
                if process.is_alive():
                    self.send(signal.SIGKILL)
                    raise AssertionError(f"a training took over {seconds:g} s:\n{self.out}\n{self.err}")
        code = self.processes[0].exitcode
        assert code is not None
        return code

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """The printed mappings that hold a key, such as `loss` or `eval_loss`."""
        lines = (line for line in self.out.splitlines() if line.startswith(f"{{'{kind}'"))
        return [json.loads(line.replace("'", '"').replace("None", "null")) for line in lines]


def words(demo: Path, kind: str = "text", **changes: object) -> list[str]:
    """The command line of a short run on the demo's data, which may be changed; None leaves a flag out."""
    data = "python_docstrings" if kind == "text" else "python_pages"
    flags: dict[str, object] = {
        "stage": "cls",
        "do_train": True,
        "do_predict": True,
        "model_name_or_path": demo / "models" / kind,
        "dataset_dir": demo / "data",
        "dataset": f"{data}_train",
        "eval_dataset": f"{data}_test",
        "cutoff_len": 40,
        "image_max_pixels": 112 * 112,
        "learning_rate": 2e-5,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 2,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 16,
        "eval_strategy": "epoch",
        "save_total_limit": 3,
        "logging_steps": 1,
        "output_dir": "saves",
        "results_dir": "results/run",
    } | changes
    return [word for flag, value in flags.items() if value is not None for word in (f"--{flag}", str(value))]


def start(
    words: Sequence[str],
    folder: Path,
    *,
    processes: int = 1,
    environment: Mapping[str, str] | None = None,
    hook: Hook | None = None,
) -> Training:
    """Start a run in `folder`, its working directory."""
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(folder)
    training.lock.enter_context(hold_training_lock())
    port = free_port()
    for rank in range(processes):
        variables = dict(environment or {}) | (_ranks(rank, processes, port) if processes > 1 else {})
        process = CONTEXT.Process(target=_child, args=(list(words), folder, rank, variables, hook))
        process.start()
        training.processes.append(process)
    return training


def train(
    words: Sequence[str],
    folder: Path,
    *,
    processes: int = 1,
    code: int = 0,
    hook: Hook | None = None,
) -> Training:
    """Carry a run out; fails with its output when it does not end with `code`."""
    training = start(words, folder, processes=processes, hook=hook)
    ended = training.wait()
    assert ended == code, f"exit code {ended}, not {code}:\n{training.out}\n{training.err}"
    return training


def _ranks(rank: int, processes: int, port: int) -> dict[str, str]:
    """What torchrun tells a process. LOCAL_RANK also makes it die with its parent, the fork server."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def make_demo(folder: Path, rows: int) -> None:
    from trainer.demo.workspace import make_workspace

    make_workspace(folder, rows)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _child(words: list[str], folder: Path, rank: int, variables: dict[str, str], hook: Hook | None) -> None:
    os.chdir(folder)
    os.environ.update(variables)
    for stream, suffix in ((sys.stdout, "out"), (sys.stderr, "err")):
        with (folder / f"{rank}.{suffix}").open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    from trainer.__main__ import main

    if hook is not None:
        hook(rank)
    main(words)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
