"""The local scheduler, with its real supervisor and little programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lrdash.errors import InvalidJobError, RefusedError, SchedulerError, UnsupportedError
from lrdash.scheduler.base import Submission, Task
from lrdash.scheduler.local import LocalScheduler, ignored_options
from lrdash.scheduler.local import supervisor as supervising
from lrdash.scheduler.local.jobs import JobStore, SupervisorMark
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Sweep
from tests.sweeps import log_text, write_sweep
from tests.waiting import wait_until

WAITS = """
import sys, time
from pathlib import Path
here = Path("running") / sys.argv[-1].rpartition("/")[2]
here.parent.mkdir(exist_ok=True)
here.touch()
for _ in range(3000):  # a minute at most, should the test fail
    if Path("go").exists():
        break
    time.sleep(0.02)
"""


def lrdash(sweep: Sweep, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lrdash", *words],
        cwd=sweep.root, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def submission(sweep: Sweep, indices: tuple[int, ...] = (0, 1), **more: object) -> Submission:
    group = sweep.groups[0]
    fields = {
        "group": group.name,
        "script": group.script,
        "job_name": sweep.job_name(group.name),
        "indices": indices,
        "work_dir": sweep.root,
        "token": "0123abcd",
        "environment": {"LRDASH_VENV": sys.prefix},
        "processes": group.processes,
    }
    return Submission(**{**fields, **more})  # type: ignore[arg-type]


def tasks(sweep: Sweep) -> dict[str, Task]:
    return {task.id: task for task in LocalScheduler(sweep).read_queue().tasks}


def states(sweep: Sweep) -> list[str]:
    return [task.state for task in tasks(sweep).values()]


def wait_for(sweep: Sweep, *expected: str) -> None:
    wait_until(lambda: states(sweep) == list(expected), 20, f"{expected} instead of {states(sweep)}")


def supervisor(sweep: Sweep) -> SupervisorMark | None:
    return JobStore(sweep.root / "logs/tiny/local").supervisor()


def test_runs_the_script_as_slurm_would(tmp_path: Path) -> None:
    program = "import os; print({k: v for k, v in os.environ.items() if k.startswith(('SLURM', 'OMP'))})"
    sweep = write_sweep(tmp_path, program)
    assert LocalScheduler(sweep).submit(submission(sweep)) == "1"
    wait_for(sweep, "COMPLETED", "COMPLETED")
    task = tasks(sweep)["1_1"]
    assert (task.name, task.comment, task.exit_code) == ("tiny_text", "lrdash:0123abcd", "0:0")
    assert (task.work_dir, task.job, task.index) == (str(tmp_path), "1", 1)
    assert task.submitted
    assert task.started
    assert task.ended
    assert task.submitted <= task.started <= task.ended
    out = log_text(sweep, "1_1")
    assert "job=1_1 restart=0" in out
    assert "scheduler=local" in out
    for variable in ("'SLURM_ARRAY_TASK_ID': '1'", "'SLURM_ARRAY_JOB_ID': '1'", "'OMP_NUM_THREADS': '1'"):
        assert variable in out


def test_what_an_enclosing_job_was_submitted_with_is_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LRDASH_FRESH", "1")
    monkeypatch.setenv("LRDASH_SET", '{"seed": 3}')
    sweep = write_sweep(tmp_path, "import sys; print(sys.argv)")
    LocalScheduler(sweep).submit(submission(sweep, (0,)))
    wait_for(sweep, "COMPLETED")
    assert "seed" not in log_text(sweep, "1_0")
    assert "overwrite" not in log_text(sweep, "1_0")


def test_a_failure_keeps_its_exit_code(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, "import sys; sys.exit(3)")
    LocalScheduler(sweep).submit(submission(sweep, (1,)))
    wait_for(sweep, "FAILED")
    assert tasks(sweep)["1_1"].exit_code == "3:0"


def test_only_as_many_at_once_as_there_are_cores_for(tmp_path: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    sweep = write_sweep(tmp_path, WAITS, processes=cores)
    LocalScheduler(sweep).submit(submission(sweep))
    wait_for(sweep, "RUNNING", "PENDING")
    assert tasks(sweep)["1_1"].reason == "Resources"
    (tmp_path / "go").touch()
    wait_for(sweep, "COMPLETED", "COMPLETED")


def test_the_throttle_of_an_array(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, WAITS)
    LocalScheduler(sweep).submit(submission(sweep, at_once=1))
    (tmp_path / "go").touch()
    wait_for(sweep, "COMPLETED", "COMPLETED")
    first, second = tasks(sweep).values()
    assert first.ended is not None
    assert second.started is not None
    assert first.ended <= second.started


def test_jobs_of_two_submissions_share_one_supervisor(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, WAITS)
    scheduler = LocalScheduler(sweep)
    scheduler.submit(submission(sweep, (0,)))
    first = supervisor(sweep)
    assert scheduler.submit(submission(sweep, (1,))) == "2"
    assert supervisor(sweep) == first
    (tmp_path / "go").touch()
    wait_for(sweep, "COMPLETED", "COMPLETED")
    wait_until(lambda: supervisor(sweep) is None)


def test_no_job_is_forgotten_by_a_supervisor_that_is_about_to_end(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    sweep.groups[0].script.write_text("#!/bin/bash\n")
    scheduler = LocalScheduler(sweep)
    for _ in range(12):
        job = scheduler.submit(submission(sweep, (0,)))
        wait_until(lambda job=job: tasks(sweep)[f"{job}_0"].is_finished)  # type: ignore[misc]
    assert states(sweep) == ["COMPLETED"] * 12


def test_ids_are_above_all_ids_of_the_log_folder(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    (tmp_path / "logs/tiny/5512_0.out").touch()
    assert LocalScheduler(sweep).submit(submission(sweep, (0,))) == "5513"
    wait_for(sweep, "COMPLETED")
    assert list(LocalScheduler(sweep).log_paths("5513", {0, 7})) == [0]


@pytest.mark.parametrize("left", ["", '{"id": 1, "na'], ids=["empty", "half"])
def test_a_damaged_state_file_costs_its_own_rows_in_words(tmp_path: Path, left: str) -> None:
    sweep = write_sweep(tmp_path, groups=("text", "vision"))
    scheduler = LocalScheduler(sweep)
    assert lrdash(sweep, "submit", "--scheduler", "local").returncode == 0
    wait_for(sweep, *["COMPLETED"] * 4)
    state = tmp_path / "logs/tiny/local/1.json"
    state.write_text(left)
    status = lrdash(sweep, "status", "--json")
    assert status.returncode == 0, status.stderr
    runs = json.loads(status.stdout)["runs"]
    assert [run["state"] for run in runs] == ["UNKNOWN", "UNKNOWN", "COMPLETED", "COMPLETED"]
    assert runs[0]["reason"].startswith(f"{state} is damaged: ")
    assert f"text:0 vanished: {state} is damaged" in lrdash(sweep, "status").stdout
    assert scheduler.submit(submission(sweep, (0,))) == "3", "no id is given out twice"


def test_a_colleague_may_watch_but_not_read_the_environment(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    LocalScheduler(sweep).submit(submission(sweep, (0,)))
    wait_for(sweep, "COMPLETED")
    folder = tmp_path / "logs/tiny/local"
    modes = {file.suffix: stat.filemode(file.stat().st_mode) for file in folder.glob("1.*")}
    assert modes[".json"] == "-rw-r--r--"
    assert modes[".env"] == "-rw-------"
    assert "LRDASH_VENV" in (folder / "1.env").read_text()
    assert "LRDASH_VENV" not in (folder / "1.json").read_text()


def test_cancel_ends_what_runs_and_what_waits(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, WAITS, processes=len(os.sched_getaffinity(0)))
    scheduler = LocalScheduler(sweep)
    scheduler.submit(submission(sweep))
    wait_until((tmp_path / "running").exists)
    scheduler.cancel(["1_0", "1_1"])
    wait_for(sweep, "CANCELLED", "CANCELLED")
    with pytest.raises(InvalidJobError, match="9_9"):
        scheduler.cancel(["9_9"])


def test_what_was_cancelled_is_ending_when_that_is_said(tmp_path: Path) -> None:
    """As in Slurm, a task that takes its time is COMPLETING."""
    ignores = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WAITS
    sweep = write_sweep(tmp_path)
    sweep.groups[0].script.write_text(f"#!{sys.executable}\n{ignores}")
    scheduler = LocalScheduler(sweep)
    scheduler.submit(submission(sweep))
    wait_until((tmp_path / "running").exists)
    scheduler.cancel(["1_0"])
    assert states(sweep)[0] == "COMPLETING"
    (tmp_path / "go").touch()
    wait_for(sweep, "CANCELLED", "COMPLETED")
    with pytest.raises(InvalidJobError, match="1_1 is COMPLETED; nothing was cancelled"):
        scheduler.cancel(["1_1"])


def test_time_limit(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, WAITS)
    LocalScheduler(sweep).submit(submission(sweep, (0,), options=("--time=0:01",)))
    wait_for(sweep, "TIMEOUT")
    task = tasks(sweep)["1_0"]
    assert (task.time_limit_seconds, task.reason) == (1, "TimeLimit")


def test_no_process_of_a_task_outlives_it(tmp_path: Path) -> None:
    """Not even while another task keeps the supervisor busy."""
    sweep = write_sweep(tmp_path)
    leaves_a_process = "if [ $SLURM_ARRAY_TASK_ID = 0 ]; then (setsid sleep 600 & echo $! > pid); exit; fi"
    waits = "for i in {1..1000}; do [ -e go ] && break; sleep 0.05; done"
    sweep.groups[0].script.write_text(f"#!/bin/bash\n{leaves_a_process}\n{waits}\n")
    LocalScheduler(sweep).submit(submission(sweep))
    wait_for(sweep, "COMPLETED", "RUNNING")
    pid = (tmp_path / "pid").read_text().strip()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert states(sweep) == ["COMPLETED", "RUNNING"]
    (tmp_path / "go").touch()
    wait_for(sweep, "COMPLETED", "COMPLETED")


def test_what_is_edited_after_the_submission_changes_nothing(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, WAITS, processes=len(os.sched_getaffinity(0)))
    LocalScheduler(sweep).submit(submission(sweep))
    wait_for(sweep, "RUNNING", "PENDING")
    (tmp_path / "sbatch/tiny/text.sbatch").write_text("#!/bin/bash\nexit 9\n")
    (tmp_path / "go").touch()
    wait_for(sweep, "COMPLETED", "COMPLETED")


def test_a_copy_of_a_sweep_has_logs_of_its_own(tmp_path: Path) -> None:
    original = write_sweep(tmp_path / "original")
    LocalScheduler(original).submit(submission(original))
    wait_for(original, "COMPLETED", "COMPLETED")
    shutil.copytree(original.root, tmp_path / "copy")
    copy = load_sweep(tmp_path / "copy/sbatch/tiny/sweep.yaml")
    (paths,) = LocalScheduler(copy).log_paths("1", {0}).values()
    assert paths.out == tmp_path / "copy/logs/tiny/1_0.out"
    assert "trained" in paths.out.read_text()
    assert paths.err == tmp_path / "copy/logs/tiny/1_0.err"


def test_the_runs_outlive_whoever_submitted_them(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, WAITS)
    script = f"""
