"""Where tasks write, for every pattern that sbatch knows: ours must be the file that Slurm makes."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdash.scheduler.base import StreamPaths
from lrdash.scheduler.slurm import SlurmScheduler
from lrdash.scheduler.slurm.log_paths import expand_pattern, stream_paths
from lrdash.scheduler.slurm.records import parse_records
from tests.slurm.cluster import Cluster
from tests.slurm.recordings import MOMENTS, VERSIONS, recorded
from tests.waiting import wait_until


@pytest.fixture
def scheduler(slurm_cluster: Cluster) -> Iterator[SlurmScheduler]:
    scheduler = SlurmScheduler(slurm_cluster.environment)
    yield scheduler
    scheduler.close()


@pytest.mark.parametrize(
    "pattern",
    ["%A_%a.out", "%x-%4a.log", "%j.out", "%u_%a.out", "plain%%%a.out", "spaced out %a"],
)
def test_the_path_is_the_file_that_slurm_makes(
    slurm_cluster: Cluster, scheduler: SlurmScheduler, tmp_path: Path, pattern: str
) -> None:
    job = slurm_cluster.sbatch(
        "--array=0,7",
        "-J",
        "sweep_text",
        f"--chdir={tmp_path}",
        f"--output={tmp_path}/{pattern}",
        wrap="true",
    )
    wait_until(lambda: slurm_cluster.states(job) == ["COMPLETED"] * 2)

    paths = scheduler.log_paths(job, [0, 7])

    made = {path.resolve() for path in tmp_path.iterdir() if path.is_file()}
    assert {path.out.resolve() for path in paths.values()} == made
    assert all(path.out == path.err for path in paths.values())


def test_waiting_tasks_have_paths_already(
    slurm_cluster: Cluster, scheduler: SlurmScheduler, tmp_path: Path
) -> None:
    job = slurm_cluster.sbatch(
        "--array=0-2", "--hold", f"--output={tmp_path}/%A_%a.out", f"--error={tmp_path}/%A_%a.err"
    )

    paths = scheduler.log_paths(job, [1, 2, 3])

    assert paths == {
        index: StreamPaths(out=tmp_path / f"{job}_{index}.out", err=tmp_path / f"{job}_{index}.err")
        for index in (1, 2)
    }
    assert scheduler.command_log.total == 1


def test_a_path_that_nobody_can_know_yet_is_left_out(
    slurm_cluster: Cluster, scheduler: SlurmScheduler, tmp_path: Path
) -> None:
    job = slurm_cluster.sbatch("--array=0-1", "--hold", f"--output={tmp_path}/%N_%a.out")

    paths = scheduler.log_paths(job, [0, 1])

    assert paths == {} or all("%" not in str(path.out) for path in paths.values())


def test_an_unknown_job_has_no_paths(scheduler: SlurmScheduler) -> None:
    assert scheduler.log_paths("99999999", [0]) == {}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_no_name_ever_holds_a_no_val(version: str, moment: str) -> None:
    records = parse_records(recorded(version, f"{moment}.scontrol-show-job-d.out"))

    paths = stream_paths(records, range(10))

    assert paths
    assert not [path for path in paths.values() if "4294967294" in f"{path.out}{path.err}"]


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/l/%A_%a.out", "/l/12_3.out"),
        ("/l/%4a", "/l/0003"),
        ("/l/%j", "/l/15"),
        ("/l/%x.%u.%N", "/l/sweep_text.me.node01"),
        ("/l/100%%", "/l/100%"),
        ("/l/12_4294967294.out", "/l/12_3.out"),  # an array of one that waits
    ],
)
def test_patterns(pattern: str, path: str) -> None:
    record = {
        "Id": "12_3",
        "JobId": "15",
        "JobName": "sweep_text",
        "UserId": "me",
        "NodeList": "node01.cluster.edu",
    }

    assert expand_pattern(pattern, record, 3) == path


def test_a_shared_record_knows_no_raw_id_and_no_node() -> None:
    record = {"Id": "12_[3-5]", "JobId": "12", "JobName": "x", "UserId": getpass.getuser(), "NodeList": ""}

    assert expand_pattern("/l/12_4294967294.out", record, 4) == "/l/12_4.out"
    assert expand_pattern("/l/%j.out", record, 4) is None
    assert expand_pattern("/l/%N.out", record, 4) is None
