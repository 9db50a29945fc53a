"""The command line of a run."""

from __future__ import annotations

import sys
from pathlib import Path

from lrdash.launch.command import run_command, run_environment, shell_text
from lrdash.sweep.experiment import experiment_dir
from lrdash.sweep.load import load_sweep
from tests.sweeps import write_sweep


def as_flags(command: list[str]) -> dict[str, str]:
    start = next(place for place, word in enumerate(command) if word == "--stage")
    return dict(zip(command[start::2], command[start + 1 :: 2], strict=True))


def test_the_experiment_s_separate_run() -> None:
    sweep = load_sweep(experiment_dir() / "sweep.yaml")
    command = run_command(sweep, sweep.group("vision").runs[2], 29702, {})
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert "--nproc-per-node=2" in command
    assert "--master-port=29702" in command
    flags = as_flags(command)
    assert (flags["--learning_rate"], flags["--cls_backbone_learning_rate"]) == ("2e-05", "2e-06")
    assert (flags["--per_device_train_batch_size"], flags["--gradient_accumulation_steps"]) == ("4", "2")
    assert flags["--bf16"] == "true"
    assert flags["--output_dir"] == "saves/lr_experiment_v7/vision_trainagreeing_lr_2e5_backbone_2e6"
    assert flags["--results_dir"] == "results/lr_experiment_v7/vision_trainagreeing_lr_2e5_backbone_2e6"


def test_uniform_runs_have_no_backbone_rate() -> None:
    sweep = load_sweep(experiment_dir() / "sweep.yaml")
    for group in sweep.groups:
        flags = [as_flags(run_command(sweep, run, 29700, {})) for run in group.runs]
        assert ["--cls_backbone_learning_rate" in one for one in flags] == [False, False, True]


def test_one_process_needs_no_torchrun(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, None, args={"stage": "cls"})
    assert run_command(sweep, sweep.runs[0], 29700, {})[1:3] == ["-m", "trainer"]


def test_overrides_win_and_further_arguments_come_last(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, None, args={"stage": "cls", "seed": 1, "cutoff_len": None})
    command = run_command(sweep, sweep.runs[0], 29700, {"seed": 2}, ["--max_steps", "3"])
    assert command[command.index("--seed") + 1] == "2"
    assert command[-2:] == ["--max_steps", "3"]
    assert "--cutoff_len" not in command


def test_another_program_gets_no_flag_of_ours_and_its_port_by_environment(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, "pass", processes=2)
    group = sweep.groups[0]
    assert "--results_dir" not in run_command(sweep, group.runs[0], 29701, {})
    environment = run_environment(group, 29701)
    assert (environment["MASTER_PORT"], environment["NPROC_PER_NODE"]) == ("29701", "2")


def test_a_path_in_the_home_folder_is_made_absolute(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, None, args={"stage": "cls", "model_name_or_path": "~/models/x"})
    command = run_command(sweep, sweep.runs[0], 29700, {})
    assert command[command.index("--model_name_or_path") + 1] == str(Path("~/models/x").expanduser())


def test_what_is_printed_can_be_typed() -> None:
    assert shell_text(["a b", "$x"], Path("/some where")) == "cd '/some where' && 'a b' '$x'"