import os, signal
from pathlib import Path
from lrdash.scheduler.local import LocalScheduler
from lrdash.sweep.load import load_sweep
from tests.scheduler.test_local_scheduler import submission
sweep = load_sweep(Path({str(sweep.file)!r}))
LocalScheduler(sweep).submit(submission(sweep))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    wait_for(sweep, "RUNNING", "RUNNING")
    (tmp_path / "go").touch()
    wait_for(sweep, "COMPLETED", "COMPLETED")


def test_a_dead_supervisor_is_noticed_and_its_runs_end_with_it(tmp_path: Path) -> None:
    pid_of_run = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    sweep = write_sweep(tmp_path, pid_of_run, processes=len(os.sched_getaffinity(0)))
    LocalScheduler(sweep).submit(submission(sweep))
    run = wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    mark = supervisor(sweep)
    assert mark is not None
    os.kill(mark.pid, signal.SIGKILL)
    wait_for(sweep, "NODE_FAIL", "NODE_FAIL")
    assert "supervisor" in (tasks(sweep)["1_0"].reason or "")
    wait_until(lambda: not Path(f"/proc/{run}").exists())
    (tmp_path / "sbatch/tiny/text.sbatch").write_text("#!/bin/bash\n")
    assert LocalScheduler(sweep).submit(submission(sweep)) == "2"
    wait_for(sweep, "NODE_FAIL", "NODE_FAIL", "COMPLETED", "COMPLETED")


