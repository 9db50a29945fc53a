"""The demo's screen in a real terminal: rows, logs and curves while six runs train, and after a kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import hold_training_lock
from tests.end_to_end import workspace
from tests.end_to_end.terminal import Terminal
from tests.waiting import wait_until

ROWS = 160
WIDE, NARROW = (120, 40), (80, 24)
MARKERS = {"text:0": "●", "text:1": "■", "text:2": "▲", "vision:0": "○", "vision:1": "□", "vision:2": "△"}
TO_METRICS = ("]", "]")
SECONDS = 120.0

pytestmark = pytest.mark.training


class Demo:
    """A demo workspace and what the command line says about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lrdash = [sys.executable, "-m", "lrdash"]

    def open(self, size: tuple[int, int] = WIDE) -> Terminal:
        return Terminal([*self.lrdash, "demo", str(self.folder)], *size, cwd=self.folder)

    def status(self) -> dict[str, dict[str, Any]]:
        command = [*self.lrdash, "status", "--json"]
        printed = subprocess.run(command, cwd=self.folder, capture_output=True, check=True).stdout
        return {f"{run['group']}:{run['index']}": run for run in json.loads(printed)["runs"]}

    def epochs(self) -> dict[str, int]:
        """Finished epochs of each run."""
        return {key: len(run["metrics"]["epochs"]) for key, run in self.status().items()}

    def all_results(self, key: str) -> dict[str, Any]:
        group, _, index = key.partition(":")
        runs = [run for run in workspace.RUNS if run.startswith(group)]
        file = self.folder / "results" / workspace.SWEEP / runs[int(index)] / "all_results.json"
        document: dict[str, Any] = workspace.read_json(file)
        return document

    def processes(self, module: str = "trainer") -> dict[int, int]:
        """`python -m MODULE` in this workspace: process id -> start time, in clock ticks since boot."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                if f"\0-m\0{module}\0".encode() in command and (process / "cwd").readlink() == self.folder:
                    found[int(process.name)] = int(
                        (process / "stat").read_text().rpartition(")")[2].split()[19]
                    )
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("screen").resolve() / "demo"
    command = [sys.executable, "-m", "lrdash", "demo", str(folder), "--prepare", "--rows", str(ROWS)]
    with hold_training_lock():
        subprocess.run(command, check=True, capture_output=True)
        yield Demo(folder)


@pytest.mark.timeout(900)
def test_a_sweep_from_its_first_row_to_its_last(demo: Demo) -> None:
    """One story, in order: it cannot be told in pieces while the same six runs train."""
    with demo.open() as terminal:
        for size in (WIDE, NARROW, WIDE):
            terminal.resize(*size)
            terminal.wait_for(row("0", "2e-5", "RUNNING"), SECONDS)
            terminal.wait_for(row("2", "2e-5, backbone 2e-6", "PENDING"), SECONDS)
        terminal.keys(*TO_METRICS)
        wait_until(lambda: demo.epochs()["text:0"] >= 2, SECONDS, "two epochs")
        assert_markers(terminal, demo)
        before = wait_until(demo.processes, SECONDS, "trainers")
        kill_dashboard(terminal, demo)
        survivors = demo.processes()
        assert survivors.items() & before.items(), "the runs did not notice"
    with demo.open(NARROW) as terminal:
        terminal.wait_for(row("0", "2e-5", "RUNNING|COMPLETED"), SECONDS)
        assert {pid: at for pid, at in demo.processes().items() if pid in before}.items() <= before.items()
        terminal.resize(*WIDE)
        wait_until(lambda: demo.epochs()["text:2"] >= 2, SECONDS, "two epochs of the next run")
        terminal.keys(*TO_METRICS)
        assert_markers(terminal, demo)
        terminal.keys("[", "[")
        wait_until(lambda: all(run["state"] == "COMPLETED" for run in demo.status().values()), 300, "the end")
        for size in (NARROW, WIDE):
            terminal.resize(*size)
            for index, label in enumerate(("2e-5", "2e-6", "2e-5, backbone 2e-6")):
                terminal.wait_for(row(str(index), label, "COMPLETED"), SECONDS)
        assert_logs(terminal, demo)
        assert_crosshair(terminal, demo)


def row(index: str, label: str, states: str) -> re.Pattern[str]:
    return re.compile(rf"{index} \S+ {re.escape(label)} .*({states})")


def assert_markers(terminal: Terminal, demo: Demo) -> None:
    """Each run has as many markers in the chart as it has finished epochs, at one moment."""

    def agree() -> bool:
        chart = chart_of(terminal)
        return {key: chart.count(marker) for key, marker in MARKERS.items()} == demo.epochs()

    wait_until(agree, 60, "as many markers as epochs")


def chart_of(terminal: Terminal) -> str:
    """What stands inside the chart's frame."""
    rows = terminal.screen()
    top = next((at for at, line in enumerate(rows) if line.startswith("╭─ accuracy by epoch")), len(rows))
    bottom = next((at for at, line in enumerate(rows) if at > top and line.startswith("╰")), len(rows))
    return "\n".join(rows[top:bottom])


def kill_dashboard(terminal: Terminal, demo: Demo) -> None:
    for pid in demo.processes("lrdash"):
        os.kill(pid, signal.SIGKILL)
    assert terminal.wait_exit() != 0


def assert_logs(terminal: Terminal, demo: Demo) -> None:
    """Digits choose the array index, `o` the stream; what is seen is the end of that file."""
    logs = {key: run["logs"] for key, run in demo.status().items()}
    for index in (0, 1, 2):
        terminal.keys(str(index))
        for stream in ("out", "err"):
            terminal.wait_for(re.compile(rf"text {index}\b.*· {stream} ·"), 30)
            wait_until(lambda i=index, s=stream: shows_end(terminal, Path(logs[f"text:{i}"][s])), 30, stream)  # type: ignore[misc]
            terminal.keys("o")
        terminal.keys("o")


def shows_end(terminal: Terminal, log: Path) -> bool:
    """Whether the last lines of a log are on the screen."""
    lines = [line for line in re.split(r"[\r\n]+", log.read_text()) if line.strip()]
    shown = terminal.text()
    return all(line.strip()[:40] in shown for line in lines[-3:])


def assert_crosshair(terminal: Terminal, demo: Demo) -> None:
    """The values under the crosshair are those of all_results.json."""
    terminal.keys(*TO_METRICS)
    terminal.wait_for("accuracy at each epoch", 30)
    for key, epoch in (("Right", 6), ("Left", 5)):
        terminal.keys(key)
        terminal.wait_for(f"epoch {epoch}", 30)
        wait_until(lambda at=epoch: read_values(terminal) == expected_values(demo, at), 30, f"epoch {epoch}")  # type: ignore[misc]


def read_values(terminal: Terminal) -> dict[str, str]:
    found = re.findall(r"[●■▲○□△] (text|vision) (\d) .*? ([01]?\.\d{3})", chart_of(terminal))
    return {f"{group}:{index}": value for group, index, value in found}


def expected_values(demo: Demo, epoch: int) -> dict[str, str]:
    values = {key: demo.all_results(key)["epochs"][epoch - 1]["eval_accuracy"] for key in MARKERS}
    return {key: f"{value:.3f}".removeprefix("0") for key, value in values.items()}
