"""Planning and carrying out, with schedulers that refuse or say nothing."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lrdash.control import submission
from lrdash.control.outcome import failed_runs
from lrdash.control.preflight import preflight
from lrdash.control.submission import Outcome, carry_out, plan_submission
from lrdash.errors import (
    AlreadyActiveError,
    ConfigError,
    LrdashError,
    RefusedError,
    TimedOutError,
    UnreachableError,
    UsageError,
)
from lrdash.scheduler import known
from lrdash.scheduler.base import QueueReading, SettledTask, Submission, Task
from lrdash.scheduler.local import LocalScheduler
from lrdash.scheduler.records import SubmissionRecord, asked_at, read_records, write_record
from lrdash.scheduler.slurm.submit import sbatch_command
from lrdash.sweep.identity import Identity
from lrdash.sweep.spec import Sweep
from tests.scheduler.test_records import record
from tests.sweeps import write_script, write_sweep
from tests.waiting import wait_until


class FakeScheduler(LocalScheduler):
    """Answers what a test says, and starts nothing."""

    def __init__(self, sweep: Sweep, answers: list[str | LrdashError]) -> None:
        super().__init__(sweep)
        self.answers = answers
        self.queue: list[Task] = []
        self.settled: dict[str, SettledTask] = {}
        self.submitted: list[Submission] = []

    def submit(self, submission: Submission) -> str:
        self.submitted.append(submission)
        answer = self.answers.pop(0)
        if isinstance(answer, LrdashError):
            raise answer
        return answer

    def read_queue(self, users: Any = ()) -> QueueReading:
        return QueueReading(tuple(self.queue))

    def settle(self, tasks: Any) -> dict[str, SettledTask]:
        return self.settled


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return write_sweep(tmp_path, groups=("text", "vision"))


def submit(sweep: Sweep, scheduler: FakeScheduler, **options: Any) -> list[Outcome]:
    return list(carry_out(plan_submission(sweep, scheduler, **options), scheduler))


def test_both_groups_share_a_token(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, ["10", "11"])
    outcomes = submit(sweep, scheduler)
    assert [str(outcome) for outcome in outcomes] == ["text [0,1]: job 10", "vision [0,1]: job 11"]
    assert len({job.token for job in scheduler.submitted}) == 1
    assert [(each.state, each.job, each.runs) for each in read_records(sweep)] == [
        ("submitted", "10", ("text_0", "text_1")),
        ("submitted", "11", ("vision_0", "vision_1")),
    ]


def test_a_refused_second_group_leaves_the_first_alone(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, ["10", RefusedError("sbatch: no such partition")])
    outcomes = submit(sweep, scheduler)
    assert [outcome.error and outcome.error.exit_code for outcome in outcomes] == [None, 1]
    assert [(each.state, each.error) for each in read_records(sweep)] == [
        ("submitted", None),
        ("refused", "sbatch: no such partition"),
    ]


def test_nothing_follows_a_refused_first_group(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, [RefusedError("no")])
    assert len(submit(sweep, scheduler)) == 1
    assert len(scheduler.submitted) == 1


def test_an_answer_that_never_came_leaves_the_intention(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, [TimedOutError("sbatch: Socket timed out")])
    (outcome,) = submit(sweep, scheduler)
    assert outcome.error is not None
    assert outcome.error.exit_code == 4
    assert [each.state for each in read_records(sweep)] == ["intended"]
    with pytest.raises(AlreadyActiveError, match="may still arrive"):
        submit(sweep, scheduler)


def test_a_job_whose_record_cannot_be_completed_is_told_and_not_followed(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, record: SubmissionRecord) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lrdash.control.submission.replace_record", full)
    scheduler = FakeScheduler(sweep, ["10", "11"])
    (outcome,) = submit(sweep, scheduler)
    assert outcome.job == "10"
    assert "job 10 runs" in str(outcome)
    assert "do not submit again" in str(outcome)
    assert [each.state for each in read_records(sweep)] == ["intended"], "the token is there"


def test_a_second_record_that_cannot_be_written_is_the_second_group_s(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit_and_fill(submission: Submission) -> str:
        records = sweep.root / "logs/tiny/submissions"
        records.rename(records.with_name("moved"))
        records.write_text("a file in its place")
        raise RefusedError("no")

    scheduler = FakeScheduler(sweep, [])
    monkeypatch.setattr(scheduler, "submit", submit_and_fill)
    (refused,) = submit(sweep, scheduler)
    assert str(refused) == "text [0,1]: not submitted: no", (
        "a refusal that cannot be noted is told all the same"
    )
    with pytest.raises(ConfigError, match="no submission record can be written"):
        submit(sweep, scheduler)


def test_a_record_that_cannot_be_written_submits_nothing(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = submission.write_record

    def full_at_vision(sweep: Sweep, record: SubmissionRecord) -> Path:
        if record.group == "vision":
            raise ConfigError("no submission record can be written")
        return real(sweep, record)

    monkeypatch.setattr(submission, "write_record", full_at_vision)
    scheduler = FakeScheduler(sweep, ["10", "11"])
    assert [str(outcome) for outcome in submit(sweep, scheduler)] == [
        "text [0,1]: job 10",
        "vision [0,1]: not submitted: no submission record can be written",
    ]
    assert len(scheduler.submitted) == 1


def test_a_connection_that_never_was_is_a_clear_no(sweep: Sweep) -> None:
    down = UnreachableError("sbatch: Unable to contact slurm controller (connect failure)")
    submit(sweep, FakeScheduler(sweep, [down]))
    assert [each.state for each in read_records(sweep)] == ["refused"]


def test_a_lost_job_that_is_there_after_all_is_the_answer(sweep: Sweep) -> None:
    class Late(FakeScheduler):
        def submit(self, submission: Submission) -> str:
            self.queue.append(Task("10_0", "PENDING", name="tiny_text", comment=f"lrdash:{submission.token}"))
            return super().submit(submission)

    scheduler = Late(sweep, [TimedOutError("slow"), "11"])
    assert [outcome.job for outcome in submit(sweep, scheduler)] == ["10", "11"]
    assert [each.job for each in read_records(sweep)] == ["10", "11"]


class FakeSlurm(FakeScheduler):
    """One that is asked although nothing is submitted to it."""

    name = "slurm"


def make_slurm(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, *tasks: Task) -> FakeSlurm:
    """What `make_scheduler` makes of the name slurm."""
    slurm = FakeSlurm(sweep, [])
    slurm.queue = list(tasks)
    real = known.make_scheduler
    monkeypatch.setattr(
        known, "make_scheduler", lambda name, sweep: slurm if name == "slurm" else real(name, sweep)
    )
    monkeypatch.setattr(known.shutil, "which", lambda name: f"/bin/{name}")
    return slurm


def test_what_runs_elsewhere_is_not_submitted(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = Task("60_1", "RUNNING", name="tiny_text", work_dir=str(sweep.root))
    make_slurm(sweep, monkeypatch, by_hand)
    with pytest.raises(AlreadyActiveError, match=r"already queued or running: text:1 \(60_1\)"):
        submit(sweep, FakeScheduler(sweep, ["10", "11"]))
    assert read_records(sweep) == ()


def test_a_scheduler_that_a_record_names_has_to_answer(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = make_slurm(sweep, monkeypatch)

    def down(users: Any) -> QueueReading:
        raise UnreachableError("squeue: Unable to contact slurm controller")

    monkeypatch.setattr(slurm, "read_queue", down)
    assert [outcome.job for outcome in submit(sweep, FakeScheduler(sweep, ["10", "11"]))] == ["10", "11"]
    write_record(sweep, record(state="submitted", job="60"))
    with pytest.raises(UnreachableError, match=r"Unable to contact .*; runs of tiny may be there: ask again"):
        submit(sweep, FakeScheduler(sweep, ["12", "13"]))


def test_a_local_run_keeps_slurm_from_starting_it_again(sweep: Sweep) -> None:
    """Nothing is faked but the training: it sleeps."""
    waits = write_sweep(sweep.root / "waits", "import time; time.sleep(600)")
    local = LocalScheduler(waits)
    assert [outcome.job for outcome in carry_out(plan_submission(waits, local), local)] == ["1"]
    try:
        with pytest.raises(AlreadyActiveError, match=r"text:0 \(1_0\), text:1 \(1_1\)"):
            list(carry_out(plan_submission(waits, slurm := FakeSlurm(waits, ["60"])), slurm))
        assert slurm.submitted == []
    finally:
        local.cancel(["1_0", "1_1"])
        wait_until(lambda: all(task.is_finished for task in local.read_queue().tasks))


def test_the_scheduler_is_the_last_one_that_was_submitted_to_also_by_hand(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = make_slurm(sweep, monkeypatch)

    def usual() -> str:
        scheduler = known.usual_scheduler(sweep)
        assert scheduler is not None
        return scheduler.name

    assert usual() == "slurm"
    write_record(sweep, local_record("10"))
    write_record(sweep, record(state="refused", time="2026-11-23T09:15:00+00:00"))
    assert usual() == "local"
    earlier = asked_at(local_record("10")) - 60
    by_hand = Task("60_1", "RUNNING", name="tiny_text", work_dir=str(sweep.root), submitted=earlier)
    slurm.queue = [by_hand]
    assert usual() == "slurm"
    slurm.queue = [msgspec.structs.replace(by_hand, state="COMPLETED")]
    assert usual() == "local"
    slurm.queue = [msgspec.structs.replace(by_hand, state="COMPLETED", submitted=earlier + 120)]
    assert usual() == "slurm"


def test_two_submits_at_once(sweep: Sweep) -> None:
    first = carry_out(plan_submission(sweep, scheduler := FakeScheduler(sweep, ["10", "11"])), scheduler)
    assert next(first).job == "10"
    with pytest.raises(AlreadyActiveError, match="another lrdash submits tiny at this moment"):
        submit(sweep, FakeScheduler(sweep, ["12", "13"]))
    assert [outcome.job for outcome in first] == ["11"]
    assert len(submit(sweep, FakeScheduler(sweep, ["12", "13"]))) == 2


def test_single_runs(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, ["10"])
    submit(sweep, scheduler, runs=[sweep.group("vision").runs[1]])
    assert [(job.group, job.indices) for job in scheduler.submitted] == [("vision", (1,))]


def test_overrides_reach_the_job_and_the_record(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, ["10", "11"])
    submit(sweep, scheduler, overrides={"seed": 7, "learning_rate": 1e-5}, fresh=True)
    environment = scheduler.submitted[0].environment
    assert json.loads(environment["LRDASH_SET"]) == {"seed": 7, "learning_rate": 1e-5}
    assert environment["LRDASH_FRESH"] == "1"
    assert (read_records(sweep)[0].overrides, read_records(sweep)[0].fresh) == (
        {"seed": 7, "learning_rate": 1e-5},
        True,
    )


def test_overrides_that_cannot_hold(sweep: Sweep) -> None:
    with pytest.raises(UsageError, match="--set num_train_epochs is 0"):
        plan_submission(sweep, FakeScheduler(sweep, []), overrides={"num_train_epochs": 0})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--array=0",), "--array cannot be given after --: --index chooses the indices"),
        (("-J", "x"), "--job-name cannot be given"),
        (("-D/elsewhere",), "--chdir cannot be given"),
        (("--wait",), "--wait cannot be given after --: the answer is needed at once"),
        (("-vW",), "--wait cannot be given"),
        (("--arr=0",), "--array cannot be given"),
        (("--comment=x",), "--comment cannot be given"),
        (("other.sbatch",), "'other.sbatch' after -- is no sbatch option"),
        (("--time=5", "other.sbatch"), "'other.sbatch' after -- is no sbatch option"),
    ],
)
def test_options_that_are_not_the_user_s(sweep: Sweep, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        plan_submission(sweep, FakeScheduler(sweep, []), options=options)
    plan_submission(sweep, FakeScheduler(sweep, []), options=("-t", "5", "--mem=1G", "--requeue"))


def test_the_environment_of_the_running_python_is_handed_on(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LRDASH_VENV", "/shared/venv")
    plan = plan_submission(sweep, FakeScheduler(sweep, []))
    assert plan.jobs[0].environment["LRDASH_VENV"] == "/shared/venv"


def test_planning_changes_nothing(sweep: Sweep) -> None:
    before = sorted(sweep.root.rglob("*"))
    plan_submission(sweep, FakeScheduler(sweep, []))
    assert sorted(sweep.root.rglob("*")) == before


def local_record(job: str, group: str = "text") -> SubmissionRecord:
    runs = (f"{group}_0", f"{group}_1")
    return record(state="submitted", scheduler="local", job=job, group=group, runs=runs)


def test_failed_runs_from_queue_accounting_and_files(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, [])
    write_record(sweep, local_record("10"))
    write_record(sweep, local_record("11", "vision"))
    scheduler.queue = [Task("10_0", "FAILED", name="tiny_text"), Task("10_1", "RUNNING", name="tiny_text")]
    scheduler.settled = {"11_0": SettledTask(Task("11_0", "COMPLETED"))}
    assert [run.key for run in failed_runs(sweep, scheduler)] == ["text:0", "vision:1"], (
        "recorded, and neither queue nor accounting knows it: cancelled while it waited, or forgotten"
    )
    results = sweep.root / "results/tiny/vision_1"
    results.mkdir(parents=True)
    (results / "predict_results.json").write_text("{}")
    assert [run.key for run in failed_runs(sweep, scheduler)] == ["text:0"]


def test_a_failure_that_only_a_log_tells_of(sweep: Sweep) -> None:
    """Submitted by hand, dead before it saved anything, and forgotten."""
    identity = Identity("tiny", "text", 1, "text_1", "7_1", 0, 29701, "h", "slurm", str(sweep.root))
    (sweep.root / "logs/tiny/7_1.out").write_text(f"{identity}\n")
    scheduler = FakeScheduler(sweep, [])
    assert [run.key for run in failed_runs(sweep, scheduler)] == ["text:1"]
    scheduler.settled = {"7_1": SettledTask(Task("7_1", "RUNNING"))}
    assert failed_runs(sweep, scheduler) == ()


def test_an_older_end_in_the_queue_hides_no_newer_one(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, [])
    write_record(sweep, local_record("10"))
    scheduler.queue = [
        Task(f"9_{index}", "COMPLETED", name="tiny_text", work_dir=str(sweep.root)) for index in (0, 1)
    ]
    scheduler.settled = {"10_0": SettledTask(Task("10_0", "COMPLETED"))}
    assert [run.key for run in failed_runs(sweep, scheduler)] == ["text:1"]


def test_a_group_that_was_renamed_since_is_no_obstacle(sweep: Sweep) -> None:
    write_record(sweep, local_record("10"))
    write_record(sweep, local_record("11", "audio"))
    scheduler = FakeScheduler(sweep, [])
    assert [run.key for run in failed_runs(sweep, scheduler)] == ["text:0", "text:1"]


@pytest.mark.parametrize(("array", "at_once"), [("0-1%1", 1), ("0-1", None)])
def test_the_script_s_throttle_is_kept(sweep: Sweep, array: str, at_once: int | None) -> None:
    write_script(sweep.group("text").script, "text", array=array)
    plan = plan_submission(sweep, FakeScheduler(sweep, []))
    assert [job.at_once for job in plan.jobs] == [at_once, None]
    assert sbatch_command(plan.jobs[0])[3] == f"--array={array}"


def test_export_must_let_overrides_through(sweep: Sweep) -> None:
    scheduler = FakeScheduler(sweep, [])

    def errors(**options: Any) -> list[str]:
        plan = plan_submission(sweep, scheduler, options=("--export=NONE",), **options)
        return [str(each) for each in preflight(sweep, scheduler, plan.jobs, {}) if each.level == "error"]

    assert errors() == []
    assert "--export=NONE keeps --set and --fresh from the job" in errors(overrides={"seed": 1})[0]


def test_runs_with_results_are_told(sweep: Sweep) -> None:
    results = sweep.root / "results/tiny/text_1"
    results.mkdir(parents=True)
    (results / "predict_results.json").write_text("{}")
    scheduler = FakeScheduler(sweep, [])

    def notes(**options: Any) -> list[str]:
        plan = plan_submission(sweep, scheduler, **options)
        return [each.text for each in preflight(sweep, scheduler, plan.jobs, {}) if each.subject == "results"]

    assert notes() == ["text:1: results are there; submitting again changes nothing without --fresh"]
    assert notes(fresh=True) == []


def test_a_run_that_was_never_started_has_not_failed(sweep: Sweep) -> None:
    assert failed_runs(sweep, FakeScheduler(sweep, [])) == ()


def test_records_are_plain_json(sweep: Sweep) -> None:
    submit(sweep, FakeScheduler(sweep, ["10", "11"]))
    for path in (sweep.root / "logs/tiny/submissions").glob("*.json"):
        assert msgspec.json.decode(path.read_bytes())["schema"] == 1
