"""What `submit` and `preflight` say: options handed on, answers, commands to type, advice."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrdash.scheduler.local.jobs import JobStore, LocalJob, LocalTask
from lrdash.scheduler.records import read_records, write_record
from lrdash.sweep.spec import Sweep
from tests.monitor.logged import BANNER
from tests.scheduler.test_records import record
from tests.sweeps import write_sweep

LOCAL = ("--scheduler", "local")


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return write_sweep(tmp_path, groups=("text", "vision"))


def lrdash(sweep: Sweep, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lrdash", *words],
        cwd=sweep.root, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_preflight_takes_the_options_of_a_submission(sweep: Sweep) -> None:
    checked = lrdash(sweep, "preflight", *LOCAL, "--", "--time=5")
    assert checked.returncode == 0, checked.stderr
    refused = lrdash(sweep, "preflight", *LOCAL, "--", "--array=0")
    assert (refused.returncode, "--array cannot be given after --" in refused.stderr) == (2, True)


@pytest.mark.parametrize("command", ["submit", "preflight"])
def test_indices_that_are_none_are_a_mistake(sweep: Sweep, command: str) -> None:
    finished = lrdash(sweep, command, *LOCAL, "--index", "2-0")
    assert finished.returncode == 2
    assert "'2-0' is no list of indices such as 0,2 or 0-2" in finished.stderr


def test_a_script_that_is_gone_is_one_finding_of_all(sweep: Sweep) -> None:
    sweep.group("text").script.unlink()
    checked = lrdash(sweep, "preflight", *LOCAL)
    errors = [line for line in checked.stdout.splitlines() if line.startswith("ERROR")]
    assert (checked.returncode, checked.stderr) == (2, "")
    assert len(errors) == 1
    assert "text.sbatch: cannot be read: No such file or directory" in errors[0]
    assert "ok       script vision" in checked.stdout


def test_what_a_dry_run_prints_works_by_hand(sweep: Sweep) -> None:
    finished = lrdash(sweep, "submit", *LOCAL, "--dry-run", "--group", "text")
    assert finished.returncode == 0, finished.stderr
    first, second = finished.stdout.splitlines()
    assert second.startswith(f"cd {shlex.quote(str(sweep.root))} && env LRDASH_VENV=")
    assert "SLURM_ARRAY_TASK_ID=1" in second
    by_hand = subprocess.run(["bash", "-c", first], capture_output=True, text=True, cwd="/", check=False)
    assert by_hand.returncode == 0, by_hand.stderr
    assert "run=text_0 " in by_hand.stdout
    assert by_hand.stdout.endswith("trained\n")
    assert read_records(sweep) == ()


def test_no_is_an_answer(sweep: Sweep) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lrdash", "submit", *LOCAL]
    with subprocess.Popen(
        command, cwd=sweep.root, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        os.write(ours, b"n\n")
        said = b""
        while b"Nothing was submitted." not in said:
            said += os.read(ours, 4096)
        assert process.communicate(timeout=20)[0] == b""
        assert process.returncode == 0
    os.close(ours)
    assert b"Submit? [Y/n]" in said
    assert read_records(sweep) == ()


def ended_at_its_time_limit(sweep: Sweep) -> None:
    """Run text:0 came to step 200 of 300 in 3.5 hours, its limit."""
    logs = sweep.root / "logs/tiny"
    write_record(sweep, record(state="submitted", scheduler="local", job="1", indices=(0,), runs=("text_0",)))
    (logs / "1_0.out").write_text("")
    (logs / "1_0.err").write_text(BANNER + "slurmstepd: error: *** JOB 1 CANCELLED DUE TO TIME LIMIT ***\n")
    results = sweep.root / "results/tiny/text_0"
    results.mkdir(parents=True)
    rows = (
        {"step": step, "loss": 0.5, "elapsed_time": 60.0 * step, "epoch": step / 50}
        for step in range(10, 210, 10)
    )
    (results / "trainer_log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    now = time.time()
    ended = LocalTask(
        index=0, out=str(logs / "1_0.out"), err=str(logs / "1_0.err"), state="TIMEOUT",
        started=now - 12_600, ended=now, exit_code="0:0",
    )  # fmt: skip
    job = LocalJob(
        id=1, name="tiny_text", comment="lrdash:0123abcd", script="x", work_dir=str(sweep.root), user="ann",
        submitted=now - 12_600, processes=1, time_limit_seconds=12_600, append=True,
        tasks=[ended],
    )  # fmt: skip
    (logs / "local").mkdir()
    JobStore(logs / "local").save(job)


@pytest.mark.parametrize("more", [(), ("--", "--mem=1G")])
def test_a_run_that_failed_is_submitted_with_the_option_it_needs(sweep: Sweep, more: tuple[str, ...]) -> None:
    ended_at_its_time_limit(sweep)
    finished = lrdash(sweep, "submit", "--failed", "--dry-run", *LOCAL, *more)
    assert finished.returncode == 0, finished.stderr
    notes = [line for line in finished.stderr.splitlines() if "text:0 failed" in line]
    assert len(notes) == 1, finished.stderr
    assert notes[0].startswith("note     text:0 failed (time limit): the whole run needs about --time=0")
    assert ": lrdash submit --group text --index 0 -- --time=0" in notes[0]
