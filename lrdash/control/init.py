"""A new sweep for the user's own model and data, made from the experiment's: sweep.yaml and .sbatch."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lrdash.errors import ConfigError
from lrdash.sweep.experiment import experiment_dir
from lrdash.sweep.labels import format_rate
from lrdash.sweep.load import is_name, load_sweep
from lrdash.sweep.script import BatchScript
from lrdash.sweep.spec import Scalar

_MODEL_SCRIPT = "lr_experiment_text_trainagreeing.sbatch"
_OPTION_LINE = re.compile(r"#SBATCH --([a-z-]+)(?:=.*)?")
# What a new sweep keeps of the experiment: how its trainings are run, not what they are run on.
_KEPT_ARGS = (
    "stage", "finetuning_type", "do_train", "do_predict", "num_train_epochs", "lr_scheduler_type",
    "warmup_steps", "bf16", "eval_strategy", "save_strategy", "save_total_limit", "dataset_dir",
    "cutoff_len", "logging_steps", "seed",
)  # fmt: skip
_NAMES = "letters, digits and . _ + = -, at most 200 of them"
_HEADER = """\
# Made by `lrdash init`. What each key means: docs/sweep-yaml.md; `lrdash preflight` checks it.
# Keys under `args` are the trainer's flags. A run's win over its group's, a group's over the shared ones.
"""


@dataclass(frozen=True)
class Rates:
    """One configuration: the head's learning rate, and the backbone's when it has its own."""

    head: float
    backbone: float | None = None

    @property
    def name(self) -> str:
        """
        >>> Rates(2e-5, 2e-6).name
        'lr_2e5_backbone_2e6'
        """
        backbone = "" if self.backbone is None else f"_backbone_{_plain(self.backbone)}"
        return f"lr_{_plain(self.head)}{backbone}"

    @property
    def args(self) -> dict[str, Scalar]:
        separate = {} if self.backbone is None else {"cls_backbone_learning_rate": self.backbone}
        return {"learning_rate": self.head, **separate}


@dataclass(frozen=True)
class NewSweep:
    """The answers from which a sweep is made."""

    name: str
    group: str
    rates: tuple[Rates, ...]
    args: Mapping[str, Scalar]
    """Of the trainer: model, data, batch and whatever else differs from the experiment's."""
    processes: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    """#SBATCH options, by long name."""
    setup: tuple[str, ...] = ()
    """Shell lines that prepare the environment: `module load cuda`."""


def write_new_sweep(root: Path, new: NewSweep) -> Path:
    """Write `sbatch/<name>/` under `root` and the log folder; returns the sweep file.

    Raises:
        ConfigError: it exists, or the answers do not make a sweep; nothing is left behind.
    """
    check_name(root, new.name)
    if not is_name(new.group):
        raise ConfigError(f"--group {new.group}: {_NAMES}")
    for option, value in new.options.items():
        if not value.isprintable():
            raise ConfigError(f"--{option} {value!r}: give one line of plain text")
    folder = _folder(root, new.name)
    writing = folder.with_name(f".{new.name}.new")
    try:
        writing.mkdir(parents=True)
        (writing / "sweep.yaml").write_text(_sheet(new), encoding="utf-8")
        (writing / f"{new.group}.sbatch").write_text(_script(new), encoding="utf-8")
        _check(writing, folder)
        writing.rename(folder)
        (root / "logs" / new.name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(writing, ignore_errors=True)
    return folder / "sweep.yaml"


def check_name(root: Path, name: str) -> None:
    """
    Raises:
        ConfigError: no sweep can be called so here.
    """
    if not is_name(name):
        raise ConfigError(f"--name {name}: {_NAMES}")
    if _folder(root, name).exists():
        raise ConfigError(
            f"{_folder(root, name)}: already there; choose another --name, or edit its sweep.yaml"
        )


def _folder(root: Path, name: str) -> Path:
    return root / "sbatch" / name


def _check(writing: Path, folder: Path) -> None:
    try:
        load_sweep(writing / "sweep.yaml")
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(writing), str(folder))) from None


def _sheet(new: NewSweep) -> str:
    experiment = yaml.safe_load((experiment_dir() / "sweep.yaml").read_text(encoding="utf-8"))["args"]
    shared = {key: experiment[key] for key in _KEPT_ARGS if key in experiment}
    batch = [new.args.get(key, 1) for key in ("per_device_train_batch_size", "gradient_accumulation_steps")]
    document: dict[str, Any] = {
        "name": new.name,
        "root": "../..",
        "args": {**shared, **_general(new.args, shared)},
    }
    if all(isinstance(size, int) for size in batch):
        document["expect"] = {"effective_batch_size": new.processes * batch[0] * batch[1]}  # type: ignore[operator]
    document["require_gpu"] = BatchScript(Path(), dict(new.options)).gpus is not None
    document["groups"] = {
        new.group: {
            "script": f"{new.group}.sbatch",
            "processes": new.processes,
            "args": {key: value for key, value in new.args.items() if key not in shared},
            "runs": [{"name": f"{new.group}_{rates.name}", "args": rates.args} for rates in new.rates],
        }
    }
    return _HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110)


def _general(args: Mapping[str, Scalar], shared: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {key: value for key, value in args.items() if key in shared}


def _script(new: NewSweep) -> str:
    """The experiment's script with other names and options: there is one such script to understand."""
    text = (experiment_dir() / _MODEL_SCRIPT).read_text(encoding="utf-8")
    last = len(new.rates) - 1
    options = {
        **new.options,
        "job-name": f"{new.name}_{new.group}",
        "array": f"0-{last}" if last else "0",
        "output": f"logs/{new.name}/%A_%a.out",
        "error": f"logs/{new.name}/%A_%a.err",
        "open-mode": "append",
        "requeue": "",
        "signal": "B:USR1@600",
    }
    lines = ["#!/bin/bash", f"# {new.name}, group {new.group}: one array task per run of sweep.yaml."]
    lines += [
        f"#SBATCH --{name}={shlex.quote(value)}" if value else f"#SBATCH --{name}"
        for name, value in options.items()
    ]
    rest = [line for line in text.splitlines()[1:] if not _OPTION_LINE.fullmatch(line)]
    body = "\n".join(rest[rest.index("") :])
    body = body.replace("sbatch/final_sweep_v7/", f"sbatch/{new.name}/").replace(
        "--group text", f"--group {new.group}"
    )
    if new.setup:
        body = re.sub(
            r"^# module load .*$", lambda _: "\n".join(new.setup), body, count=1, flags=re.MULTILINE
        )
    return "\n".join(lines) + "\n" + body + "\n"


def _plain(rate: float) -> str:
    """As in the experiment's run names: 2e-5 is `2e5`."""
    return format_rate(rate).replace("e-", "e").replace("+", "")


class _Dumper(yaml.SafeDumper):
    """Rates as people write them."""


def _represent_float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = format_rate(value)
    mantissa, e, exponent = text.partition("e")
    # YAML 1.1 wants a dot in front of an exponent.
    text = f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(float, _represent_float)
