"""`--dry_run`: the real models' sizes and what they need, from the shapes of their config.json alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from trainer.command_line import parse
from trainer.dry_run import dry_run, parse_memory
from trainer.errors import ArgumentsError
from trainer.estimates import Method, Shape, activation_bytes, gpu_memory

HUB = ROOT / "tests" / "data" / "hub"
"""config.json of the two public models, in the layout of the hub's cache, without weights."""
SWEEP = ROOT / "sbatch" / "final_sweep_v7" / "sweep.yaml"
EXPECTED = {
    "text": ("7.07 B, of which 0.00 B frozen", "2 x 2 x 4 = 16", "200G"),
    "vision": ("7.75 B, of which 0.68 B frozen", "2 x 4 x 2 = 16", "350G"),
}


def check_output(out: str, group: str) -> None:
    size, batch, memory = EXPECTED[group]
    assert size in out
    assert f"effective batch size: {batch}" in out
    assert "an H200 has 141.0 GB: fits" in out
    assert f"--mem={memory} grants" in out
    assert "NOT" not in out


def launch(group: str, index: int) -> None:
    lrdash = Path(sys.executable).with_name("lrdash")
    command = [str(lrdash), "launch", str(SWEEP), "--group", group, "--index", str(index)]
    environment = {"HF_HUB_CACHE": str(HUB), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--", "--dry_run"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    check_output(done.stdout, group)
    separate = "cls_backbone_learning_rate: 2e-06" in done.stdout
    assert separate == (index == 2)


def test_launch_plans_a_real_configuration() -> None:
    launch("vision", 2)


@pytest.mark.acceptance
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("group", ["text", "vision"])
def test_launch_plans_every_real_configuration(group: str, index: int) -> None:
    launch(group, index)


def test_the_text_model_has_the_public_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(HUB))
    name = HUB / "models--Qwen--Qwen2.5-7B-Instruct" / "snapshots" / "shape"
    dry_run(parse(["--stage", "cls", "--model_name_or_path", str(name), "--dry_run"]))
    out = capsys.readouterr().out
    assert "backbone                 7,070,619,136  trained" in out
    assert "DOES NOT FIT" in out  # on one GPU


def plan(demo: Path, capsys: pytest.CaptureFixture[str], flags: str) -> str:
    words = f"--stage cls --dry_run --model_name_or_path {demo}/models/text --dataset_dir {demo}/data"
    dry_run(parse([*words.split(), "--dataset", "python_docstrings_train", *flags.split()]))
    return capsys.readouterr().out


def test_steps_are_counted_where_the_data_are(demo_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = plan(demo_data, capsys, "--num_train_epochs 6")
    assert "40 rows: 5 steps an epoch, 30 in all" in out
    assert "40 rows: 5 steps an epoch, 7 in all" in plan(demo_data, capsys, "--max_steps 7")


@pytest.mark.parametrize(
    ("flags", "how"),
    [
        ("--processes 2 --bf16 true", "FSDP2 over 2, rows of 2048 tokens in bfloat16"),
        ("--processes 2 --fsdp false --bf16 true", "DDP over 2, rows of 2048 tokens in bfloat16"),
        ("--processes 2 --bf16 false", "FSDP2 over 2, rows of 2048 tokens in float32"),
        ("--fsdp true", "on 1, rows of 2048 tokens in float32"),
    ],
)
def test_memory_is_that_of_the_method_asked_for(
    demo_data: Path, capsys: pytest.CaptureFixture[str], flags: str, how: str
) -> None:
    assert f"Memory of each GPU, {how} (estimate)" in plan(demo_data, capsys, flags)


SHAPE = Shape(trained=1000, frozen=100, layers=4, hidden=10, intermediate=20, layer=200, outside=200)
ONE = Method(gpus=1, sharded=False, bf16=True, checkpointing=False)
SHARDED = replace(ONE, gpus=2, sharded=True)


def test_sharding_divides_weights_gradients_and_moments() -> None:
    one, two = (gpu_memory(SHAPE, method, tokens=8) for method in (ONE, SHARDED))
    for name in ("weights", "gradients", "optimizer"):
        assert getattr(one, name) == 2 * getattr(two, name)
    assert one.activations == two.activations
    assert one.optimizer == 8 * SHAPE.trained


def test_without_sharding_every_gpu_has_all_and_the_gradients_it_sends() -> None:
    one, two = (gpu_memory(SHAPE, method, tokens=8) for method in (ONE, replace(ONE, gpus=2)))
    assert two.gradients == one.gradients + 4 * SHAPE.trained
    assert (two.weights, two.optimizer) == (one.weights, one.optimizer)


def test_computing_in_float32_takes_twice_the_activations() -> None:
    bf16, fp32 = (gpu_memory(SHAPE, method, tokens=8) for method in (SHARDED, replace(SHARDED, bf16=False)))
    assert fp32.activations == 2 * bf16.activations
    assert fp32.gathered > bf16.gathered
    assert gpu_memory(SHAPE, replace(ONE, bf16=False), tokens=8).gathered == 0


def test_checkpointing_keeps_less() -> None:
    assert activation_bytes(SHAPE, 8, replace(ONE, checkpointing=True)) < activation_bytes(SHAPE, 8, ONE)


def test_memory_is_read_as_slurm_writes_it() -> None:
    assert parse_memory("200G") == 200 * 2**30
    assert parse_memory("4096") == 4096 * 2**20
    with pytest.raises(ArgumentsError, match="--host_memory much"):
        parse_memory("much")
