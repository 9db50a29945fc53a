"""Faults that are really made: the trainer, torchrun and the kernel write the logs that are judged here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lrdash.logs.scanner import LogScanner
from lrdash.monitor.checks import run_checks
from lrdash.monitor.diagnosis import diagnose
from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.snapshot import CheckName, Diagnosis
from lrdash.results.history import ResultsReader
from lrdash.scheduler.base import TaskUsage
from lrdash.sweep.spec import Run
from tests.monitor.logged import NOW, SEPARATE, SWEEP, UNIFORM, task
from tests.trainer.trainings import train, words

CGROUP = Path("/sys/fs/cgroup/memory")


def evidence_of(folder: Path, out: str = "0.out", err: str = "0.err", run: Run = SEPARATE) -> RunEvidence:
    """What the files of a run in `folder` say, held against a run of the real sweep."""
    results = ResultsReader().read(folder / "results" / "run", folder / "saves")
    facts = LogScanner().scan(folder / out, folder / err)[-1]
    return RunEvidence(now=NOW, sweep=SWEEP, group=SWEEP.group("text"), run=run, facts=facts, results=results)


def verdicts(evidence: RunEvidence) -> dict[CheckName, str]:
    return {check.name: check.verdict for check in run_checks(evidence)}


def failed(folder: Path, out: str = "0.out", err: str = "0.err", usage: TaskUsage | None = None) -> Diagnosis:
    evidence = evidence_of(folder, out, err)
    diagnosis = diagnose(replace(evidence, task=task("FAILED", exit_code="1:0"), usage=usage))
    assert diagnosis is not None
    return diagnosis


# Real trainings with other rates than the sweep asks for


@pytest.mark.training
def test_swapped_rates(tmp_path: Path, demo_data: Path) -> None:
    swapped = words(demo_data, learning_rate=2e-6, cls_backbone_learning_rate=2e-5, num_train_epochs=1)
    train(swapped, tmp_path)
    found = verdicts(evidence_of(tmp_path))
    assert (found["optimizer"], found["rates"]) == ("WRONG_VALUE", "WRONG_VALUE")
    assert verdicts(evidence_of(tmp_path, run=UNIFORM))["optimizer"] == "FORBIDDEN"


@pytest.mark.training
def test_separate_rate_without_effect(tmp_path: Path, demo_data: Path) -> None:
    """The run that the experiment's line is looked for to catch: it trains, but with one rate."""
    train(words(demo_data, learning_rate=2e-5, num_train_epochs=1), tmp_path)
    found = verdicts(evidence_of(tmp_path))
    assert (found["optimizer"], found["rates"]) == ("MISSING", "WRONG_VALUE")
    found = verdicts(evidence_of(tmp_path, run=UNIFORM))
    assert (found["optimizer"], found["rates"], found["epochs"]) == ("PASS", "PASS", "WRONG_VALUE")


@pytest.mark.training
def test_a_loss_that_is_no_number(tmp_path: Path, demo_data: Path) -> None:
    train(words(demo_data, learning_rate=1e30, max_grad_norm=0, warmup_steps=0), tmp_path, code=1)
    diagnosis = failed(tmp_path)
    assert diagnosis.failure == "non_finite_loss"


@pytest.mark.training
def test_data_set_not_found(tmp_path: Path, demo_data: Path) -> None:
    train(words(demo_data, dataset="python_docstrings_trian"), tmp_path, code=2)
    diagnosis = failed(tmp_path)
    assert diagnosis.failure == "dataset_not_found"
    assert "python_docstrings_train" in diagnosis.evidence.text


@pytest.mark.training
def test_missing_model(tmp_path: Path, demo_data: Path) -> None:
    train(words(demo_data, model_name_or_path="Qwen/Qwen2.5-7B-Instruct"), tmp_path, code=2)
    assert failed(tmp_path).failure == "missing_model"


