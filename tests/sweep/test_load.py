"""sweep.yaml as it is read; the mistakes that stop a submission are in tests/cli/test_bad_input.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lrdash.errors import ConfigError, UsageError
from lrdash.sweep.arguments import with_overrides
from lrdash.sweep.load import load_sweep, parse_scalar
from tests.conftest import ROOT
from tests.sweeps import write_sweep

ONE_RUN: dict[str, Any] = {"script": "x.sbatch", "runs": [{"name": "r", "args": {"learning_rate": 2e-5}}]}


def read(tmp_path: Path, text: str) -> str:
    """What is said about a file with this content."""
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_sweep(tmp_path / "sweep.yaml")
    said = str(raised.value)
    assert said.startswith(f"{tmp_path / 'sweep.yaml'}: ")
    assert "\n" not in said
    return said.removeprefix(f"{tmp_path / 'sweep.yaml'}: ")


def test_the_experiment_s_six_runs() -> None:
    """Exactly what the experiment states."""
    sweep = load_sweep(ROOT / "sbatch/final_sweep_v7/sweep.yaml")
    assert (sweep.name, sweep.root, sweep.port) == ("lr_experiment_v7", ROOT, 29700)
    assert (sweep.require_gpu, sweep.expect.effective_batch_size) == (True, 16)
    text, vision = sweep.groups
    for group, count, name in ((text, 3, "text"), (vision, 3, "vision")):
        assert [run.name for run in group.runs] == [
            f"{name}_trainagreeing_lr_2e5",
            f"{name}_trainagreeing_lr_2e6",
            f"{name}_trainagreeing_lr_2e5_backbone_2e6",
        ]
        assert [run.label for run in group.runs] == ["2e-5", "2e-6", "2e-5, backbone 2e-6"]
        assert [run.learning_rate for run in group.runs] == [2e-5, 2e-6, 2e-5]
        assert [run.cls_backbone_learning_rate for run in group.runs] == [None, None, 2e-6]
        assert len(group.runs) == count
        assert group.processes == 2
        for run in group.runs:
            assert group.effective_batch_size(run) == 16
            expected = {
                "stage": "cls",
                "finetuning_type": "full",
                "num_train_epochs": 6,
                "lr_scheduler_type": "cosine",
                "warmup_steps": 5,
                "bf16": True,
                "eval_strategy": "epoch",
                "save_total_limit": 3,
                "do_predict": True,
            }
            assert {key: run.args[key] for key in expected} == expected
    assert text.runs[0].args["model_name_or_path"] == "Qwen/Qwen2.5-7B-Instruct"
    assert vision.runs[0].args["model_name_or_path"] == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert (
        vision.runs[0].args["freeze_vision_tower"],
        vision.runs[0].args["freeze_multi_modal_projector"],
    ) == (
        True,
        True,
    )


@pytest.mark.parametrize("spelling", ["2e-5", "2.0e-5", "0.00002", "2E-5", "+2e-05"])
def test_every_spelling_of_a_rate_is_a_number(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "sweep.yaml").write_text(
        f"name: s\ngroups: {{a: {{script: x, runs: [{{name: r, args: {{learning_rate: {spelling}}}}}]}}}}\n"
    )
    assert load_sweep(tmp_path / "sweep.yaml").runs[0].learning_rate == 2e-5


def test_the_run_s_arguments_win_over_the_group_s_over_the_shared_ones(tmp_path: Path) -> None:
    document = {
        "name": "s",
        "args": {"seed": 1, "cutoff_len": 1, "bf16": True},
        "groups": {
            "a": {
                "script": "x",
                "args": {"seed": 2, "cutoff_len": 2},
                "runs": [{"name": "r", "args": {"seed": 3}}],
            }
        },
    }
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(document))
    assert load_sweep(tmp_path / "sweep.yaml").runs[0].args == {"seed": 3, "cutoff_len": 2, "bf16": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: 2020-01-01\ngroups: {}", "name expected `str`, got `date`; put it in quotes"),
        ("name: s\ngroups: {1: {}}", "groups expected `str`, got `int`; put it in quotes"),
        ("name: s\nargs: {1: 2}\ngroups: {}", "args has the key 1; keys are the trainer's flag names"),
        ("name: s\nargs: {a-b: 2}\ngroups: {a: {script: x, runs: [{name: r}]}}", "args.a-b is no argument"),
        ("name: s\nport: 1e400\ngroups: {}", "port expected `int`, got `str`"),
        ("name: s\ngroups: &g {a: *g}", "groups.a.a is not a key of a sweep file"),
        ("!!python/object/apply:os.system ['false']", "not valid YAML: could not determine a constructor"),
        ("name: s\nroot: 2026-02-31", "not valid YAML: day is out of range for month; put it in quotes"),
        ("", "the file is empty, not a mapping"),
        ("name: 0x_", 'put it in quotes if it is text in "<unicode string>", line 1, column 7'),
        ("name: s\ngroups: {}", "groups is empty; give at least one group with runs"),
        (
            "name: s\nargs: {learning_rate: .nan}\ngroups: {a: {script: x, runs: [{name: r}]}}",
            "is nan; give a",
        ),
        (
            "name: s\nargs: {learning_rate: .inf}\ngroups: {a: {script: x, runs: [{name: r}]}}",
            "is inf; give a",
        ),
        (
            "name: s\nargs: {learning_rate: yes}\ngroups: {a: {script: x, runs: [{name: r}]}}",
            "is True; give a",
        ),
    ],
)
def test_more_mistakes(tmp_path: Path, text: str, said: str) -> None:
    assert said in read(tmp_path, text)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"sweep\.yaml: cannot be read: it is no text"):
        load_sweep(tmp_path / "sweep.yaml")


def test_a_home_of_nobody_is_taken_literally(tmp_path: Path) -> None:
    document = {"name": "s", "root": "~nobody-here/x", "groups": {"a": ONE_RUN}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(document))
    assert load_sweep(tmp_path / "sweep.yaml").root == tmp_path / "~nobody-here/x"


def test_another_program_may_have_another_stage(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, args={"stage": "sft", "finetuning_type": "lora"})
    assert sweep.runs[0].args["stage"] == "sft"


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "name",
    "groups",
    "root",
    "args",
    "expect",
    "require_gpu",
    "port",
    "script",
    "runs",
    "processes",
    "program",
]


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), yaml_values, max_size=8), st.booleans())
def test_no_document_is_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], in_group: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "generated.yaml"
    whole = {"name": "s", "groups": {"a": {**ONE_RUN, **document}}} if in_group else {"name": "s", **document}
    path.write_text(yaml.safe_dump(whole))
    said = mistake_in(path)
    assert said is None or said.startswith(f"{path}: ")


def mistake_in(path: Path) -> str | None:
    try:
        load_sweep(path)
    except ConfigError as error:
        return str(error)
    return None


def test_overrides_change_labels_too(tmp_path: Path) -> None:
    sweep = with_overrides(write_sweep(tmp_path), {"learning_rate": 1e-4})
    assert [run.learning_rate for run in sweep.runs] == [1e-4, 1e-4]
    with pytest.raises(UsageError, match="--set learning_rate is 'x'; give a positive number"):
        with_overrides(sweep, {"learning_rate": "x"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-5", 2e-5),
        ("1", 1),
        ("true", True),
        ("null", None),
        ("a: b", "a: b"),
        ("[1]", "[1]"),
        ("'1'", "1"),
        ("", None),
        ("2026-02-31", "2026-02-31"),
        ("0x_", "0x_"),
    ],
)
def test_values_of_a_command_line(text: str, value: object) -> None:
    assert parse_scalar(text) == value
