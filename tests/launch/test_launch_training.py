"""launch with the real trainer under torchrun: nothing is left when its parts are killed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from lrdash.scheduler.processes import descendants
from tests.launch.test_launch import is_running, launched
from tests.sweeps import write_sweep
from tests.waiting import wait_until

pytestmark = pytest.mark.training


ACCEPTANCE = pytest.mark.acceptance


@pytest.mark.parametrize(
    "victim", ["torchrun", pytest.param("rank", marks=ACCEPTANCE), pytest.param("launcher", marks=ACCEPTANCE)]
)
def test_no_trainer_outlives_a_kill(
    tmp_path: Path, demo_data: Path, training_lock: None, victim: str
) -> None:
    sweep = write_sweep(
        tmp_path,
        None,
        processes=2,
        args={
            "stage": "cls", "do_train": True, "num_train_epochs": 2000,
            "model_name_or_path": str(demo_data / "models/text"),
            "dataset_dir": str(demo_data / "data"), "dataset": "python_docstrings_train", "cutoff_len": 40,
        },
    )  # fmt: skip
    with launched(sweep) as process:
        wait_until(lambda: re.search(r"'loss'", (tmp_path / "out").read_text()), 90, "a training step")
        family = descendants(process.pid)
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in family}
        torchrun = next(pid for pid, words in commands.items() if b"torch.distributed.run" in words)
        ranks = [pid for pid, words in commands.items() if b"trainer" in words and pid != torchrun]
        assert len(ranks) == 2
        os.kill({"torchrun": torchrun, "rank": ranks[1], "launcher": process.pid}[victim], signal.SIGKILL)
        seconds = 30 if victim == "rank" else 2  # torchrun first asks the other rank to end
        wait_until(lambda: not any(map(is_running, family)), seconds, f"the end of {commands}")
        assert process.wait(timeout=5) != 0