def test_a_supervisor_that_is_told_to_end_cancels_everything(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, WAITS, processes=len(os.sched_getaffinity(0)))
    LocalScheduler(sweep).submit(submission(sweep))
    wait_until((tmp_path / "running").exists)
    mark = supervisor(sweep)
    assert mark is not None
    os.kill(mark.pid, signal.SIGTERM)
    wait_for(sweep, "CANCELLED", "CANCELLED")
    wait_until(lambda: supervisor(sweep) is None)


def test_a_supervisor_on_another_host_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = write_sweep(tmp_path, WAITS)
    scheduler = LocalScheduler(sweep)
    scheduler.submit(submission(sweep))
    elsewhere = SupervisorMark(1, "other-host")
    with monkeypatch.context() as patch:
        patch.setattr(JobStore, "supervisor", lambda store: elsewhere)
        for action in (lambda: scheduler.cancel(["1_0"]), lambda: scheduler.submit(submission(sweep))):
            with pytest.raises(RefusedError, match="other-host"):
                action()
    (tmp_path / "go").touch()
    wait_for(sweep, "COMPLETED", "COMPLETED")


def test_a_script_that_cannot_be_run_fails_with_the_reason(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    (tmp_path / "sbatch/tiny/text.sbatch").write_text("#!/no/such/shell\n")
    LocalScheduler(sweep).submit(submission(sweep, (0,)))
    wait_for(sweep, "FAILED")
    assert tasks(sweep)["1_0"].reason == "/no/such/shell: No such file or directory"


def test_quotes_in_the_first_line_of_a_script_end_no_supervisor(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    script = sweep.groups[0].script
    script.write_text(script.read_text().replace("#!/bin/bash", "#!/usr/bin/env -S bash -c 'true"))
    LocalScheduler(sweep).submit(submission(sweep))
    wait_for(sweep, "FAILED", "FAILED")


@pytest.mark.parametrize("action", ["requeue", "hold", "release"])
def test_the_rest_needs_slurm(tmp_path: Path, action: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{action} needs Slurm"):
        getattr(LocalScheduler(write_sweep(tmp_path)), action)(["1_0"])


def test_a_supervisor_that_cannot_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = write_sweep(tmp_path)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(SchedulerError, match="supervisor did not start"):
        LocalScheduler(sweep).submit(submission(sweep))
    assert tasks(sweep) == {}


def test_a_state_folder_that_is_none_is_told(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    (sweep.root / "logs" / "tiny" / "local").write_text("somebody's notes")
    said = f"local jobs cannot be kept in {tmp_path}/logs/tiny/local: "
    for words in (("submit",), ("cancel", "text:0", "--yes"), ("status",)):
        told = lrdash(sweep, *words, "--scheduler", "local")
        assert said in told.stdout + told.stderr
        assert "Traceback" not in told.stderr
    with pytest.raises(RefusedError, match=said):
        LocalScheduler(sweep).submit(submission(sweep))


def test_a_job_whose_state_cannot_be_written_is_none(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    local = sweep.root / "logs" / "tiny" / "local"
    (local / ".1.json.new").mkdir(parents=True)
    with pytest.raises(RefusedError, match=r"\.1\.json\.new: Is a directory"):
        LocalScheduler(sweep).submit(submission(sweep))
    assert sorted(path.name for path in local.iterdir()) == [".1.json.new", "gate.lock"]


def test_ignored_options_are_named(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, options=("--gres=gpu:2", "--mem=200G", "--time=24:00:00"))
    assert ignored_options(sweep.groups[0].script) == {"gres": "gpu:2", "mem": "200G", "requeue": ""}


def test_what_a_task_starts_while_another_ends_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes time, and a loader's workers may be started in the middle of it."""
    task, worker = 10, 11
    children: dict[int, set[int]] = {os.getpid(): {task}, task: set(), worker: set()}

    def descendants(pid: int) -> set[int]:
        found = children[pid].union(*(children[child] for child in children[pid]))
        children[task].add(worker)
        return found

    monkeypatch.setattr(supervising, "descendants", descendants)
    assert supervising._orphans({task}) == set()
