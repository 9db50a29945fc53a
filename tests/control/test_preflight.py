"""What a preflight knows beyond the mistakes of tests/cli/test_bad_input.py."""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lrdash.control.preflight import Finding, preflight, raise_errors
from lrdash.control.preflight.arguments import check_arguments
from lrdash.control.preflight.disk import check_disk, gigabytes, needed_bytes
from lrdash.control.preflight.model import count_parameters, find_checkpoint, hub_cache
from lrdash.control.preflight.node import check_ports, check_programs, check_shared
from lrdash.control.submission import plan_submission
from lrdash.errors import PreflightError
from lrdash.scheduler.local import LocalScheduler
from lrdash.sweep.arguments import with_overrides
from lrdash.sweep.paths import saves_dir
from lrdash.sweep.spec import Sweep
from tests.sweeps import write_sweep


def weights(path: Path, *shapes: tuple[int, ...]) -> None:
    """A safetensors file with the headers of some float32 tensors and none of their bytes."""
    header = {f"t{number}": {"dtype": "F32", "shape": shape} for number, shape in enumerate(shapes)}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def findings(sweep: Sweep) -> tuple[Finding, ...]:
    scheduler = LocalScheduler(sweep)
    return preflight(sweep, scheduler, plan_submission(sweep, scheduler).jobs, {})


def test_a_sweep_of_another_program_needs_no_model(tmp_path: Path) -> None:
    found = findings(write_sweep(tmp_path))
    assert [str(each) for each in found if each.level in ("error", "warning")] == []


def test_all_findings_are_told_once(tmp_path: Path) -> None:
    args = {"stage": "cls", "do_train": True, "dataset": "none", "model_name_or_path": "./none"}
    sweep = write_sweep(tmp_path, None, args=args)
    texts = [str(each) for each in findings(sweep) if each.level == "error"]
    assert len(texts) == len(set(texts)) == 2


def about_arguments(sweep: Sweep, *, is_fresh: bool = False) -> list[str]:
    found = check_arguments(sweep, sweep.runs, os.environ, is_fresh=is_fresh)
    return [str(each).replace(f" in {sweep.file}", "") for each in found if each.level != "ok"]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (
            {"lerning_rate": 1},
            "--lerning_rate is not an argument of this trainer; did you mean --learning_rate?",
        ),
        ({"num_train_epochs": 2.5}, "--num_train_epochs 2.5: expected a whole number"),
        ({"do_train": False}, "nothing to do: give --do_train, --do_eval or --do_predict"),
    ],
)
def test_arguments_that_the_trainer_refuses(tmp_path: Path, wrong: dict[str, object], problem: str) -> None:
    args = {"stage": "cls", "do_train": True, "dataset": "x", "model_name_or_path": "./x"}
    assert about_arguments(write_sweep(tmp_path / "right", None, args=args)) == []
    sweep = write_sweep(tmp_path / "wrong", None, args=args | wrong)
    assert about_arguments(sweep) == [f"arguments: text:0, text:1: {problem}"]


def test_a_checkpoint_of_other_arguments_needs_a_fresh_start(tmp_path: Path) -> None:
    args = {"stage": "cls", "do_train": True, "dataset": "x", "model_name_or_path": "./x"}
    sweep = write_sweep(tmp_path, None, args=args)
    checkpoint = saves_dir(sweep, sweep.runs[1]) / "checkpoint-5"
    checkpoint.mkdir(parents=True)
    arguments = {"learning_rate": 1e-3}
    progress = {"step": 5, "epoch": 1.0, "epoch_loss": 0.0, "rates": {}, "arguments": arguments}
    (checkpoint / "complete").write_text(json.dumps(progress))
    (problem,) = about_arguments(sweep)
    assert problem.startswith(f"arguments: text:1: {checkpoint.relative_to(tmp_path)} was trained with other")
    assert problem.endswith("(lrdash submit --fresh)")
    assert about_arguments(sweep, is_fresh=True) == []


def test_a_trainer_that_cannot_be_asked_is_no_mistake(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, None, args={"stage": "cls"})
    (found,) = check_arguments(sweep, sweep.runs, {"LRDASH_VENV": str(tmp_path)}, is_fresh=False)
    assert found.level == "warning"
    assert found.text.endswith("; the trainer's arguments were not checked")


def test_errors_name_the_first_and_count_the_rest() -> None:
    errors = [Finding("error", "data", "gone"), Finding("note", "x", "y"), Finding("error", "model", "gone")]
    with pytest.raises(PreflightError) as raised:
        raise_errors(errors)
    assert str(raised.value) == "data: gone (and 1 more: `lrdash preflight` lists them)"
    raise_errors([errors[1]])


def test_the_hub_cache_is_where_the_hub_says() -> None:
    assert hub_cache({"HF_HUB_CACHE": "/a"}) == Path("/a")
    assert hub_cache({"HF_HOME": "/b"}) == Path("/b/hub")
    assert hub_cache({"XDG_CACHE_HOME": "/c"}) == Path("/c/huggingface/hub")
    assert hub_cache({}) == Path.home() / ".cache/huggingface/hub"


