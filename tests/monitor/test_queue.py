"""What the screen may say about the queue: never less than was known, never old as new."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lrdash.errors import AccountingDisabledError, TimedOutError, UnreachableError
from lrdash.monitor.monitor import Monitor
from lrdash.monitor.queue import SETTLE_SECONDS, QueueWatch
from lrdash.monitor.snapshot import Attempt, RunStatus, Snapshot
from lrdash.scheduler.base import SettledTask, StreamPaths, Task, TaskUsage
from lrdash.scheduler.records import SubmissionRecord, write_record
from lrdash.sweep.identity import Identity
from lrdash.sweep.paths import logs_dir, results_dir
from lrdash.sweep.spec import Sweep
from tests.monitor.stubs import StubScheduler, by_hand, small_sweep


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A monitor of a small sweep with a scheduler in a test's hand."""

    def __init__(self, root: Path) -> None:
        self.sweep: Sweep = small_sweep(root)
        self.scheduler = StubScheduler()
        self.clock = Clock()
        self.cache = root / "cache"
        self.monitor = self.again()

    def again(self) -> Monitor:
        """As after a restart of the dashboard."""
        self.monitor = Monitor(self.sweep, self.scheduler, cache_dir=self.cache, clock=self.clock)
        return self.monitor

    def poll(self) -> Snapshot:
        self.monitor.poll_queue()
        return self.monitor.poll_files(whole=True)

    def run(self, key: str = "text:0") -> RunStatus:
        found = self.poll().find(key)
        assert found is not None
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_nothing_submitted_is_no_state_at_all(watched: Watched) -> None:
    snapshot = watched.poll()
    assert [run.state for run in snapshot.runs] == [None, None]
    assert snapshot.sources.queue.state == "fresh"


def test_an_unreachable_controller_leaves_the_rows_with_age_and_cause(watched: Watched) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING", started=watched.clock.now),)
    assert watched.run().state == "RUNNING"
    watched.clock.now += 40
    watched.scheduler.tasks = TimedOutError("squeue: Socket timed out on send/recv operation")
    snapshot = watched.poll()
    assert snapshot.runs[0].state == "RUNNING"
    assert snapshot.sources.queue.state == "stale"
    assert snapshot.sources.queue.age_seconds == 40
    assert "Socket timed out" in str(snapshot.sources.queue.error)
    assert watched.monitor.queue_interval > 5, "a controller in trouble is asked less often"


def test_a_controller_that_never_answered_is_unavailable_not_empty(watched: Watched) -> None:
    watched.scheduler.tasks = TimedOutError("no answer")
    assert watched.poll().sources.queue.state == "unavailable"


def test_records_and_logs_tell_of_runs_that_nobody_could_be_asked_about(watched: Watched) -> None:
    write_log(watched.sweep)
    watched.scheduler.tasks = TimedOutError("no answer")
    run = watched.run()
    assert (run.task, run.state, run.reason) == ("7_0", "UNKNOWN", "the scheduler has not answered yet")
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING"),)
    assert watched.run().state == "RUNNING"


def test_accounting_that_lags_does_not_overrule_what_the_queue_said(watched: Watched) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING"),)
    watched.poll()
    watched.scheduler.tasks = ()
    assert watched.run().state == "RUNNING"
    ended = Task("7_0", "FAILED", exit_code="3:0")
    watched.scheduler.settled = {"7_0": SettledTask(ended, TaskUsage(max_rss_bytes=5))}
    run = watched.run()
    assert (run.state, run.exit_code) == ("FAILED", "3:0")
    assert run.usage is not None
    assert run.usage.max_rss_bytes == 5


NO_ACCOUNTING = AccountingDisabledError("sacct: Slurm accounting storage is disabled")


def test_accounting_has_two_minutes_to_say_what_became_of_a_task(watched: Watched) -> None:
    """However often it is asked, and by how many sessions; until then nothing old is shown as new."""
    started = watched.clock.now - 60
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING", started=started),)
    watched.poll()
    watched.clock.now += 10
    watched.scheduler.tasks = ()
    for _ in range(20):
        run = watched.run()
    assert (run.state, run.elapsed_seconds) == ("RUNNING", 70)
    assert run.left_queue is not None
    assert "nobody accounts for it yet" in str(run.reason)
    watched.clock.now += SETTLE_SECONDS - 1
    watched.again()
    run = watched.run()
    assert (run.state, run.elapsed_seconds) == ("RUNNING", 70)
    watched.clock.now += 1
    watched.again()
    run = watched.run()
    assert (run.state, run.left_queue) == ("UNKNOWN", None)
    assert run.reason == "left the queue, and nobody accounts for it"


