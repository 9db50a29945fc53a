"""A sweep at work in a folder of its own, watched all the time, with its real scheduler."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import yaml

from lrdash.control.submission import carry_out, plan_submission
from lrdash.monitor.document import decode
from lrdash.monitor.monitor import Monitor
from lrdash.monitor.snapshot import RunStatus, Snapshot
from lrdash.scheduler.base import FINISHED_STATES, Scheduler
from lrdash.scheduler.local import LocalScheduler
from lrdash.scheduler.records import SubmissionRecord
from lrdash.scheduler.slurm import SlurmScheduler
from lrdash.sweep.load import load_sweep
from lrdash.sweep.paths import submissions_dir
from lrdash.sweep.spec import Sweep
from tests.faults import workload
from tests.faults.truth import ProgramTruth, TrainerTruth, Truth, unfinished, violations
from tests.slurm.cluster import Cluster
from tests.sweeps import write_sweep
from tests.trainer.trainings import words

LOOK_SECONDS = 0.15
END_SECONDS = 120.0
LATER_SECONDS = 3600.0
LOOKS = 12
"""The end is judged when every file has come to its turn again, also those of runs that had ended."""
PROGRAM = f"import runpy; runpy.run_path({workload.__file__!r}, run_name='__main__')"
TRAINING_EPOCHS = 3
HELD_BY_SLURM = "launch failed requeued held"


@dataclass(frozen=True)
class Training:
    """What real trainings need: the demo's data, and the results of one that was left alone."""

    data: Path
    reference: dict[str, Any]


