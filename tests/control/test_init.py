"""`lrdash init`: by flags, by questions, from a script that somebody already has."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from lrdash.control.existing_script import ExistingScript, read_existing
from lrdash.control.init import Rates
from lrdash.errors import ConfigError
from lrdash.sweep.load import load_sweep
from lrdash.sweep.script import read_script

FLAGS = (
    "--name", "mine", "--model", "org/model", "--dataset", "a_train", "--eval-dataset", "a_test",
    "--rates", "2e-5,2e-6,2e-5/2e-6", "--gpus", "4", "--partition", "gpu", "--account", "lab",
)  # fmt: skip
SCRIPT = r"""#!/bin/bash
#SBATCH -J old_name
#SBATCH --array=0-2%2
#SBATCH --partition=ailab
#SBATCH --gres=gpu:h200:2
#SBATCH -t 12:00:00
#SBATCH --account=lab
#SBATCH -o old_%A_%a.out
module load cuda/12.4
source ~/venvs/train/bin/activate
export WANDB_MODE=offline
export MASTER_PORT=$((29700 + SLURM_ARRAY_TASK_ID))
MODEL=Qwen/Qwen2.5-7B-Instruct
LRS=(2e-5 2e-6 2e-5)
BACKBONE=("" "" 2e-6)
llamafactory-cli train \
    --stage cls --do_train \
    --model_name_or_path "$MODEL" \
    --dataset my_train --eval_dataset=my_test \
    --per_device_train_batch_size 2 --gradient_accumulation_steps 4 \
    --num_train_epochs 4 --bf16 true \
    --learning_rate ${LRS[$SLURM_ARRAY_TASK_ID]} \
    --cls_backbone_learning_rate ${BACKBONE[$SLURM_ARRAY_TASK_ID]} \
    --cutoff_len $(cat cutoff) \
    --output_dir saves/$SLURM_JOB_ID  # a comment --seed 1
