"""The command line as a whole: light, quiet, one line for every mistake."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from lrdash.cli import COMMANDS
from lrdash.monitor.document import SCHEMA_FILE
from tests.conftest import ROOT

HEAVY = ("textual", "torch", "transformers", "numpy", "sh", "sklearn")


def lrdash(*words: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lrdash", *words], env={**os.environ, **variables},
        cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The experiment's sweep as in a fresh clone: nothing trained, no data."""
    shutil.copytree(ROOT / "sbatch", tmp_path / "sbatch")
    return tmp_path


def modules_after(code: str, cwd: Path) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, check=False
    )
    return set(finished.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["status"], ["status", "--json"], ["results", "--help"]])
def test_commands_load_neither_the_screen_nor_the_trainer(words: list[str], checkout: Path) -> None:
    code = f"from lrdash.cli import main\ntry: main({words!r})\nexcept SystemExit: pass"
    loaded = modules_after(code, checkout)
    assert "lrdash.cli" in loaded
    assert loaded.isdisjoint(HEAVY if "--help" in words else HEAVY[:4])


def test_help_names_every_command(checkout: Path) -> None:
    printed = lrdash("--help").stdout
    assert [command for command in COMMANDS if command not in printed] == []


def test_the_screen_is_not_opened_where_nobody_sees_it(checkout: Path) -> None:
    """A job or cron would wait for a key for ever."""
    finished = lrdash(cwd=checkout)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "the screen needs a terminal" in finished.stderr


def test_status_before_anything_was_submitted(checkout: Path) -> None:
    finished = lrdash("status", cwd=checkout)
    assert finished.returncode == 0, finished.stderr
    assert submitted_nothing(finished.stdout)


def test_status_document_fits_its_schema(checkout: Path) -> None:
    document = json.loads(lrdash("status", "--json", cwd=checkout).stdout)
    jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))
    assert [(run["group"], run["index"]) for run in document["runs"]] == [
        (group, index) for group in ("text", "vision") for index in range(3)
    ]
    assert [run["cls_backbone_learning_rate"] for run in document["runs"]] == [None, None, 2e-6] * 2
    assert all(run["state"] is None for run in document["runs"])


def test_status_from_a_folder_below(checkout: Path) -> None:
    below = checkout / "deep" / "down"
    below.mkdir(parents=True)
    assert submitted_nothing(lrdash("status", cwd=below).stdout)


def submitted_nothing(printed: str) -> bool:
    rows = [line for line in printed.splitlines() if "2e-" in line]
    return len(rows) == 6 and all("not submitted" in row for row in rows)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["status"], "no sbatch/*/sweep.yaml"),
        (["--sweep", "nowhere.yaml", "status"], "nowhere.yaml: no such sweep file"),
        (["nonsense"], "'nonsense' is neither a command nor a folder"),
        (["wait"], "no sbatch/*/sweep.yaml"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words: list[str], says: str, tmp_path: Path) -> None:
    finished = lrdash(*words, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert finished.stderr.startswith("lrdash: ")
    assert says in finished.stderr
    assert finished.stdout == ""


def test_several_sweeps_are_listed(checkout: Path) -> None:
    shutil.copytree(checkout / "sbatch" / "final_sweep_v7", checkout / "sbatch" / "other")
    finished = lrdash("status", cwd=checkout)
    assert finished.returncode == 2
    assert finished.stderr.count("sweep.yaml") == 2


def test_wait_before_anything_was_submitted_says_so(checkout: Path) -> None:
    finished = lrdash("wait", "--scheduler", "local", cwd=checkout)
    assert finished.returncode == 2
    assert "nothing was submitted" in finished.stderr


def test_a_reader_that_goes_away_is_no_error(checkout: Path) -> None:
    command = f"{sys.executable} -m lrdash status --json | head -c 10"
    finished = subprocess.run(
        ["bash", "-c", command], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert finished.stderr == ""


@pytest.mark.parametrize("words", [["--help"], ["status"], ["results"]])
def test_a_terminal_that_is_not_utf_8_shows_what_it_can(words: list[str], checkout: Path) -> None:
    finished = lrdash(*words, cwd=checkout, PYTHONIOENCODING="ascii")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "?" in finished.stdout


def test_doctor_tells_what_a_bug_report_needs(checkout: Path) -> None:
    printed = lrdash("doctor", cwd=checkout).stdout
    for word in ("textual", "python", "sbatch", str(checkout / "sbatch"), os.uname().sysname):
        assert word in printed
