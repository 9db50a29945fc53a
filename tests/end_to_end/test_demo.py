"""Two commands from nothing: what `make demo` and `lrdash demo` leave behind.

The whole (`make acceptance`): a clone, its own environment, `make demo </dev/null`.
The smallest form (`make test`): `lrdash demo` with few rows.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, hold_training_lock
from tests.end_to_end import workspace

FEW_ROWS = 32


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A finished demo of few rows, made by the command as a user types it."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    command = [sys.executable, "-m", "lrdash", "demo", str(folder), "--rows", str(FEW_ROWS)]
    with hold_training_lock():
        finished = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    return folder, finished


@pytest.mark.training
@pytest.mark.timeout(900)
def test_small_demo_ends_with_six_rows_and_the_comparison(
    small_demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, finished = small_demo
    assert finished.returncode == 0, finished.stderr[-3000:]
    check_output(finished.stdout)
    for run in workspace.RUNS:
        workspace.check_run(folder, run, least_test_rows=16)
    for group in ("text", "vision"):
        workspace.check_group(folder, group)


@pytest.mark.training
@pytest.mark.timeout(900)
def test_a_second_call_opens_the_first_and_trains_nothing(
    small_demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = small_demo
    before = {path: path.stat().st_mtime_ns for path in folder.glob("results/*/*/all_results.json")}
    again = subprocess.run(
        [sys.executable, "-m", "lrdash", "demo", str(folder)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-3000:]
    assert "submitted before" in again.stderr
    assert before == {path: path.stat().st_mtime_ns for path in folder.glob("results/*/*/all_results.json")}


@pytest.mark.training
@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq: apt install jq")
@pytest.mark.timeout(900)
def test_the_experiments_jq_loops_print_a_number_for_every_run(
    small_demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    check_jq_loops(small_demo[0])


def test_demo_refuses_a_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    refused = subprocess.run(
        [sys.executable, "-m", "lrdash", "demo", str(tmp_path)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "not a demo workspace" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.acceptance
@pytest.mark.training
@pytest.mark.timeout(3600)
def test_make_demo_in_a_fresh_clone(training_lock: None, tmp_path: Path) -> None:
    """Clone, install, train six runs, and hold every file against the contract."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
    }
    subprocess.run(["make", ".venv/.trainer"], cwd=clone, check=True, env=environment)
    began = time.monotonic()
    finished = subprocess.run(
        ["make", "--no-print-directory", "demo"],
        cwd=clone, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - began
    print(finished.stdout)
    print(f"make demo: {seconds:.0f} s after installation")
    assert finished.returncode == 0, finished.stderr[-3000:]
    demo = clone / "lrdash-demo"
    check_output(finished.stdout)
    for run in workspace.RUNS:
        workspace.check_run(demo, run, least_test_rows=200)
    for group in ("text", "vision"):
        workspace.check_group(demo, group)
    check_jq_loops(demo)
    gap = workspace.accuracy(demo, workspace.RUNS[0]) - workspace.accuracy(demo, workspace.RUNS[1])
    print(f"text: uniform 2e-5 beats uniform 2e-6 by {100 * gap:.1f} points")
    assert gap >= 0.05
    check_stock_logits(demo)
    assert seconds < 300


def check_output(stdout: str) -> None:
    """Six rows with accuracy and F1."""
    for run in ("text", "vision"):
        assert run in stdout
    assert len(re.findall(r"^.*2e-[56].*0?\.\d{2}.*0?\.\d{2}.*$", stdout, re.MULTILINE)) >= 6, stdout


def check_jq_loops(folder: Path) -> None:
    printed = subprocess.run(
        ["bash", "-c", workspace.JQ_LOOPS], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    numbers = re.findall(r"^\d(?:\.\d+)?$", printed, re.MULTILINE)
    assert len(numbers) == 2 * len(workspace.RUNS), printed


def check_stock_logits(folder: Path) -> None:
    """Plain transformers, loading what was saved, computes the logits that were written down."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    run = workspace.RUNS[0]
    saved = folder / "saves" / workspace.SWEEP / run
    meta = workspace.read_json(folder / "results" / workspace.SWEEP / run / "run_meta.json")
    tokenizer = AutoTokenizer.from_pretrained(saved)
    model = AutoModelForSequenceClassification.from_pretrained(saved, dtype=torch.float32).eval()
    checked = 0
    for row in workspace.predictions(folder, run):
        chat = [{"role": "user", "content": row["text"]}]
        prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        tokens = tokenizer(prompt)["input_ids"]
        if len(tokens) > meta["arguments"]["cutoff_len"]:
            continue  # cut by the trainer's own rule
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0].tolist()
        assert logits == pytest.approx(row["logits"], abs=1e-4)
        checked += 1
        if checked == 20:
            return
    pytest.fail(f"only {checked} rows fit into cutoff_len")
