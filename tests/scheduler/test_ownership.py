"""Which task and which log is whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.scheduler.base import Task
from lrdash.scheduler.ownership import latest_tasks, note_found_jobs, owned_tasks, run_of_log, users_of
from lrdash.scheduler.records import SubmissionRecord, asked_at, read_records, write_record
from lrdash.sweep.identity import Identity
from lrdash.sweep.spec import Sweep
from tests.scheduler.test_records import record
from tests.sweeps import write_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return write_sweep(tmp_path, groups=("text", "vision"))


def submitted(**more: object) -> SubmissionRecord:
    return record(**{"state": "submitted", "job": "50", **more})


def names(sweep: Sweep, *tasks: Task, records: tuple[SubmissionRecord, ...] = ()) -> list[tuple[str, str]]:
    return [(owned.run.name, owned.task.id) for owned in owned_tasks(sweep, tasks, records)]


def by_hand(sweep: Sweep, job: str = "60_1", **more: object) -> Task:
    fields = {"id": job, "state": "RUNNING", "name": "tiny_text", "work_dir": str(sweep.root)}
    return Task(**{**fields, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kept",
    [{"name": "tiny_text"}, {"work_dir": "root"}, {"comment": "lrdash:0123abcd"}],
)
def test_a_record_names_the_job_that_kept_name_or_folder_or_token(sweep: Sweep, kept: dict[str, str]) -> None:
    fields = {"name": "renamed", "work_dir": "/elsewhere", **kept}
    if fields["work_dir"] == "root":
        fields["work_dir"] = str(sweep.root)
    assert names(sweep, Task("50_1", "RUNNING", **fields), records=(submitted(),)) == [("text_1", "50_1")]


def test_somebody_else_s_job_with_a_record_s_id_is_left_alone(sweep: Sweep) -> None:
    foreign = Task("50_1", "RUNNING", name="other", work_dir="/elsewhere", user="bob")
    assert names(sweep, foreign, records=(submitted(),)) == []


def test_a_record_keeps_its_runs_when_the_sweep_is_reordered(sweep: Sweep) -> None:
    swapped = submitted(runs=("text_1", "text_0"))
    assert names(sweep, Task("50_0", "RUNNING", name="tiny_text"), records=(swapped,)) == [("text_1", "50_0")]


def test_a_lost_answer_is_found_by_its_token_in_the_right_group(sweep: Sweep) -> None:
    records = (record(), record(group="vision", runs=("vision_0", "vision_1")))
    text = Task("50_0", "PENDING", name="tiny_text", comment="lrdash:0123abcd")
    vision = Task("51_0", "PENDING", name="tiny_vision", comment="lrdash:0123abcd")
    assert names(sweep, text, vision, records=records) == [("text_0", "50_0"), ("vision_0", "51_0")]


def test_what_slurm_shows_of_a_refused_job_is_nobodys(sweep: Sweep) -> None:
    refused = record(state="refused", error="Requested node configuration is not available")
    shown = by_hand(sweep, "50_0", state="FAILED", reason="BadConstraints", comment="lrdash:0123abcd")
    assert names(sweep, shown, records=(refused,)) == []


@pytest.mark.parametrize(
    "task",
    [
        {"state": "RUNNING", "nodes": "node01"},
        {"state": "PENDING"},
        {"state": "COMPLETED", "nodes": "node01", "elapsed_seconds": 5.0},
    ],
)
def test_a_job_that_is_there_was_not_refused(sweep: Sweep, task: dict[str, str]) -> None:
    """Whatever sbatch said."""
    write_record(sweep, record(state="refused", error="exit status 1 without a word"))
    shown = by_hand(sweep, "50_0", **{"comment": "lrdash:0123abcd", **task})
    records = note_found_jobs(sweep, "slurm", [shown])
    assert [(each.state, each.job) for each in records] == [("submitted", "50")]
    assert names(sweep, shown, records=records) == [("text_0", "50_0")]
    assert names(sweep, shown, records=(record(state="refused"),)) == [("text_0", "50_0")]


def test_a_found_job_is_written_down(sweep: Sweep) -> None:
    write_record(sweep, record())
    write_record(sweep, record(group="vision"))
    task = Task("50_0", "PENDING", name="tiny_text", comment="lrdash:0123abcd")
    note_found_jobs(sweep, "slurm", [task])
    assert [(each.state, each.job) for each in read_records(sweep)] == [
        ("submitted", "50"),
        ("intended", None),
    ]


def test_the_records_of_another_scheduler_are_not_touched(sweep: Sweep) -> None:
    write_record(sweep, record(scheduler="local"))
    task = Task("50_0", "PENDING", name="tiny_text", comment="lrdash:0123abcd")
    assert note_found_jobs(sweep, "slurm", [task]) == ()
    assert [each.state for each in read_records(sweep)] == ["intended"]
    assert (len(read_records(sweep, "local")), read_records(sweep, "slurm")) == (1, ())


ASKED = asked_at(record())


@pytest.mark.parametrize(
    ("differs", "is_found"),
    [
        ({}, True),
        ({"comment": "set by the site"}, True),
        ({"comment": "lrdash:ffffffff"}, False),
        ({"submitted": ASKED - 60}, False),
        ({"submitted": ASKED + 600}, False),
        ({"submitted": None}, False),
        ({"name": "tiny_vision"}, False),
        ({"id": "50_7"}, False),
        ({"work_dir": "/elsewhere"}, False),
    ],
)
def test_where_slurm_drops_comments_name_folder_and_time_find_a_job(
    sweep: Sweep, differs: dict[str, object], is_found: bool
) -> None:
    write_record(sweep, record())
    task = by_hand(sweep, **{"id": "50_0", "submitted": ASKED + 1, **differs})
    assert [each.job for each in note_found_jobs(sweep, "slurm", [task])] == ["50" if is_found else None]


def test_a_job_by_hand_after_a_refusal_is_by_hand(sweep: Sweep) -> None:
    write_record(sweep, record(state="refused"))
    records = note_found_jobs(sweep, "slurm", [by_hand(sweep, "50_0", submitted=ASKED + 1)])
    assert [(each.state, each.job) for each in records] == [("refused", None)]


def test_folders_of_jobs_with_other_names_are_not_looked_at(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them may be on a disk that does not answer."""

    def hangs(path: Path, strict: bool = False) -> Path:
        raise AssertionError(path)

    monkeypatch.setattr(Path, "resolve", hangs)
    assert names(sweep, by_hand(sweep, name="other", work_dir="/dead/mount")) == []