@pytest.mark.faults
@pytest.mark.training
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_disk_full(tmp_path: Path, demo_data: Path) -> None:
    with small_disk(tmp_path / "saves"):
        train(words(demo_data), tmp_path, code=2)
        assert failed(tmp_path).failure == "disk_full"
        program = "open('saves/x', 'wb').write(bytes(4 << 20))"
        assert run(tmp_path, ["bash", "-c", f'cd {tmp_path} && {sys.executable} -c "{program}"']) == 1
    diagnosis = failed(tmp_path, "out", "err")
    assert diagnosis.failure == "disk_full"
    assert diagnosis.evidence.text == "OSError: [Errno 28] No space left on device"


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


# torchrun and a program of one line


def torchrun(folder: Path, program: str, *, port: int | None = None, processes: int = 2) -> int:
    """Run a program under torchrun; its output is out and err in `folder`."""
    script = folder / "program.py"
    script.write_text(program)
    rendezvous = ["--standalone"] if port is None else ["--master-addr=127.0.0.1", f"--master-port={port}"]
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        *rendezvous,
        f"--nproc-per-node={processes}",
        str(script),
    ]
    return run(folder, command)


def run(folder: Path, command: list[str]) -> int:
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.run(command, stdout=out, stderr=err, timeout=240, check=False).returncode


def test_kill_9_of_one_rank(tmp_path: Path) -> None:
    assert torchrun(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)") != 0
    diagnosis = failed(tmp_path, "out", "err")
    assert diagnosis.failure == "unknown", "nobody says that it was the memory, and it was not"
    assert "killed by signal 9" in diagnosis.evidence.text


def test_port_really_taken(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("", 0))
        holder.listen()
        assert torchrun(tmp_path, "print('never')", port=holder.getsockname()[1]) != 0
    assert failed(tmp_path, "out", "err").failure == "port_in_use"


@pytest.mark.faults
def test_an_exception_in_one_rank_is_found_behind_the_launchers(tmp_path: Path) -> None:
    program = "import os, time\nif os.environ['RANK'] == '0': raise KeyError('labels')\ntime.sleep(60)"
    assert torchrun(tmp_path, program) != 0
    diagnosis = failed(tmp_path, "out", "err")
    assert diagnosis.failure == "unknown"
    assert diagnosis.evidence.text.splitlines()[-1] == "KeyError: 'labels'"


@pytest.mark.faults
def test_a_rank_that_never_comes(tmp_path: Path) -> None:
    program = (
        "import os, datetime, torch.distributed as dist\n"
        "dist.init_process_group('gloo', timeout=datetime.timedelta(seconds=3), rank=0, world_size=3)\n"
    )
    assert torchrun(tmp_path, program, processes=1) != 0
    assert failed(tmp_path, "out", "err").failure == "nccl"


def test_missing_module(tmp_path: Path) -> None:
    assert run(tmp_path, [sys.executable, "-I", "-S", "-c", "import torch"]) == 1
    assert failed(tmp_path, "out", "err").failure == "import_error"


@pytest.mark.faults
def test_memory_of_the_node(tmp_path: Path) -> None:
    """The kernel's own out-of-memory killer, in a memory cgroup."""
    if not os.access(CGROUP / "memory.limit_in_bytes", os.W_OK):
        pytest.skip("no memory cgroup can be made here")
    program = (
        f"import os; open('{CGROUP}/lrdash-test/cgroup.procs', 'w').write(str(os.getpid()))\n"
        "data = bytearray(1 << 30)\n"
    )
    with memory_cgroup(200 << 20) as group:
        assert torchrun(tmp_path, program, processes=1) != 0
        peak = int((group / "memory.max_usage_in_bytes").read_text())
    usage = TaskUsage(max_rss_bytes=peak, requested_memory_bytes=200 << 20)
    assert failed(tmp_path, "out", "err", usage).failure == "host_out_of_memory"


@contextmanager
def memory_cgroup(limit: int) -> Iterator[Path]:
    group = CGROUP / "lrdash-test"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit))
        yield group
    finally:
        group.rmdir()


@pytest.mark.faults
def test_allocation_that_is_refused(tmp_path: Path) -> None:
    limited = ["bash", "-c", f"ulimit -v 4000000; {sys.executable} -c 'x = bytearray(1 << 40)'"]
    assert run(tmp_path, limited) == 1
    assert failed(tmp_path, "out", "err").failure == "host_out_of_memory"
