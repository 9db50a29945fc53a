"""A submission whose answer is lost: found again by its token, never made twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lrdash.scheduler.records import SubmissionRecord, read_records
from lrdash.sweep.load import load_sweep
from tests.slurm.cluster import Cluster
from tests.slurm.configuration import find_program
from tests.slurm.experiment import FOLDER, Clone
from tests.waiting import wait_until

WAITS = "import time; time.sleep(600)"
ROUNDS = 20


@pytest.fixture
def clone(tmp_path: Path, own_slurm_cluster: Cluster) -> Clone:
    clone = Clone(tmp_path / "clone", own_slurm_cluster)
    clone.run_program(WAITS)
    (clone.root / "bin").mkdir()
    return clone


def replace_sbatch(clone: Clone, around: str) -> dict[str, str]:
    """An sbatch that does something around the real one; --test-only goes straight through."""
    real = find_program("sbatch")
    wrapper = clone.root / "bin/sbatch"
    only_test = f'case "$*" in *--test-only*) exec {real} "$@";; esac'
    wrapper.write_text(f"#!/bin/bash\n{only_test}\n{around.replace('SBATCH', str(real))}\n")
    wrapper.chmod(0o755)
    return {"PATH": f"{wrapper.parent}:{clone.environment['PATH']}"}


def records(clone: Clone) -> list[SubmissionRecord]:
    return list(read_records(load_sweep(clone.root / FOLDER / "sweep.yaml")))


def jobs_in_queue(clone: Clone) -> list[str]:
    return sorted(set(clone.cluster.run("squeue", "-h", "-r", "-t", "all", "-o", "%F").split()))


def check_frozen_controller(clone: Clone) -> None:
    """The controller hangs just when sbatch is called, and answers again afterwards."""
    before = jobs_in_queue(clone)
    freeze = f"kill -STOP {clone.cluster._daemons['slurmctld'].pid}"
    finished = clone.lrdash(
        "submit", "--group", "text", **replace_sbatch(clone, f'{freeze}\nexec SBATCH "$@"')
    )
    clone.cluster.thaw("slurmctld")
    token = records(clone)[-1].token
    assert finished.returncode == 4, finished.stderr
    assert "Socket timed out" in finished.stderr
    assert f"it may have been submitted all the same (token {token})" in finished.stderr
    new = wait_until(lambda: [job for job in jobs_in_queue(clone) if job not in before], 20)
    again = clone.lrdash("submit", "--group", "text")
    assert again.returncode == 2
    assert f"already queued or running: text:0 ({new[0]}_0)" in again.stderr
    assert [record.job for record in records(clone)][-1] == new[0]
    assert [job for job in jobs_in_queue(clone) if job not in before] == new
    clone.cluster.cancel_all()


def test_sbatch_to_a_frozen_controller(clone: Clone) -> None:
    check_frozen_controller(clone)


@pytest.mark.acceptance
def test_sbatch_to_a_frozen_controller_again_and_again(clone: Clone) -> None:
    for _ in range(ROUNDS):
        check_frozen_controller(clone)
    assert len(records(clone)) == ROUNDS


def test_killed_between_record_and_sbatch(clone: Clone) -> None:
    killed = clone.lrdash("submit", "--group", "text", **replace_sbatch(clone, "kill -9 $PPID"))
    assert killed.returncode == -9
    assert [(record.state, record.job) for record in records(clone)] == [("intended", None)]
    asked = records(clone)[0].time
    assert f"text:0 not submitted: its submission at {asked} got no answer" in clone.lrdash("status").stdout
    again = clone.lrdash("submit", "--group", "text")
    assert again.returncode == 2
    assert f"got no answer (token {records(clone)[0].token}) and may still arrive" in again.stderr
    assert jobs_in_queue(clone) == []
    make_older(clone)
    finished = clone.lrdash("submit", "--group", "text")
    assert finished.returncode == 0, finished.stderr
    assert len(jobs_in_queue(clone)) == 1


def test_killed_between_sbatch_and_record(clone: Clone) -> None:
    around = 'SBATCH "$@" > answer\nkill -9 $PPID'
    killed = clone.lrdash("submit", "--group", "text", **replace_sbatch(clone, around))
    assert killed.returncode == -9
    job = wait_until(lambda: (clone.root / "answer").read_text().strip())
    assert [(record.state, record.job) for record in records(clone)] == [("intended", None)]
    again = clone.lrdash("submit", "--group", "text")
    assert again.returncode == 2
    assert f"already queued or running: text:0 ({job}_0)" in again.stderr
    assert [(record.state, record.job) for record in records(clone)] == [("submitted", job)]
    assert jobs_in_queue(clone) == [job]


@pytest.mark.parametrize(
    "around",
    [
        'SBATCH "$@" > /dev/null; kill -9 $$',
        'SBATCH "$@" > /dev/null; exit 143',
        'echo "your request was accepted"; SBATCH "$@" > /dev/null',
        'echo "Submitted batch job $(SBATCH "$@")"',
    ],
)
def test_an_answer_without_an_id_is_no_refusal(clone: Clone, around: str) -> None:
    """sbatch ended by a signal, or a site's own sbatch: the job is looked for by its token."""
    finished = clone.lrdash("submit", "--group", "text", **replace_sbatch(clone, around))
    (job,) = jobs_in_queue(clone)
    assert (finished.returncode, finished.stdout) == (0, f"text [0,1,2]: job {job}\n"), finished.stderr
    assert [(record.state, record.job) for record in records(clone)] == [("submitted", job)]
    again = clone.lrdash("submit", "--group", "text")
    assert f"already queued or running: text:0 ({job}_0)" in again.stderr


def make_older(clone: Clone) -> None:
    """As if two minutes had passed since the submission."""
    (path,) = (clone.root / "logs/lr_experiment_v7/submissions").glob("*.json")
    record = json.loads(path.read_text())
    record["time"] = (datetime.now(UTC) - timedelta(minutes=2)).isoformat(timespec="seconds")
    path.write_text(json.dumps(record))


def test_an_unreachable_controller_submits_nothing(clone: Clone) -> None:
    clone.cluster.stop("slurmctld")
    finished = clone.lrdash("submit")
    assert finished.returncode == 4
    assert finished.stderr.splitlines()[-1].startswith("lrdash: squeue: ")
    assert records(clone) == []


def test_a_controller_that_goes_down_before_sbatch_is_a_clear_no(clone: Clone) -> None:
    stop = f"kill -9 {clone.cluster._daemons['slurmctld'].pid}; sleep 0.2"
    finished = clone.lrdash("submit", "--group", "text", **replace_sbatch(clone, f'{stop}\nexec SBATCH "$@"'))
    assert finished.returncode == 4, finished.stderr
    assert "Unable to contact slurm controller (connect failure)" in finished.stderr
    assert [record.state for record in records(clone)] == ["refused"]
