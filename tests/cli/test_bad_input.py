"""Every mistake that a user can make before a submission: one line, exit 2, nothing half-created."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lrdash.scheduler.local import LocalScheduler
from lrdash.sweep.load import load_sweep
from tests.conftest import ROOT
from tests.waiting import wait_until

Document = dict[str, Any]
Change = Callable[[Document], object]
SHEET = "sbatch/final_sweep_v7/sweep.yaml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The experiment with data sets and models that look complete, and an sbatch that must not be called."""
    shutil.copytree(ROOT / "sbatch", tmp_path / "sbatch")
    document = yaml.safe_load((tmp_path / SHEET).read_text())
    for group in document["groups"].values():
        for key in ("dataset", "eval_dataset"):
            folder = tmp_path / "data" / group["args"][key]
            folder.mkdir(parents=True)
            (folder / "data.jsonl").write_text('{"text": "a", "label": "b"}\n')
        model = tmp_path / group["args"]["model_name_or_path"]
        model.mkdir(parents=True)
        (model / "config.json").write_text("{}")
        (model / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin/sbatch"
    sbatch.write_text(f"#!/bin/bash\ntouch {tmp_path}/sbatch-was-called\n")
    sbatch.chmod(0o755)
    return tmp_path


def change_sweep(checkout: Path, change: Change) -> None:
    document = yaml.safe_load((checkout / SHEET).read_text())
    change(document)
    (checkout / SHEET).write_text(yaml.safe_dump(document, sort_keys=False))


def change_script(checkout: Path, old: str, new: str) -> None:
    script = checkout / "sbatch/final_sweep_v7/lr_experiment_text_trainagreeing.sbatch"
    assert old in script.read_text()
    script.write_text(script.read_text().replace(old, new))


def submit(checkout: Path, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path or f"{checkout}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-m", "lrdash", *words],
        cwd=checkout, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def refusal(checkout: Path, *words: str, path: str | None = None) -> str:
    """The one line of a submission that must be refused without a trace."""
    before = files(checkout)
    finished = submit(checkout, *(words or ("submit",)), path=path)
    assert finished.returncode == 2, finished
    assert files(checkout) == before
    lines = [line for line in finished.stderr.splitlines() if line.startswith("lrdash: ")]
    assert len(lines) == 1, finished.stderr
    assert "Traceback" not in finished.stderr
    assert not finished.stdout
    return lines[0]


def test_the_unchanged_experiment_has_no_mistake(checkout: Path) -> None:
    finished = submit(checkout, "preflight")
    errors = [line for line in finished.stdout.splitlines() if line.startswith("ERROR")]
    # This sbatch answers nothing, so only asking Slurm itself can fail.
    assert [line for line in errors if "slurm" not in line] == []


def test_an_unknown_sweep_file(checkout: Path) -> None:
    assert refusal(checkout, "--sweep", "nope.yaml", "submit").endswith(
        "nope.yaml: no such sweep file; give one with --sweep FILE"
    )


def test_no_sweep_file_anywhere(tmp_path: Path) -> None:
    assert "no sbatch/*/sweep.yaml in" in refusal(tmp_path)


def at(*keys: str | int) -> Callable[[Document], Any]:
    def find(document: Document) -> Any:
        found: Any = document
        for key in keys:
            found = found[key]
        return found

    return find


TEXT = at("groups", "text")
RUNS = at("groups", "text", "runs")
IN_THE_FILE: dict[str, tuple[Change, str]] = {
    "unknown key": (
        lambda d: d.update(grops={}),
        "grops is not a key of a sweep file; did you mean 'groups'?",
    ),
    "unknown key of a group": (lambda d: TEXT(d).update(proceses=2), "groups.text.proceses is not a key"),
    "unknown key of a run": (lambda d: RUNS(d)[1].update(rate=1), "groups.text.runs[1].rate is not a key"),
    "wrong type": (
        lambda d: TEXT(d).update(processes="two"),
        "groups.text.processes expected `int`, got `str`",
    ),
    "wrong type of an argument": (
        lambda d: d["args"].update(seed=[1]),
        "args.seed is a list; give text, a number",
    ),
    "wrong type of runs": (lambda d: TEXT(d).update(runs="all"), "groups.text.runs expected `array`"),
    "a run that is no mapping": (lambda d: RUNS(d).append("x"), "groups.text.runs[3] is str, not a mapping"),
    "a missing key": (lambda d: d.pop("name"), "missing required field `name`"),
    "no runs": (lambda d: TEXT(d).update(runs=[]), "groups.text.runs is empty"),
    "duplicate run name": (
        lambda d: RUNS(d)[2].update(name="text_trainagreeing_lr_2e5"),
        "groups.text.runs[2].name 'text_trainagreeing_lr_2e5' is already the name of groups.text.runs[0]",
    ),
    "a name that is no folder name": (
        lambda d: RUNS(d)[0].update(name="../up"),
        "groups.text.runs[0].name is '../up'",
    ),
    "a rate that is no number": (
        lambda d: RUNS(d)[0]["args"].update(learning_rate="fast"),
        "groups.text.runs[0].args.learning_rate is 'fast'; give a positive number such as 2e-5",
    ),
    "a backbone rate without stage cls": (
        lambda d: d["args"].pop("stage"),
        "runs[2].args.cls_backbone_learning_rate is set; it is only valid with `stage: cls`",
    ),
    "another stage": (
        lambda d: d["args"].update(stage="sft"),
        "args.stage is 'sft'; the bundled trainer only has cls; another one is named by",
    ),
    "a port that is none": (lambda d: d.update(port=80), "port is 80; valid are 1024 to 65000"),
}


@pytest.mark.parametrize("case", IN_THE_FILE)
def test_mistakes_in_the_sweep_file(checkout: Path, case: str) -> None:
    change, said = IN_THE_FILE[case]
    change_sweep(checkout, change)
    line = refusal(checkout)
    assert line.startswith(f"lrdash: {checkout / SHEET}: ")
    assert said in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "not valid YAML: "),
        ("name: a\nname: b", "key 'name' stands twice"),
        ("- 1", "the file is list, not a mapping"),
        ("", "the file is empty, not a mapping"),
        ("\x00", "not valid YAML: "),
    ],
)
def test_files_that_are_no_sweep(checkout: Path, text: str, said: str) -> None:
    (checkout / SHEET).write_text(text)
    assert said in refusal(checkout)