class Arena:
    """`with Arena(...) as arena: arena.start(); <a fault>; arena.finish()`; `problems` must stay empty."""

    def __init__(
        self, folder: Path, random: Random, cluster: Cluster | None, training: Training | None = None
    ) -> None:
        self.folder = folder
        self.random = random
        self.cluster = cluster
        self.training = training
        self.root = folder / "root"
        self.problems: list[str] = []
        self.submissions = 0
        self.resubmitted: list[str] = []
        self.cancelled: dict[str, int] = {}
        """Run key -> how often it had been started when the user cancelled it."""
        self.clock_offset = 0.0
        self.sweep = self._write()
        self.truth: Truth = (
            TrainerTruth(training.reference, self.root) if training else ProgramTruth(folder / "truth")
        )
        self.monitor = self.new_monitor("cache")

    def _write(self) -> Sweep:
        options = ("--time=10", "--mem=10M") if self.cluster else ("--time=10",)
        if self.training is None:
            return write_sweep(self.root, PROGRAM, options=options)
        sweep = write_sweep(self.root, None, options=options)
        flags = words(self.training.data, num_train_epochs=TRAINING_EPOCHS, results_dir=None, output_dir=None)
        document = yaml.safe_load(sweep.file.read_text())
        document["args"] = {
            flag[2:]: yaml.safe_load(value) for flag, value in zip(flags[::2], flags[1::2], strict=True)
        }
        del document["args"]["learning_rate"]
        sweep.file.write_text(yaml.safe_dump(document, sort_keys=False))
        return load_sweep(sweep.file)

    @property
    def environment(self) -> dict[str, str]:
        """For commands: finds the cluster, this lrdash, and a cache of its own."""
        kept = self.cluster.environment if self.cluster else dict(os.environ)
        home = {"XDG_CACHE_HOME": str(self.folder / "home"), "XDG_CONFIG_HOME": str(self.folder / "home")}
        return {**kept, **home, "PATH": f"{sys.prefix}/bin:{kept['PATH']}"}

    def scheduler(self) -> Scheduler:
        return SlurmScheduler(self.environment) if self.cluster else LocalScheduler(self.sweep)

    def new_monitor(self, cache: str) -> Monitor:
        """Of a session that starts now; `cache` names its folder."""
        return Monitor(
            self.sweep,
            self.scheduler(),
            cache_dir=self.folder / cache,
            clock=lambda: time.time() + self.clock_offset,
        )

    @property
    def keys(self) -> list[str]:
        """The runs that are trained: one real training is enough for two cores."""
        return ["text:0"] if self.training else [run.key for run in self.sweep.runs]

    def __enter__(self) -> Arena:
        return self

    def __exit__(self, *_: object) -> None:
        active = [run.task for run in self.monitor.poll_queue().runs if is_active(run) and run.task]
        if active:
            self.scheduler().cancel(active)
        self.monitor.close()

    def submit(self, keys: Sequence[str] | None = None, *, fresh: bool = False) -> None:
        scheduler = self.scheduler()
        chosen = [run for run in self.sweep.runs if run.key in (keys or self.keys)]
        if fresh and isinstance(self.truth, ProgramTruth):
            for run in chosen:
                self.truth.note_fresh(run.name)
        for outcome in carry_out(plan_submission(self.sweep, scheduler, chosen, fresh=fresh), scheduler):
            assert outcome.error is None, outcome
            self.submissions += 1

    def lrdash(self, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """A command as the user types it."""
        return subprocess.run(
            self.command(*arguments, prefix=prefix), env=self.environment, cwd=self.root, capture_output=True,
            text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip

    def command(self, *arguments: str, prefix: Sequence[str] = ()) -> list[str]:
        where = ["--sweep", str(self.sweep.file), "--scheduler", "slurm" if self.cluster else "local"]
        return [*prefix, f"{sys.prefix}/bin/lrdash", *where, *arguments]

    def status(self, prefix: Sequence[str] = ()) -> Snapshot:
        """What `lrdash status --json` says, held against the truth."""
        finished = self.lrdash("status", "--json", prefix=prefix)
        assert finished.returncode == 0, finished.stderr
        return self.judge(decode(finished.stdout.encode()))

    def look(self) -> Snapshot:
        """One poll of everything, held against the truth."""
        self.monitor.poll_queue()
        snapshot = self.judge(self.monitor.poll_files())
        self._release_what_slurm_holds(snapshot)
        return snapshot

    def judge(self, snapshot: Snapshot) -> Snapshot:
        self.problems += [each for each in violations(snapshot, self.truth) if each not in self.problems]
        if [run.key for run in snapshot.runs] != [run.key for run in self.sweep.runs]:
            self.problems.append(f"shows the runs {[run.key for run in snapshot.runs]}")
        return snapshot

    def look_until(self, condition: Callable[[Snapshot], object], seconds: float, what: str) -> Snapshot:
        deadline = time.monotonic() + seconds
        while not condition(snapshot := self.look()):
            if time.monotonic() > deadline:
                states = [(run.key, run.task, run.state, run.reason) for run in snapshot.runs]
                raise AssertionError(f"not within {seconds:g} s: {what}; {states}; {self.problems}")
            time.sleep(LOOK_SECONDS)
        return snapshot

    def look_for(self, seconds: float) -> None:
        """Look again and again for a while."""
        deadline = time.monotonic() + seconds
        self.look_until(lambda _: time.monotonic() > deadline, seconds + 60, "looking")

    def start(self, least: int = 1, most: int | None = None) -> str:
        """Submit, and wait for a step that chance chooses; returns the name of a run that chance chooses."""
        self.submit()
        return self.reach(least, most)

    def reach(self, least: int = 1, most: int | None = None) -> str:
        name = self.random.choice([run.name for run in self.sweep.runs if run.key in self.keys])
        last = workload.STEPS - 4 if self.training is None else 3 * TRAINING_EPOCHS - 2
        step = self.random.randint(least, min(most or last, last))
        self.look_until(lambda _: self.truth.last_step(name) >= step, END_SECONDS, f"step {step} of {name}")
        return name

    def status_of(self, name: str) -> RunStatus:
        found = self.monitor.snapshot.find(name)
        assert found is not None
        return found

    def task_of(self, name: str) -> str:
        task = self.status_of(name).task
        assert task is not None
        return task

    def note_cancelled(self, name: str) -> None:
        """From now on nothing may start this run."""
        key = self.status_of(name).key
        self.cancelled[key] = self.truth.starts(name)

    def finish(self, *, resubmit: bool = False) -> None:
        """Wait for the end, with `resubmit` also of what was started again; judge the whole."""
        self.wait_for_end()
        if resubmit:
            failed = [key for key in self.keys if key not in self.cancelled and not self._is_completed(key)]
            if failed:
                self.resubmitted += failed
                self.submit(failed)
                self.wait_for_end()
        self.judge_end()

    def wait_for_end(self) -> None:
        keys = self.keys

        def ended(snapshot: Snapshot) -> bool:
            return all(run.state in FINISHED_STATES for run in snapshot.runs if run.key in keys)

        self.look_until(ended, END_SECONDS, "the end of all runs")

    def _release_what_slurm_holds(self, snapshot: Snapshot) -> None:
        """A controller that was killed may have forgotten that it had started a task: it cannot start it
        once more, and holds it until a person says `release`."""
        held = [
            run.task
            for run in snapshot.runs
            if run.reason == HELD_BY_SLURM and run.state == "PENDING" and run.task
        ]
        if held and self.cluster:
            self.cluster.run("scontrol", "update", "nodename=ALL", "state=resume", check=False)
            self.scheduler().release(held)

    def judge_end(self) -> None:
        """No run lost, doubled or started after it was cancelled; every session sees the same."""
        self.clock_offset += LATER_SECONDS
        completed = [key for key in self.keys if key not in self.cancelled]
        for monitor in (self.monitor, self.new_monitor("new-cache"), self.new_monitor("cache")):
            snapshot = self.judge(look_to_the_end(monitor))
            self.problems += unfinished(snapshot, self.truth, completed)
        for run in self.sweep.runs:
            self.problems += self.truth.losses(run.name)
            if run.key in self.cancelled and self.truth.starts(run.name) != self.cancelled[run.key]:
                self.problems.append(f"{run.key} was started after it had been cancelled")
        records = list(self.records())
        if len(records) != self.submissions or any(record.job is None for record in records):
            self.problems.append(f"{self.submissions} submissions, records: {records}")

    def records(self) -> Iterator[SubmissionRecord]:
        for path in submissions_dir(self.sweep).glob("*.json"):
            yield msgspec.json.decode(path.read_bytes(), type=SubmissionRecord)

    def processes(self, *texts: str) -> list[int]:
        """Processes that work in the root and have all these texts in their command line."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
                if (folder / "cwd").readlink() == self.root and all(text in command for text in texts):
                    found.append(int(folder.name))
            except OSError:
                continue
        return sorted(found)

    def _is_completed(self, key: str) -> bool:
        run = self.monitor.snapshot.find(key)
        return run is not None and run.state == "COMPLETED"


def is_active(run: RunStatus) -> bool:
    return run.state is not None and run.state not in FINISHED_STATES


def look_to_the_end(monitor: Monitor) -> Snapshot:
    """Read everything, also what becomes of tasks that the scheduler has forgotten."""
    for _ in range(LOOKS):
        monitor.poll_queue()
        snapshot = monitor.poll_files(whole=True)
        if not any(is_active(run) for run in snapshot.runs):
            break
    return snapshot


@contextmanager
def daemon_down(cluster: Cluster, daemon: str) -> Iterator[None]:
    """Killed without a word, and started again afterwards, as an init system would."""
    process = cluster._daemons[daemon]
    process.kill()
    process.wait()
    yield
    cluster.start(daemon)