def test_a_hub_id_is_found_in_the_cache(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep")
    snapshot = tmp_path / "models--Qwen--Tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert find_checkpoint(sweep, "Qwen/Tiny", {"HF_HUB_CACHE": str(tmp_path)}) == snapshot


def test_parameters_are_counted_from_headers(tmp_path: Path) -> None:
    weights(tmp_path / "a.safetensors", (10, 20), (5,))
    weights(tmp_path / "b.safetensors", (3,))
    assert count_parameters(tmp_path) == 208
    (tmp_path / "b.safetensors").write_bytes(b"\xff" * 4)
    assert count_parameters(tmp_path) == 205
    assert count_parameters(tmp_path / "nowhere") is None


def about_model(folder: Path) -> list[str]:
    """What preflight says of the folder's model."""
    args = {"stage": "cls", "model_name_or_path": "./model"}
    sweep = write_sweep(folder, None, args=args)
    return [str(each) for each in findings(sweep) if each.subject == "model" and each.level == "error"]


@pytest.mark.parametrize("index", ['{"weight_map": {"a"', "[]", "{}", '{"weight_map": 3}'])
def test_an_index_that_is_not_whole(tmp_path: Path, index: str) -> None:
    weights(tmp_path / "model/model.safetensors", (3,))
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "model/model.safetensors.index.json").write_text(index)
    problem = "has a model.safetensors.index.json that is not whole; copy or download it again"
    assert about_model(tmp_path) == [f"model: {tmp_path}/model {problem}"]


def test_a_pointer_is_no_model(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 15231233024\n"
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "model/model.safetensors").write_text(pointer)
    problem = "has a git-lfs pointer in the place of model.safetensors; fetch the weights: git lfs pull"
    assert about_model(tmp_path) == [f"model: {tmp_path}/model {problem}"]


def test_what_is_no_file_is_no_model_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    os.mkfifo(tmp_path / "model/model.safetensors")
    assert about_model(tmp_path) == [
        f"model: {tmp_path}/model has no model.safetensors; copy or download it again"
    ]


@pytest.mark.parametrize("key", ["model_name_or_path", "dataset", "dataset_dir"])
def test_a_place_that_cannot_be_looked_at_is_an_error(tmp_path: Path, key: str) -> None:
    """A name that is too long stands for all of them: root may look everywhere."""
    (tmp_path / "data").mkdir()
    long = "x" * 300
    args = {"stage": "cls", "model_name_or_path": "./model", "dataset": "d", key: long}
    texts = [each.text for each in findings(write_sweep(tmp_path, None, args=args)) if each.level == "error"]
    assert any(re.search(rf"/{long}(/d)?: cannot be looked at: File name too long", text) for text in texts)


def test_an_environment_that_cannot_be_looked_at_is_an_error(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    scheduler = LocalScheduler(sweep)
    jobs = plan_submission(sweep, scheduler).jobs
    found = preflight(sweep, scheduler, jobs, {"LRDASH_VENV": "/" + "x" * 300})
    assert any(each.subject == "environment" and "File name too long" in each.text for each in found)


@pytest.mark.parametrize("limit", [float("nan"), float("inf")])
def test_a_limit_that_is_no_number_limits_nothing(seven_billion: Sweep, limit: float) -> None:
    sweep = with_overrides(seven_billion, {"save_total_limit": limit})
    assert gigabytes(needed_bytes(sweep, sweep.runs[0], {})) == "198 GB"


@pytest.mark.parametrize("header", ['{"a": {"dtype": "F32"}}', '{"a": 3}', "[]", '{"a": {"shape": "x"}}'])
def test_tensors_that_are_none_count_for_nothing(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header.encode())
    assert count_parameters(tmp_path) == 0


@pytest.fixture
def seven_billion(tmp_path: Path) -> Sweep:
    args = {"stage": "cls", "model_name_or_path": "./model", "save_total_limit": 3}
    sweep = write_sweep(tmp_path, None, args=args)
    weights(tmp_path / "model/model.safetensors", (7_070_000_000,))
    (tmp_path / "model/config.json").write_text("{}")
    return sweep


def test_disk_that_a_sweep_needs(seven_billion: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three checkpoints, a fourth on its way and the model: 28 GB each; two optimizer states: 57 GB each."""
    assert gigabytes(needed_bytes(seven_billion, seven_billion.runs[0], {})) == "255 GB"

    def disk(free: int) -> Finding:
        monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": free}))
        (finding,) = check_disk(seven_billion, seven_billion.runs, {})
        return finding

    assert disk(10**12).level == "ok"
    short = disk(10**11)
    assert short.level == "warning"
    assert "checkpoints of 2 runs need about 509 GB, 100 GB are free" in short.text


def test_ports_beyond_the_last(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, port=65000)
    run = replace(sweep.runs[-1], index=600)
    beyond = replace(sweep, groups=(replace(sweep.groups[0], runs=(sweep.runs[0], run)),))
    assert [each.level for each in check_ports(beyond)] == ["error"]
    assert list(check_ports(sweep)) == []


def test_what_only_this_node_has_is_warned_about(tmp_path: Path) -> None:
    sweep = replace(write_sweep(tmp_path), root=Path("/tmp/here"))
    texts = [finding.text for finding in check_shared(sweep, {"LRDASH_VENV": "/dev/shm/venv"})]
    assert texts == [
        "the sweep is in /tmp/here, which compute nodes may not see",
        "the Python environment is in /dev/shm/venv, which compute nodes may not see",
    ]
    assert list(check_shared(replace(sweep, root=Path("/home/x")), {"LRDASH_VENV": "/home/y"})) == []


def test_a_chosen_environment_without_lrdash(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    (found,) = check_programs(sweep.groups[0], {"LRDASH_VENV": "/no/venv"})
    assert (found.level, found.text.partition(";")[0]) == ("error", "LRDASH_VENV=/no/venv has no bin/lrdash")
    assert list(check_programs(sweep.groups[0], {"LRDASH_VENV": sys.prefix})) == []


def test_the_environment_that_beats_the_script_is_told(tmp_path: Path) -> None:
    from lrdash.control.preflight.script import check_script

    sweep = write_sweep(tmp_path)
    found = check_script(sweep, sweep.groups[0], {"SBATCH_TIMELIMIT": "5"}, on_slurm=True)
    assert "SBATCH_TIMELIMIT=5 in your environment wins over --time" in [finding.text for finding in found]
