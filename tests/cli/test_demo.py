"""A demo that is interrupted while it is made, or refused when it is submitted; no training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lrdash.cli.demo import submit_once
from lrdash.errors import RefusedError
from lrdash.scheduler.base import Submission
from lrdash.scheduler.local import LocalScheduler
from lrdash.scheduler.records import read_records
from tests.sweeps import write_sweep

# Stands in for the program that makes models and data: ended half-way the first time.
MAKER = """
import sys
from pathlib import Path
models = Path(sys.argv[1]) / "models"
is_first = not models.exists()
models.mkdir(exist_ok=True)
sys.exit(is_first)
"""


def prepare(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a folder, with the program that is installed beside it."""
    path = os.pathsep.join([str(folder / "installed"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "lrdash", "demo", "--prepare", *words], env={**os.environ, "PYTHONPATH": path},
        cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def write_maker(folder: Path, program: str) -> None:
    maker = folder / "trainer/demo"
    maker.mkdir(parents=True)
    for file in (folder / "trainer/__init__.py", maker / "__init__.py"):
        file.touch()
    (maker / "__main__.py").write_text(program)


def test_a_folder_that_is_called_like_the_trainer_is_not_run(tmp_path: Path) -> None:
    write_maker(tmp_path / "installed", "print('made')")
    write_maker(tmp_path, "raise SystemExit('somebody else's program')")
    assert prepare(tmp_path).returncode == 0


def test_a_demo_that_was_interrupted_is_made_to_its_end(tmp_path: Path) -> None:
    write_maker(tmp_path / "installed", MAKER)
    interrupted = prepare(tmp_path, "--rows", "64")
    assert interrupted.returncode == 2
    assert "ended with exit code 1" in interrupted.stderr
    again = prepare(tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stdout == f"{tmp_path}/lrdash-demo/sbatch/final_sweep_v7/sweep.yaml\n"
    other = prepare(tmp_path, "--rows", "80")
    assert other.returncode == 2
    assert "was made with --rows 64 --processes 1; give another folder for --rows 80" in other.stderr
    assert prepare(tmp_path).stderr == ""


def test_a_demo_that_was_refused_is_submitted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str | RefusedError] = [RefusedError("the local supervisor runs on other"), "1"]

    def submit(scheduler: LocalScheduler, submission: Submission) -> str:
        answer = answers.pop(0)
        if isinstance(answer, RefusedError):
            raise answer
        return answer

    monkeypatch.setattr(LocalScheduler, "submit", submit)
    sweep = write_sweep(tmp_path)
    with pytest.raises(RefusedError, match="runs on other"):
        submit_once(sweep)
    submit_once(sweep)
    submit_once(sweep)
    assert {each.job for each in read_records(sweep)} == {None, "1"}