def test_without_accounting_a_task_that_left_the_queue_is_unknown_at_once(watched: Watched) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING"),)
    watched.poll()
    watched.scheduler.tasks, watched.scheduler.settled = (), NO_ACCOUNTING
    watched.again()
    assert watched.run().state == "UNKNOWN"
    asked = watched.scheduler.calls.count("settle")
    watched.poll()
    assert watched.scheduler.calls.count("settle") == asked, "and asked about no more"


def test_while_accounting_is_down_it_is_asked_again(watched: Watched) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING"),)
    watched.poll()
    watched.scheduler.tasks, watched.scheduler.settled = (), UnreachableError("sacct: Connection refused")
    assert watched.run().state == "RUNNING"
    watched.clock.now += SETTLE_SECONDS
    assert watched.run().state == "UNKNOWN"
    watched.scheduler.settled = {"7_0": SettledTask(Task("7_0", "FAILED", exit_code="3:0"))}
    run = watched.run()
    assert (run.state, run.reason) == ("FAILED", None)


def test_a_task_that_the_controller_knows_has_not_vanished(watched: Watched) -> None:
    """It may be another user's, whose jobs are not asked for."""
    write_log(watched.sweep)
    watched.scheduler.settled = {"7_0": SettledTask(Task("7_0", "RUNNING"))}
    run = watched.run()
    assert (run.state, run.reason, run.left_queue) == ("RUNNING", None, None)


def test_what_vanishes_while_it_waits_and_left_no_log_was_cancelled(watched: Watched) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "PENDING", submitted=1_800_000_000.0),)
    watched.poll()
    watched.scheduler.tasks, watched.scheduler.settled = (), NO_ACCOUNTING
    run = watched.run()
    assert (run.state, run.reason) == ("CANCELLED", "left the queue before it started")


@pytest.mark.parametrize("settled", [NO_ACCOUNTING, {}], ids=["no accounting", "accounting that lags"])
def test_results_settle_a_task_that_left_the_queue(watched: Watched, settled: Any) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING"),)
    watched.poll()
    write_results(watched.sweep, job="7_0")
    watched.scheduler.tasks, watched.scheduler.settled = (), settled
    watched.again()
    run = watched.run()
    assert run.state == "COMPLETED"
    assert "nobody accounts for it" in str(run.reason)


def test_what_a_task_used_is_known_after_a_restart(watched: Watched) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING"),)
    watched.poll()
    used = TaskUsage(max_rss_bytes=5, cpu_seconds=60.0)
    watched.scheduler.tasks = ()
    watched.scheduler.settled = {"7_0": SettledTask(Task("7_0", "COMPLETED", exit_code="0:0"), used)}
    before = watched.run().usage
    assert before is not None
    watched.again()
    assert watched.run().usage == before


def test_a_submission_without_an_answer_is_told_until_another_one_has_it(watched: Watched) -> None:
    """As after a kill between the record and sbatch."""
    record = SubmissionRecord(
        state="intended", time="2026-11-23T08:15:00+00:00", sweep="s", group="text", indices=(0,),
        runs=("fast",), scheduler="slurm", command=("sbatch",), script="text.sbatch", script_sha256="0",
        user="u", host="h", token="0123abcd",
    )  # fmt: skip
    write_record(watched.sweep, record)
    first, second = watched.poll().runs
    assert first.state is None
    assert "its submission at 2026-11-23T08:15:00+00:00 got no answer" in str(first.reason)
    assert second.reason is None
    found = by_hand(watched.sweep, "7_0", "PENDING", comment="lrdash:0123abcd")
    watched.scheduler.tasks = (found,)
    assert watched.run().state == "PENDING"
    watched.scheduler.tasks = ()
    write_record(watched.sweep, msgspec.structs.replace(record, state="refused", token="4567abcd"))
    watched.again()
    assert "got no answer" not in str(watched.run().reason)


