"""Faults of processes: killed, frozen, told to end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

from lrdash.scheduler.local.jobs import JobStore
from lrdash.scheduler.records import SubmissionRecord, replace_record, stored_records
from lrdash.sweep.paths import logs_dir
from tests.end_to_end.terminal import Terminal
from tests.faults.arena import Arena, daemon_down
from tests.waiting import wait_until

PROGRAM = ("--output_dir",)
DASHBOARD = "/bin/lrdash\0--sweep\0"
"""Words of their own, not one word of the shell around it."""


def kill_dashboard(arena: Arena) -> None:
    """The screen is killed; the next one shows every run, and the runs did not notice."""
    arena.start(most=8)
    for _ in range(2):
        with Terminal(arena.command(), env=arena.environment, cwd=arena.root) as terminal:
            terminal.wait_for(re.compile(r"(RUNNING|COMPLETED|PENDING)"), 60)
            arena.look_for(arena.random.uniform(0.0, 1.0))
            for pid in arena.processes(DASHBOARD):
                send(pid, signal.SIGKILL)
            assert terminal.wait_exit(20) != 0
    arena.finish()


def kill_status(arena: Arena) -> None:
    """`lrdash wait` and `status --watch` are killed; a second `wait` tells the truth."""
    arena.start(most=12)
    words = arena.random.choice([("wait",), ("status", "--watch")])
    watching = subprocess.Popen(
        arena.command(*words), env=arena.environment, cwd=arena.root, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    arena.look_for(arena.random.uniform(0.1, 1.5))
    watching.kill()
    watching.wait()
    waited = arena.lrdash("wait")
    if waited.returncode not in (0, 3):  # the program that stands for a training fails some checks
        arena.problems.append(f"wait ended with {waited.returncode}: {waited.stderr}")
    arena.finish()


def kill_submit(arena: Arena) -> None:
    """`lrdash submit` is killed at any moment; submitting again, as soon as that is allowed, starts no
    run twice and leaves none out."""
    submitting = subprocess.Popen(
        arena.command("submit"), env=arena.environment, cwd=arena.root, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        submitting.wait(arena.random.uniform(0.1, 1.6))
    except subprocess.TimeoutExpired:
        submitting.kill()
        submitting.wait()
    make_records_old(arena)
    again = arena.lrdash("submit")
    if again.returncode not in (0, 2):
        arena.problems.append(f"submit ended with {again.returncode}: {again.stderr}")
    records = list(arena.records())
    # A record without a job tells of a request that never left this machine.
    arena.submissions = len(records)
    arena.look_until(lambda seen: all(run.state for run in seen.runs), 60, "all runs in the queue")
    arena.wait_for_end()
    arena.problems += [
        problem for run in arena.sweep.runs if arena.truth.starts(run.name) != 1
        for problem in [f"{run.key} was started {arena.truth.starts(run.name)} times"]
    ]  # fmt: skip
    forget_requests_that_never_left(arena)
    arena.judge_end()


def kill_supervisor(arena: Arena) -> None:
    """The local supervisor is killed: said at once, its runs end with it, and go on when submitted again."""
    name = arena.start()
    send(supervisor_of(arena), signal.SIGKILL)
    arena.look_until(lambda _: arena.status_of(name).state == "NODE_FAIL", 30, "the death is noticed")
    wait_until(lambda: not arena.processes(*PROGRAM), 30, "nobody outlives the supervisor")
    arena.finish(resubmit=True)


def freeze_supervisor(arena: Arena) -> None:
    arena.start()
    pid = supervisor_of(arena)
    freeze(arena, [pid])
    arena.finish()


def kill_launch(arena: Arena) -> None:
    """The launcher is killed: its ranks end too, and the run goes on when submitted again."""
    name = arena.start()
    for pid in arena.processes("lrdash", "launch", f"--index{chr(0)}{index_of(name)}"):
        send(pid, signal.SIGKILL)
    arena.look_until(lambda _: arena.status_of(name).state != "RUNNING", 60, "the end is noticed")
    arena.finish(resubmit=True)


def kill_ranks(arena: Arena) -> None:
    name = arena.start()
    for pid in arena.processes(*PROGRAM, f"/{name}"):
        send(pid, signal.SIGKILL)
    arena.look_until(lambda _: arena.status_of(name).state != "RUNNING", 60, "the end is noticed")
    arena.finish(resubmit=True)


def freeze_ranks(arena: Arena) -> None:
    """A run that hangs for a while, launcher and all, and goes on by itself."""
    name = arena.start()
    freeze(arena, arena.processes(f"/{name}"))
    arena.finish()


def kill_controller(arena: Arena) -> None:
    assert arena.cluster
    arena.start()
    with daemon_down(arena.cluster, "slurmctld"):
        look_at_outage(arena)
    arena.finish()


def freeze_controller(arena: Arena) -> None:
    """It accepts connections and does not answer."""
    assert arena.cluster
    arena.start()
    arena.cluster.freeze("slurmctld")
    look_at_outage(arena)
    arena.cluster.thaw("slurmctld")
    arena.finish()


def kill_node(arena: Arena) -> None:
    """slurmd is killed; what it had started goes on beside it."""
    assert arena.cluster
    arena.start()
    with daemon_down(arena.cluster, f"slurmd-{arena.cluster.settings.node_names[0]}"):
        arena.look_for(arena.random.uniform(0.5, 3.0))
    arena.finish()


def freeze_node(arena: Arena) -> None:
    assert arena.cluster
    arena.start()
    daemon = f"slurmd-{arena.cluster.settings.node_names[0]}"
    arena.cluster.freeze(daemon)
    arena.look_for(arena.random.uniform(0.5, 3.0))
    arena.cluster.thaw(daemon)
    arena.finish()


def look_at_outage(arena: Arena) -> None:
    """While Slurm does not answer, what was known stays, and is never called fresh."""
    before = {run.key: run.task for run in arena.monitor.snapshot.runs}
    deadline = time.monotonic() + arena.random.uniform(0.5, 3.0)
    while True:
        snapshot = arena.look()
        if snapshot.sources.queue.state == "fresh":
            arena.problems.append("the queue is called fresh while nobody answers")
        if {run.key: run.task for run in snapshot.runs} != before:
            arena.problems.append("tasks are forgotten while nobody answers")
        if time.monotonic() > deadline:
            return


def freeze(arena: Arena, pids: list[int]) -> None:
    for pid in pids:
        send(pid, signal.SIGSTOP)
    arena.look_for(arena.random.uniform(0.3, 2.0))
    for pid in pids:
        send(pid, signal.SIGCONT)


def supervisor_of(arena: Arena) -> int:
    mark = JobStore(logs_dir(arena.sweep) / "local").supervisor()
    assert mark is not None
    return mark.pid


def make_records_old(arena: Arena) -> None:
    """As if a minute had passed: a request without an answer is not on its way any more."""
    for path, record in stored_records(arena.sweep).items():
        replace_record(path, at_time(record, "2026-01-01T00:00:00+00:00"))


def at_time(record: SubmissionRecord, moment: str) -> SubmissionRecord:
    from msgspec.structs import replace

    return replace(record, time=moment)


def forget_requests_that_never_left(arena: Arena) -> None:
    for path, record in stored_records(arena.sweep).items():
        if record.state == "intended":
            path.unlink()
            arena.submissions -= 1


def index_of(name: str) -> str:
    return name.rpartition("_")[2]


def send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