def test_array_range_and_run_count_that_disagree(checkout: Path) -> None:
    change_script(checkout, "--array=0-2", "--array=0-3")
    line = refusal(checkout)
    assert "lr_experiment_text_trainagreeing.sbatch: --array asks for 0-3, group text has 3 runs" in line
    assert line.endswith("write --array=0-2")


def test_processes_and_gres_that_disagree(checkout: Path) -> None:
    change_script(checkout, "--gres=gpu:2", "--gres=gpu:h200:4")
    line = refusal(checkout)
    assert "lr_experiment_text_trainagreeing.sbatch: --gres asks for 4 GPUs, group text" in line
    assert line.endswith("processes: 2; make them equal")


def test_a_script_that_is_missing(checkout: Path) -> None:
    change_sweep(checkout, lambda d: TEXT(d).update(script="gone.sbatch"))
    assert "gone.sbatch: cannot be read: No such file or directory; the sweep's `script` names it" in refusal(
        checkout
    )


def test_a_script_that_launches_another_group(checkout: Path) -> None:
    change_script(checkout, "--group text", "--group vision")
    assert "launches group vision; write --group text" in refusal(checkout)


def test_a_missing_data_set_names_those_that_exist(checkout: Path) -> None:
    shutil.rmtree(next((checkout / "data").glob("*clean*_train")))
    line = refusal(checkout)
    assert f"dataset of text in {checkout / SHEET}: iclr_2020_2025" in line
    existing = sorted(path.name for path in (checkout / "data").iterdir())
    assert all(name in line for name in existing)
    assert line.endswith("correct the name or put it there")


def test_a_data_set_of_dataset_info_json_is_there(checkout: Path) -> None:
    folder = next((checkout / "data").glob("*clean*_train"))
    shutil.rmtree(folder)
    info = checkout / "data/dataset_info.json"
    info.write_text(json.dumps({folder.name: {"file_name": "rows.json"}}))
    assert "rows.json, says dataset_info.json, which is not there" in refusal(checkout)
    (checkout / "data/rows.json").write_text("[]")
    assert not [line for line in submit(checkout, "preflight").stdout.splitlines() if "ERROR    data" in line]