def test_arguments_of_a_submission_are_not_those_of_a_job_that_was_submitted_by_hand(
    watched: Watched,
) -> None:
    record = SubmissionRecord(
        state="submitted", time="2026-11-23T08:15:00+00:00", sweep="s", group="text", indices=(0,),
        runs=("fast",), scheduler="slurm", command=("sbatch",), script="text.sbatch", script_sha256="0",
        user="u", host="h", token="0123abcd", job="7", overrides={"learning_rate": 1e-6},
    )  # fmt: skip
    write_record(watched.sweep, record)
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "FAILED", exit_code="1:0"),)
    assert watched.run().learning_rate == 1e-6
    watched.scheduler.tasks += (by_hand(watched.sweep, "8_0", "PENDING"),)
    assert watched.run().learning_rate == 2e-5


def test_the_end_of_a_task_is_remembered_when_slurm_has_forgotten_it(watched: Watched) -> None:
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "TIMEOUT", exit_code="0:0"),)
    watched.poll()
    watched.scheduler.tasks, watched.scheduler.settled = (), {}
    assert watched.again().snapshot.runs[0].state == "TIMEOUT", "before any call"
    assert watched.run().state == "TIMEOUT"


def test_what_was_read_before_a_restart_stays_until_the_files_are_read_again(watched: Watched) -> None:
    write_results(watched.sweep, job="7_0")
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "COMPLETED"),)
    before = watched.run()
    assert before.metrics.last is not None
    after = watched.again().poll_queue().runs[0]
    assert after.metrics == before.metrics
    assert after.checks == before.checks
    watched.scheduler.tasks += (by_hand(watched.sweep, "9_0", "PENDING"),)
    assert watched.monitor.poll_queue().runs[0].metrics.last is None, "another attempt has nothing yet"


def test_old_results_are_not_shown_for_a_new_attempt(watched: Watched) -> None:
    write_results(watched.sweep, job="7_0")
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "COMPLETED"),)
    assert (watched.run().metrics.last or {})["eval_accuracy"] == 0.75
    watched.scheduler.tasks += (by_hand(watched.sweep, "9_0", "PENDING"),)
    assert watched.monitor.poll_queue().runs[0].metrics.predict is None, "the files are not read again yet"
    run = watched.run()
    assert (run.task, run.state) == ("9_0", "PENDING")
    assert run.metrics.epochs == ()
    assert run.metrics.predict is None


def test_log_paths_are_asked_once_a_job(watched: Watched, tmp_path: Path) -> None:
    out, err = tmp_path / "o", tmp_path / "e"
    watched.scheduler.paths = {"7_0": StreamPaths(out, err), "7_1": StreamPaths(out, err)}
    watched.scheduler.tasks = tuple(by_hand(watched.sweep, f"7_{index}", "RUNNING") for index in (0, 1))
    for _ in range(3):
        snapshot = watched.poll()
    assert watched.scheduler.calls.count("log_paths") == 1
    assert snapshot.runs[1].logs.out == str(out)


def test_jobs_of_other_sweeps_are_left_alone(watched: Watched) -> None:
    watched.scheduler.tasks = (
        Task("7_0", "RUNNING", work_dir="/elsewhere", name=watched.sweep.job_name("text")),
        Task("8_0", "RUNNING", work_dir=str(watched.sweep.root), name="other"),
        Task("9", "RUNNING", work_dir=str(watched.sweep.root), name=watched.sweep.job_name("text")),
    )
    assert [run.state for run in watched.poll().runs] == [None, None]


def write_log(sweep: Sweep, job: str = "7_0", text: str = "") -> None:
    identity = Identity("s", "text", 0, "fast", job, 0, 29700, "h", "slurm", str(sweep.root))
    logs_dir(sweep).mkdir(parents=True, exist_ok=True)
    (logs_dir(sweep) / f"{job}.out").write_text(f"{identity}\n{text}")


def test_a_finished_run_that_is_submitted_again_keeps_its_results(watched: Watched) -> None:
    """The trainer has nothing to do, and leaves everything as the finished attempt wrote it."""
    write_results(watched.sweep, job="7_0")
    banner = "  Total train batch size (w. parallel, distributed & accumulation) = 16\n"
    trained = "{'loss': 0.2, 'learning_rate': 2e-05, 'epoch': 2.0, 'step': 4}\n"
    write_log(watched.sweep, "7_0", banner + trained)
    watched.scheduler.tasks = (by_hand(watched.sweep, "9_0", "COMPLETED", elapsed_seconds=20.0),)
    write_log(watched.sweep, "9_0", "")
    assert watched.run().metrics.predict is None
    watched.clock.now += 10
    write_log(watched.sweep, "9_0", "[INFO] Nothing to do: results/s/fast holds the results of this run; x\n")
    run = watched.run()
    assert (run.task, run.attempt) == ("9_0", Attempt("7_0"))
    assert run.metrics.predict == {"predict_accuracy": 0.75}
    assert run.logs.out
    assert run.logs.out.endswith("9_0.out")
    assert {check.verdict for check in run.checks} <= {"PASS", "WAITING"}
    optimizer = run.check("optimizer")
    assert optimizer
    assert optimizer.evidence.file
    assert optimizer.evidence.file.endswith("7_0.out")


