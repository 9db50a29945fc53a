"""What an .sbatch file asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdash.errors import ConfigError
from lrdash.sweep.script import parse_array, parse_options, parse_time_limit, read_script
from tests.conftest import ROOT


def script(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "x.sbatch"
    path.write_text("\n".join(("#!/bin/bash", *lines)) + "\n")
    return path


@pytest.mark.parametrize(
    ("group", "memory", "time"), [("text", "200G", "24:00:00"), ("vision", "350G", "36:00:00")]
)
def test_the_experiment_s_resources(group: str, memory: str, time: str) -> None:
    read = read_script(ROOT / f"sbatch/final_sweep_v7/lr_experiment_{group}_trainagreeing.sbatch")
    expected = {
        "partition": "ailab", "mem": memory, "time": time, "cpus-per-task": "10", "array": "0-2",
        "job-name": f"lr_experiment_v7_{group}", "open-mode": "append", "requeue": "", "signal": "B:USR1@600",
        "output": "logs/lr_experiment_v7/%A_%a.out", "error": "logs/lr_experiment_v7/%A_%a.err",
    }  # fmt: skip
    assert {key: read.options[key] for key in expected} == expected
    assert (read.gpus, read.array) == (2, (0, 1, 2))


def test_short_and_long_options(tmp_path: Path) -> None:
    read = read_script(
        script(tmp_path, "#SBATCH -J 'a b' -t30", "#SBATCH --mem 2G --requeue  # later", "#SBATCH -p=x")
    )
    assert read.options == {"job-name": "a b", "time": "30", "mem": "2G", "requeue": "", "partition": "x"}


def test_options_without_a_value_take_none(tmp_path: Path) -> None:
    read = read_script(
        script(tmp_path, "#SBATCH -C h200 -w node1 -vQH", "#SBATCH -x node2 -d singleton -Lgpu")
    )
    assert read.options == {
        "constraint": "h200", "nodelist": "node1", "verbose": "", "quiet": "", "hold": "",
        "exclude": "node2", "dependency": "singleton", "licenses": "gpu",
    }  # fmt: skip


def test_options_end_at_the_first_command(tmp_path: Path) -> None:
    assert read_script(script(tmp_path, "", "# note", "#SBATCH -p a", "true", "#SBATCH -p b")).options == {
        "partition": "a"
    }


def test_an_open_quote_is_a_mistake_of_that_file(tmp_path: Path) -> None:
    path = script(tmp_path, "#SBATCH --job-name='x")
    with pytest.raises(ConfigError, match=r"x\.sbatch: an #SBATCH line cannot be read: No closing quotation"):
        read_script(path)


@pytest.mark.parametrize(
    ("line", "gpus"),
    [
        ("--gres=gpu:2", 2),
        ("--gres=gpu", 1),
        ("--gres=gpu:h200:4", 4),
        ("--gres=gpu:h200", 1),
        ("--gpus=3", 3),
        ("--gpus-per-node=h200:2", 2),
        ("-G 2", 2),
        ("--gpus-per-task=2", 2),
        ("--gres=shard:5,gpu:2", 2),
        ("--gres=shard:5", None),
        ("--mem=1G", None),
    ],
)
def test_gpus(tmp_path: Path, line: str, gpus: int | None) -> None:
    assert read_script(script(tmp_path, f"#SBATCH {line}")).gpus == gpus


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("0-2", (0, 1, 2)),
        ("0,2", (0, 2)),
        ("0-8:4", (0, 4, 8)),
        ("1-3%2", (1, 2, 3)),
        ("7", (7,)),
        ("2-1", ()),
        ("0-99999999999", None),
        ("a", None),
        ("", None),
        ("-1", None),
    ],
)
def test_arrays(text: str, indices: tuple[int, ...] | None) -> None:
    assert parse_array(text) == indices


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 1800),
        ("30:15", 1815),
        ("24:00:00", 86400),
        ("1-12", 129600),
        ("1-12:30", 131400),
        ("1-0:0:1", 86401),
        ("UNLIMITED", None),
        ("", None),
        ("1-", None),
        ("a-1", None),
        ("²", None),
        ("1:2:3:4", None),
        ("-5", None),
    ],
)
def test_time_limits(text: str, seconds: int | None) -> None:
    assert parse_time_limit(text) == seconds


@given(st.integers(0, 30 * 86400))
def test_time_limits_as_slurm_prints_them(seconds: int) -> None:
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    assert parse_time_limit(f"{days}-{clock}" if days else clock) == seconds


@given(st.text(alphabet="0123456789-:,%[] a", max_size=12))
def test_no_text_breaks_a_parser(text: str) -> None:
    parse_array(text)
    parse_time_limit(text)
    parse_options(text.split())