@pytest.mark.parametrize("word", ["/no/such/model", "./models/none"])
def test_a_missing_model_folder(checkout: Path, word: str) -> None:
    change_sweep(checkout, lambda d: TEXT(d)["args"].update(model_name_or_path=word))
    line = refusal(checkout)
    assert f"model_name_or_path in {checkout / SHEET}: there is no folder" in line


def test_a_model_that_was_never_downloaded(checkout: Path) -> None:
    change_sweep(checkout, lambda d: TEXT(d)["args"].update(model_name_or_path="Qwen/Nope"))
    assert refusal(checkout).endswith("download it first: hf download Qwen/Nope")


def test_a_model_folder_that_is_not_whole(checkout: Path) -> None:
    model = checkout / "Qwen/Qwen2.5-7B-Instruct"
    weights = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    assert "has no model-00001-of-00002.safetensors; copy or download it again" in refusal(checkout)


def test_a_batch_that_is_not_what_the_sweep_expects(checkout: Path) -> None:
    change_sweep(checkout, lambda d: TEXT(d)["args"].update(gradient_accumulation_steps=8))
    assert "2 x 2 x 8 = 32, not 16; change per_device_train_batch_size" in refusal(checkout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("submit", "--group", "audio"), "--group audio: "),
        (("submit", "--index", "7"), "--index 7: "),
        (("submit", "--set", "seed"), "--set seed: give KEY=VALUE"),
        (("submit", "--set", "stage=rm"), "--set stage is 'rm'; the bundled trainer only has cls"),
        (("submit", "--set", "learning_rate=0"), "--set learning_rate is 0; give a positive number"),
        (("submit", "--failed"), "--failed: "),
    ],
)
def test_mistakes_on_the_command_line(checkout: Path, words: tuple[str, ...], said: str) -> None:
    squeue = checkout / "bin/squeue"
    squeue.write_text("#!/bin/bash\n")
    squeue.chmod(0o755)
    assert said in refusal(checkout, *words)


# Root may write anywhere, unless it lays that power down.
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.mark.skipif(bool(UNPRIVILEGED) and not shutil.which("setpriv"), reason="run as root, without setpriv")
def test_no_write_permission(checkout: Path) -> None:
    (checkout / "logs").mkdir(mode=0o555)
    finished = subprocess.run(
        [*UNPRIVILEGED, sys.executable, "-m", "lrdash", "submit", "--scheduler", "local"],
        cwd=checkout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 2, finished.stderr
    assert f"{checkout}/logs/lr_experiment_v7 cannot be written to" in finished.stderr
    assert files(checkout / "logs") == set()


def test_no_sbatch_on_path(checkout: Path) -> None:
    line = refusal(checkout, path="/nowhere")
    assert line == (
        "lrdash: no sbatch on PATH: log in to the cluster, or run it on this machine with --scheduler local"
    )


def test_seven_billion_parameters_are_not_started_here(checkout: Path) -> None:
    line = refusal(checkout, "submit", "--scheduler", "local")
    assert "GPUs: text requires 2, this machine shows" in line


def test_a_sweep_that_already_runs(checkout: Path) -> None:
    def little(document: Document) -> None:
        document["require_gpu"] = False
        for group in document["groups"].values():
            group["program"] = [sys.executable, "-c", "import time; time.sleep(600)"]
            group["processes"], group["args"]["gradient_accumulation_steps"] = 1, 8

    change_sweep(checkout, little)
    change_sweep(checkout, lambda d: at("groups", "vision")(d)["args"].update(gradient_accumulation_steps=4))
    words = ("submit", "--scheduler", "local")
    first = submit(checkout, *words, "--group", "text", "--index", "1")
    assert (first.returncode, first.stdout) == (0, "text [1]: job 1\n"), first.stderr
    scheduler = LocalScheduler(load_sweep(checkout / SHEET))
    wait_until(lambda: scheduler.read_queue().tasks[0].state == "RUNNING")
    wait_until(lambda: (checkout / "logs/lr_experiment_v7/1_1.err").read_text().count("\n"))
    records = checkout / "logs/lr_experiment_v7/submissions"
    assert len(list(records.glob("*.json"))) == 1
    second = submit(checkout, *words)
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1] == (
        "lrdash: already queued or running: text:1 (1_1); "
        "choose others with --group and --index, or cancel these first"
    )
    assert len(list(records.glob("*.json"))) == 1
    scheduler.cancel(["1_1"])
    wait_until(lambda: scheduler.read_queue().tasks[0].state == "CANCELLED")