def write_results(sweep: Sweep, job: str) -> None:
    folder = results_dir(sweep, sweep.runs[0])
    folder.mkdir(parents=True)
    epochs = [{"epoch": 1, "step": 3, "eval_accuracy": 0.75, "eval_loss": 0.5}]
    (folder / "all_results.json").write_text(json.dumps({"epochs": epochs}))
    (folder / "predict_results.json").write_text(json.dumps({"predict_accuracy": 0.75}))
    (folder / "run_meta.json").write_text(json.dumps({"attempt": {"job": job, "restart": 0}}))


def test_no_check_fails_on_files_that_were_read_before_the_end(watched: Watched) -> None:
    """The queue says COMPLETED first; what the run wrote in its last second comes with the next look."""
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING"),)
    watched.poll()
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "COMPLETED"),)
    run = watched.monitor.poll_queue().runs[0]
    assert run.state == "COMPLETED"
    assert {check.verdict for check in run.checks} <= {"PASS", "WAITING"}
    watched.clock.now += 1
    missing = [
        check.name for check in watched.monitor.poll_files().runs[0].checks if check.verdict == "MISSING"
    ]
    assert missing == ["epochs"]


def test_no_check_fails_while_the_scheduler_is_still_asked_about_the_end(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were read just before are no evidence, however long the rest of the queue poll takes."""
    started = watched.clock.now - 100
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "RUNNING", started=started),)
    watched.run()
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "COMPLETED", started=started),)
    verdicts: list[str] = []

    def settle(tasks: object) -> dict[str, SettledTask]:
        run = watched.monitor._join().find("text:0")  # what the poll of the files makes just now
        assert run is not None
        verdicts.extend(check.verdict for check in run.checks)
        return {}

    monkeypatch.setattr(watched.scheduler, "settle", settle)
    watched.clock.now += 1
    watched.monitor.poll_queue()
    assert verdicts
    assert "MISSING" not in verdicts


def test_a_run_first_seen_when_it_had_failed_is_diagnosed_once_its_log_is_read(watched: Watched) -> None:
    watched.poll()
    watched.scheduler.tasks = (by_hand(watched.sweep, "7_0", "FAILED", exit_code="1:0"),)
    assert watched.monitor.poll_queue().runs[0].diagnosis is None
    assert watched.run().diagnosis is not None


def test_every_run_of_a_large_sweep_is_read_in_its_turn(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no time at all one run a look is read, never the same one again and again."""
    monkeypatch.setattr("lrdash.monitor.files.LONGEST_LOOK_SECONDS", -1.0)
    first, second = (run.key for run in watched.sweep.runs)
    watched.scheduler.tasks = tuple(by_hand(watched.sweep, f"7_{index}", "RUNNING") for index in (0, 1))
    watched.monitor.poll_queue()
    seen = []
    for _ in range(4):
        watched.clock.now += 1
        watched.monitor.poll_files()
        runs = watched.monitor._file_facts.runs
        seen.append(max(runs, key=lambda key: runs[key].read_at))
    assert seen == [first, second, first, second]


def test_facts_are_whole_whenever_another_thread_reads_them(tmp_path: Path) -> None:
    sweep, seen = small_sweep(tmp_path), []

    class Slow(StubScheduler):
        def settle(self, tasks: Collection[str]) -> dict[str, SettledTask]:
            seen.append(watch.facts)
            return super().settle(tasks)

    scheduler = Slow()
    watch = QueueWatch(sweep, scheduler, Clock())
    for state in ("RUNNING", "COMPLETED"):
        scheduler.tasks = (by_hand(sweep, "7_0", state),)
        watch.poll()
    [while_settling] = seen
    assert while_settling.tasks["text:0"].state == "COMPLETED"
    assert "7_0" in while_settling.ended_at, "its files may be older"
    assert while_settling is not watch.facts
    assert watch.facts is watch.facts
