"""Flags, configuration files, and flags of other tools."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.arguments import FIELDS, arguments_hash
from trainer.command_line import parse, usage
from trainer.errors import ArgumentsError
from trainer.foreign_flags import ACCEPTED, REPLACED

GOOD = "--stage cls --do_train --model_name_or_path m --dataset d --output_dir o"


def parsed(text: str) -> object:
    return parse(text.split())


def test_flags_are_read_as_transformers_reads_them() -> None:
    arguments = parse(
        f"{GOOD} --learning-rate 2e-5 --bf16 --warmup_steps=5 --no_freeze_vision_tower --num_train_epochs 6.0"
        " --freeze_vision_tower yes".split()
    )
    assert arguments.learning_rate == 2e-5
    assert arguments.bf16 is True
    assert arguments.warmup_steps == 5
    assert arguments.num_train_epochs == 6
    assert arguments.freeze_vision_tower is True
    assert arguments.cls_backbone_learning_rate is None


@pytest.mark.parametrize("spelling", ["1e-5", "1.0e-5", "0.00001"])
def test_a_configuration_file_may_write_numbers_either_way(tmp_path: Path, spelling: str) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        f"### method\nstage: cls\ndo_train: true\nmodel_name_or_path: m\ndataset: d\noutput_dir: o\n"
        f"learning_rate: {spelling}\nmax_samples: null\n"
    )
    arguments = parse([str(config), "num_train_epochs=2", "logging_steps=1"])
    assert arguments.learning_rate == 1e-5
    assert (arguments.num_train_epochs, arguments.logging_steps, arguments.max_samples) == (2, 1, None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("null", True), ("true", True), ("false", False), ("saves/True", Path("saves/True"))],
)
def test_a_configuration_file_says_where_to_go_on(tmp_path: Path, written: str, meant: Path | bool) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        f"{{stage: cls, do_train: true, model_name_or_path: m, dataset: d, output_dir: o,"
        f" resume_from_checkpoint: {written}}}"
    )
    assert parse([str(config)]).resumes_from == meant


def test_a_json_configuration_is_read_too(tmp_path: Path) -> None:
    config = tmp_path / "run.json"
    values = {"stage": "cls", "do_train": True, "model_name_or_path": "m", "dataset": "d", "output_dir": "o"}
    config.write_text(json.dumps(values))
    assert parse([str(config)]).do_train is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--learnig_rate 1",
            "--learnig_rate is not an argument of this trainer; did you mean --learning_rate?",
        ),
        ("--learning_rate fast", "--learning_rate fast: expected a number"),
        ("--num_train_epochs 1.5", "--num_train_epochs 1.5: expected a whole number"),
        ("--bf16 maybe", "--bf16 maybe: expected true or false"),
        ("--eval_strategy steps", "--eval_strategy steps: choose one of no, epoch"),
        ("--learning_rate 0", "--learning_rate is 0.0; give a positive number"),
        ("--learning_rate 1e400", "--learning_rate is inf; give a positive number"),
        ("--warmup_steps -1", "--warmup_steps is -1.0; give 0 or a positive number"),
        ("--max_steps 0", "--max_steps is 0; give a positive number, or -1"),
        ("--seed 4294967296", "--seed is 4294967296; give a number up to 4294967295"),
        ("--do_predict", "--eval_dataset is missing"),
        ("--eval_strategy epoch", "--eval_dataset is missing"),
        ("--freeze_vision_tower false", "--freeze_vision_tower false is not trained here"),
        ("--finetuning_type lora", "--finetuning_type lora is not trained here, only full"),
        ("--stage sft", "--stage sft is not trained here, only cls; for another stage name the program"),
        (
            "--stage sft --cls_backbone_learning_rate 2e-6",
            "--cls_backbone_learning_rate is only valid for --stage cls",
        ),
        ("--image_min_pixels 9 --image_max_pixels 8", "--image_min_pixels is above --image_max_pixels"),
        ("stray", "'stray' stands where a --flag was expected"),
        (
            "--overwrite_output_dir --resume_from_checkpoint saves/epoch1",
            "--resume_from_checkpoint saves/epoch1 goes on and --overwrite_output_dir starts afresh",
        ),
        ("--processes 2", "--processes only plans, with --dry_run; torchrun's --nproc-per-node gives it"),
        ("--host_memory 200G", "--host_memory only plans, with --dry_run; Slurm's --mem gives it to a run"),
        ("--evaluation_strategy epoch", "write --eval_strategy"),
        ("--deepspeed ds_z3_config.json", "leave it out: several GPUs share the weights through FSDP2"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(words: str, message: str) -> None:
    with pytest.raises(ArgumentsError) as error:
        parsed(f"{GOOD} {words}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("missing", ["model_name_or_path m", "dataset d", "output_dir o", "do_train"])
def test_what_is_needed_is_asked_for(missing: str) -> None:
    with pytest.raises(ArgumentsError):
        parsed(GOOD.replace(f"--{missing}", ""))


# LLaMA-Factory's own flags for this experiment: its examples/train_full, with the experiment's values
LLAMAFACTORY = """
stage: cls
do_train: true
do_predict: true
finetuning_type: full
model_name_or_path: Qwen/Qwen2.5-VL-7B-Instruct
trust_remote_code: false
image_max_pixels: 262144
freeze_vision_tower: true
freeze_multi_modal_projector: true
dataset: iclr_train
eval_dataset: iclr_test
dataset_dir: data
media_dir: data
template: qwen2_vl
cutoff_len: 2048
max_samples: 1000
overwrite_cache: true
preprocessing_num_workers: 16
dataloader_num_workers: 4
output_dir: saves/run
logging_steps: 10
save_strategy: epoch
save_total_limit: 3
plot_loss: true
overwrite_output_dir: true
save_only_model: false
report_to: none
per_device_train_batch_size: 4
gradient_accumulation_steps: 2
per_device_eval_batch_size: 1
learning_rate: 1.0e-5
num_train_epochs: 6.0
lr_scheduler_type: cosine
warmup_steps: 5
bf16: true
ddp_timeout: 180000000
resume_from_checkpoint: null
eval_strategy: epoch
"""


def test_llamafactorys_configuration_is_accepted_unchanged(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(LLAMAFACTORY)
    arguments = parse([str(config)])
    assert arguments.ddp_timeout == 180_000_000
    assert arguments.image_max_pixels == 262144


# The arguments that decide an experiment in LLaMA-Factory, each with its default there: asking for that
# is asking for nothing, so it passes; where it is not what happens here, it is named.
LLAMAFACTORYS_DEFAULTS = """
stage: sft  # named
finetuning_type: lora  # named
do_train: true
do_eval: false
do_predict: false
model_name_or_path: m
adapter_name_or_path: null
cache_dir: null
trust_remote_code: false
flash_attn: auto
dataset: d
eval_dataset: null
dataset_dir: data
media_dir: null
val_size: 0.0
eval_on_each_dataset: false
template: null
cutoff_len: 2048
max_samples: null
overwrite_cache: false
preprocessing_num_workers: null
tokenized_path: null
output_dir: o
overwrite_output_dir: false
resume_from_checkpoint: null
learning_rate: 5.0e-5
lr_scheduler_type: linear
warmup_steps: 0
warmup_ratio: 0.0
num_train_epochs: 3.0
per_device_train_batch_size: 8
per_device_eval_batch_size: 8
gradient_accumulation_steps: 1
logging_steps: 500
logging_strategy: steps
save_strategy: steps  # named
eval_strategy: no
evaluation_strategy: no  # named
save_steps: 500  # named
save_total_limit: null
save_only_model: false
bf16: false
pure_bf16: false
deepspeed: null
report_to: none
seed: 42
data_seed: null
weight_decay: 0.0
max_grad_norm: 1.0
optim: adamw_torch
load_best_model_at_end: false
metric_for_best_model: null
logging_nan_inf_filter: true  # named
gradient_checkpointing: false
disable_gradient_checkpointing: false  # named
plot_loss: false
compute_accuracy: false
early_stopping_steps: null
freeze_vision_tower: true
freeze_multi_modal_projector: true
freeze_language_model: false
image_max_pixels: 589824
image_min_pixels: 1024
ddp_timeout: 1800
"""


@pytest.mark.parametrize("line", LLAMAFACTORYS_DEFAULTS.split("\n")[1:-1])
def test_every_default_of_llamafactory_is_accepted_or_named(tmp_path: Path, line: str) -> None:
    name = line.partition(":")[0]
    needed = {
        "stage": "cls",
        "do_train": "true",
        "model_name_or_path": "m",
        "dataset": "d",
        "output_dir": "o",
    }
    config = tmp_path / "run.yaml"
    config.write_text("\n".join([*(f"{key}: {needed[key]}" for key in needed if key != name), line]))
    if not line.endswith("# named"):
        parse([str(config)])
        return
    with pytest.raises(ArgumentsError, match=f"--{name} .*(write|leave it out|only|choose one of)"):
        parse([str(config)])


@pytest.mark.parametrize(
    "line",
    [
        "adapter_name_or_path: saves/lora",
        "cache_dir: cache",
        "eval_on_each_dataset: true",
        "tokenized_path: tokens",
        "early_stopping_steps: 3",
        "load_best_model_at_end: true",
        "freeze_language_model: true",
        "save_only_model: true",
        "data_seed: 1",
        "optim: adafactor",
        "deepspeed: examples/deepspeed/ds_z3_config.json",
        "warmup_ratio: 0.1",
        "val_size: 0.1",
        "pure_bf16: true",
        "lora_rank: 8",
        "save_steps: 500",
        "trust_remote_code: true",
        "flash_attn: fa2",
        "report_to: wandb",
    ],
)
def test_a_flag_that_is_not_accepted_is_named_with_what_to_write_instead(tmp_path: Path, line: str) -> None:
    name = line.partition(":")[0]
    config = tmp_path / "run.yaml"
    others = [kept for kept in LLAMAFACTORY.splitlines() if not kept.startswith(name)]
    config.write_text("\n".join([*others, line]))
    with pytest.raises(ArgumentsError, match=f"--{name}.*; (write|leave it out)"):
        parse([str(config)])


def test_every_refused_value_has_a_replacement() -> None:
    restricted = {name for name, values in ACCEPTED.items() if values is not None}
    assert restricted - {"save_safetensors", "use_fast_tokenizer"} <= REPLACED.keys()
    assert not (ACCEPTED.keys() | REPLACED.keys()) & FIELDS.keys()


def test_resuming_asks_for_the_effective_batch_not_its_factors() -> None:
    one = parse(f"{GOOD} --per_device_train_batch_size 16".split()).that_matter(1)
    two = parse(
        f"{GOOD} --per_device_train_batch_size 2 --gradient_accumulation_steps 4".split()
    ).that_matter(2)
    three = parse(f"{GOOD} --per_device_train_batch_size 16 --seed 1".split()).that_matter(1)
    assert arguments_hash(one) == arguments_hash(two) != arguments_hash(three)


def test_help_names_every_argument() -> None:
    assert all(f"--{name}" in usage() for name in FIELDS)


def test_a_mistake_is_told_without_importing_torch() -> None:
    script = (
        "import sys; sys.argv = ['trainer', '--stage', 'cls', '--do_train', '--model_name_or_path', './none',"
        " '--dataset', 'd', '--output_dir', 'o']\n"
        "import trainer.__main__ as m, trainer.processes as p\n"
        "p.end = lambda code: print(code, 'torch' in sys.modules, 'transformers' in sys.modules)\n"
        "m.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "2 False False\n"
    assert done.stderr.startswith("[ERROR] model './none' not found")