# --seed 2
"""


def init(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lrdash", "init", *words],
        cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_flags_make_a_sweep_that_preflight_agrees_with(tmp_path: Path) -> None:
    finished = init(tmp_path, *FLAGS)
    assert (finished.returncode, finished.stdout) == (0, "sbatch/mine/sweep.yaml\n"), finished.stderr
    sweep = load_sweep(tmp_path / "sbatch/mine/sweep.yaml")
    assert (sweep.root, sweep.require_gpu) == (tmp_path, True)
    assert [run.name for run in sweep.runs] == ["text_lr_2e5", "text_lr_2e6", "text_lr_2e5_backbone_2e6"]
    assert [(run.learning_rate, run.cls_backbone_learning_rate) for run in sweep.runs] == [
        (2e-5, None),
        (2e-6, None),
        (2e-5, 2e-6),
    ]
    group = sweep.groups[0]
    assert group.effective_batch_size(group.runs[0]) == sweep.expect.effective_batch_size == 16
    script = read_script(group.script)
    assert (script.array, script.gpus, script.options["account"]) == ((0, 1, 2), 4, "lab")
    checked = subprocess.run(
        [sys.executable, "-m", "lrdash", "preflight", "--scheduler", "local"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"ok       script text: {group.script} asks for what sweep.yaml says" in checked.stdout
    assert subprocess.run(["bash", "-n", group.script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "init needs --name"),
        (FLAGS[2:], "init needs --name"),
        ((*FLAGS, "--rates=fast"), "--rates fast: give 2e-5"),
        ((*FLAGS, "--rates=1/2/3"), "--rates 1/2/3: give 2e-5"),
        ((*FLAGS, "--rates=2e-5,2e-5"), "is already the name of"),
        ((*FLAGS, "--rates=-1"), "--rates -1: give positive numbers such as 2e-5"),
        ((*FLAGS, "--rates=2e-5/nan"), "--rates 2e-5/nan: give positive numbers such as 2e-5"),
        ((*FLAGS, "--rates=,"), "--rates: give at least one"),
        ((*FLAGS, "--name", "../up"), "--name ../up: letters, digits"),
        ((*FLAGS, "--group", "a b"), "--group a b: letters, digits"),
        ((*FLAGS, "--batch", "6"), "--batch 6: cannot be shared by 4 processes"),
        ((*FLAGS, "--gpus", "-1"), "argument --gpus: '-1' is no whole number from 0 on"),
        ((*FLAGS, "--batch", "0"), "argument --batch: '0' is no whole number from 1 on"),
        ((*FLAGS, "--account", "a\nb"), "--account 'a\\nb': give one line of plain text"),
        ((*FLAGS, "--from", "gone.sh"), "gone.sh: cannot be read"),
    ],
)
def test_mistakes_leave_nothing_behind(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    finished = init(tmp_path, *words)
    assert finished.returncode == 2
    assert said in finished.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_existing_sweep_is_never_overwritten(tmp_path: Path) -> None:
    init(tmp_path, *FLAGS)
    (tmp_path / "sbatch/mine/sweep.yaml").write_text("precious")
    finished = init(tmp_path, *FLAGS)
    assert finished.returncode == 2
    assert "already there" in finished.stderr
    assert (tmp_path / "sbatch/mine/sweep.yaml").read_text() == "precious"


def test_without_gpus_none_are_asked_for(tmp_path: Path) -> None:
    init(tmp_path, *FLAGS, "--gpus", "0")
    sweep = load_sweep(tmp_path / "sbatch/mine/sweep.yaml")
    assert (sweep.require_gpu, sweep.groups[0].processes) == (False, 1)
    assert read_script(sweep.groups[0].script).gpus is None


def test_what_a_script_says(tmp_path: Path) -> None:
    (tmp_path / "old.sbatch").write_text(SCRIPT)
    existing = read_existing(tmp_path / "old.sbatch")
    assert existing.rates == (Rates(2e-5), Rates(2e-6), Rates(2e-5, 2e-6))
    assert existing.args == {
        "stage": "cls", "do_train": True, "model_name_or_path": "Qwen/Qwen2.5-7B-Instruct",
        "dataset": "my_train", "eval_dataset": "my_test", "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 4, "num_train_epochs": 4, "bf16": True,
    }  # fmt: skip
    assert existing.options == {
        "partition": "ailab", "gres": "gpu:h200:2", "time": "12:00:00", "account": "lab",
    }  # fmt: skip
    assert existing.setup == (
        "module load cuda/12.4",
        "source ~/venvs/train/bin/activate",
        "export WANDB_MODE=offline",
    )
    assert (existing.processes, existing.unread) == (2, ("cutoff_len",))


def test_a_sweep_from_a_script(tmp_path: Path) -> None:
    (tmp_path / "old.sbatch").write_text(SCRIPT)
    finished = init(tmp_path, "--from", "old.sbatch", "--name", "mine")
    assert finished.returncode == 0, finished.stderr
    assert "Not taken over, only the shell knows them: cutoff_len" in finished.stderr
    sweep = load_sweep(tmp_path / "sbatch/mine/sweep.yaml")
    assert [run.learning_rate for run in sweep.runs] == [2e-5, 2e-6, 2e-5]
    assert sweep.runs[0].args["num_train_epochs"] == 4
    assert sweep.expect.effective_batch_size == 16
    script = read_script(sweep.groups[0].script)
    assert (script.options["job-name"], script.options["gres"]) == ("mine_text", "gpu:h200:2")
    assert "module load cuda/12.4\nsource ~/venvs/train/bin/activate\nexport WANDB_MODE" in script.text


def existing(folder: Path, *lines: str) -> ExistingScript:
    (folder / "old.sbatch").write_text("\n".join(("#!/bin/bash", *lines)) + "\n")
    return read_existing(folder / "old.sbatch")


@pytest.mark.parametrize(
    "command",
    [
        "srun --ntasks=1 torchrun --nproc_per_node=2 --master_port=29500 train.py --seed 7 --do_train",
        "python -u -m torch.distributed.run --nproc_per_node 2 train.py --seed 7 --do_train > log 2>&1",
        "accelerate launch --num_processes 2 -m trainer --seed=7 --do_train",
        "PYTHONPATH=. exec torchrun --nnodes 1 --module trainer --do_train --seed 7 || exit 1",
        "srun --exclusive llamafactory-cli train --seed 7 --do_train; echo --done --seed 8 --x y",
        "finetune --seed 7 --do_train",
        "python prepare.py --rows 5; python train.py --seed 7 --do_train",
    ],
)
def test_only_the_training_s_own_flags_are_taken(tmp_path: Path, command: str) -> None:
    assert existing(tmp_path, command).args == {"seed": 7, "do_train": True}


def test_comments_are_no_elements_and_open_no_quotes(tmp_path: Path) -> None:
    read = existing(
        tmp_path,
        "#SBATCH --array=0-1",
        "LRS=( 2e-5 # fast (too fast?)",
        "      2e-6 # it's slow",
        ")",
        "# it's the training",
        "train --learning_rate ${LRS[$SLURM_ARRAY_TASK_ID]} --note 'a; b#c' # isn't it?",
    )
    assert (read.rates, read.args) == ((Rates(2e-5), Rates(2e-6)), {"note": "a; b#c"})


def test_an_array_that_was_given_by_hand_has_all_elements(tmp_path: Path) -> None:
    read = existing(tmp_path, "LRS=(2e-5 2e-6)", "train --learning_rate ${LRS[$SLURM_ARRAY_TASK_ID]}")
    assert read.rates == (Rates(2e-5), Rates(2e-6))


def test_an_open_quote_in_an_array_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its training command cannot be read: No closing quotation"):
        existing(tmp_path, "LRS=('2e-5 2e-6)", "train --learning_rate 1")


def test_options_keep_their_meaning(tmp_path: Path) -> None:
    lines = (
        "-C h200",
        "-w 'node[1-2]'",
        "--licenses='my lab'",
        "--gpus=2",
        "--exclusive",
        "-D /old",
        "--wait",
    )
    existing(tmp_path, *(f"#SBATCH {line}" for line in lines))
    finished = init(tmp_path, "--from", "old.sbatch", *FLAGS[:10])
    assert finished.returncode == 0, finished.stderr
    sweep = load_sweep(tmp_path / "sbatch/mine/sweep.yaml")
    script = read_script(sweep.groups[0].script)
    kept = ("constraint", "nodelist", "licenses", "gpus", "exclusive", "chdir", "wait")
    assert [script.options.get(option) for option in kept] == [
        "h200", "node[1-2]", "my lab", "2", "", None, None,
    ]  # fmt: skip
    assert (sweep.require_gpu, sweep.groups[0].processes) == (True, 2)
    assert "#SBATCH --licenses='my lab'\n" in script.text


def test_gpus_of_a_flag_replace_the_script_s(tmp_path: Path) -> None:
    existing(tmp_path, "#SBATCH --gpus-per-node=2")
    init(tmp_path, "--from", "old.sbatch", *FLAGS)
    options = read_script(tmp_path / "sbatch/mine/text.sbatch").options
    assert (options["gres"], "gpus-per-node" in options) == ("gpu:4", False)


def test_a_script_that_the_shell_would_not_read_either(tmp_path: Path) -> None:
    (tmp_path / "bad.sbatch").write_text("#!/bin/bash\ntrain --a 'open\n")
    finished = init(tmp_path, "--from", "bad.sbatch", *FLAGS)
    assert finished.returncode == 2
    assert "bad.sbatch: its training command cannot be read" in finished.stderr


def test_questions_in_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lrdash", "init", "--model", "org/model", "--gpus", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"a name\nasked\na_train\na_test\nfast\n2e-5 2e-6\n")
        assert process.wait(timeout=20) == 0
    os.close(ours)
    sweep = load_sweep(tmp_path / "sbatch/asked/sweep.yaml")
    assert [run.learning_rate for run in sweep.runs] == [2e-5, 2e-6]
    assert sweep.runs[0].args["dataset"] == "a_train"