def test_plain_sbatch_is_known_by_directory_and_name(sweep: Sweep) -> None:
    assert names(sweep, by_hand(sweep)) == [("text_1", "60_1")]


@pytest.mark.parametrize(
    "foreign",
    [
        {"name": "tiny_other"},
        {"name": "tiny_text2"},
        {"work_dir": "/elsewhere"},
        {"work_dir": None},
        {"id": "60_9"},
        {"id": "60"},
    ],
)
def test_other_jobs_of_the_same_user_are_left_alone(sweep: Sweep, foreign: dict[str, str]) -> None:
    task = Task(
        **{"id": "60_1", "state": "RUNNING", "name": "tiny_text", "work_dir": str(sweep.root), **foreign}
    )  # type: ignore[arg-type]
    assert names(sweep, task) == []


def test_a_link_to_the_root_is_the_root(sweep: Sweep, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "home"
    link.symlink_to(sweep.root)
    assert names(sweep, by_hand(sweep, work_dir=str(link))) == [("text_1", "60_1")]


def test_a_job_id_that_was_given_out_again_is_not_mistaken(sweep: Sweep) -> None:
    """A cluster that was set up anew counts from 1 again."""
    task = Task("50_1", "RUNNING", name="other", comment="lrdash:ffffffff")
    assert names(sweep, task, records=(submitted(),)) == []


def test_the_newest_task_of_a_run_is_its_state(sweep: Sweep) -> None:
    tasks = [by_hand(sweep, "60_1", state="FAILED", submitted=10.0), by_hand(sweep, "9_1", submitted=20.0)]
    assert latest_tasks(sweep, tasks, ())["text:1"].task.id == "9_1"


def test_a_task_that_runs_is_not_hidden_by_a_newer_one_that_ended(sweep: Sweep) -> None:
    tasks = [
        by_hand(sweep, "60_1", submitted=10.0),
        by_hand(sweep, "61_1", state="CANCELLED", submitted=20.0),
    ]
    assert latest_tasks(sweep, tasks, ())["text:1"].task.id == "60_1"


def identity(ours: Sweep, **more: object) -> Identity:
    fields = {
        "sweep": "tiny", "group": "text", "index": 1, "run": "text_1", "job": "60_1", "restart": 0,
        "port": 29701, "host": "node01", "scheduler": "slurm", "root": str(ours.root),
    }  # fmt: skip
    return Identity(**{**fields, **more})  # type: ignore[arg-type]


def test_a_log_is_known_by_its_identity_line(sweep: Sweep) -> None:
    owner = run_of_log(sweep, "whatever.log", identity(sweep), ())
    assert owner is not None
    assert (owner[0].name, owner[1]) == ("text_1", "60_1")


@pytest.mark.parametrize("other", [{"sweep": "other"}, {"root": "/elsewhere"}, {"run": "gone"}])
def test_a_log_of_another_sweep_in_the_same_folder_is_not_ours(sweep: Sweep, other: dict[str, str]) -> None:
    assert run_of_log(sweep, "50_1.out", identity(sweep, **other), (submitted(),)) is None


def test_a_log_without_identity_is_known_by_its_record(sweep: Sweep) -> None:
    owner = run_of_log(sweep, "50_1.err", None, (submitted(),))
    assert owner is not None
    assert (owner[0].name, owner[1]) == ("text_1", "50_1")
    assert run_of_log(sweep, "51_1.err", None, (submitted(),)) is None
    assert run_of_log(sweep, "notes.txt", None, (submitted(),)) is None


def test_whose_queue_is_asked_for(sweep: Sweep) -> None:
    assert (sweep.root / "logs/tiny").owner() in users_of(sweep)
