"""Runs without a sweep file: output folders of transformers' Trainer, of LLaMA-Factory, of our trainer.

Nothing is written to such folders and nothing in them is unpickled: `training_args.bin` stays shut, so
arguments come from run_meta.json, LLaMA-Factory's training_args.yaml or the model card that transformers
writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from lrdash.errors import ResultsError
from lrdash.results.candidates import NO_CONFIGURATION, Candidate, with_predictions
from lrdash.results.documents import RunResults
from lrdash.results.history import PREDICTIONS, TRAINER_LOG, ResultsReader
from lrdash.results.pairing import row_order
from lrdash.results.predictions import PredictionStore
from lrdash.results.values import UnreadableError, read_json
from lrdash.sweep.labels import run_labels
from lrdash.sweep.spec import Scalar

DEPTH = 3
"""How many folders deep runs are looked for."""
MARKS = ("trainer_state.json", TRAINER_LOG, "all_results.json", "run_meta.json", PREDICTIONS)
_CARD_LINE = re.compile(r"^- (\w+): (.+)$", re.MULTILINE)
_CARD_START = "following hyperparameters were used during training"
LARGEST_CARD = 2**20


@dataclass(frozen=True)
class ForeignRun:
    """A folder that some training wrote."""

    name: str
    folder: Path
    args: dict[str, Scalar]
    label: str = ""


def find_runs(folders: Iterable[Path]) -> tuple[ForeignRun, ...]:
    """The runs in folders and below them, named by their path from the folder given.

    Raises:
        ResultsError: a folder is missing, or holds no run.
    """
    found: list[ForeignRun] = []
    for folder in folders:
        if not folder.is_dir():
            raise ResultsError(f"{folder}: no such folder")
        inside = [ForeignRun(_name(folder, at), at, read_args(at)) for at in _search(folder, DEPTH)]
        if not inside:
            raise ResultsError(f"{folder}: no run in it; a run's folder holds one of {', '.join(MARKS)}")
        found += inside
    names = [run.name for run in found]
    found = [replace(run, name=str(run.folder)) if names.count(run.name) > 1 else run for run in found]
    labels = _labels({run.name: run.args for run in found})
    return tuple(replace(run, label=labels[run.name]) for run in found)


def _labels(runs: Mapping[str, Mapping[str, Scalar]]) -> dict[str, str]:
    """Short names by run: what differs between those of known arguments, where it is not the same twice."""
    configs = {name: config for name, args in runs.items() if (config := _config(args))}
    labels = dict(zip(configs, run_labels(list(configs), list(configs.values())), strict=True))
    given = list(labels.values())
    return {name: labels[name] if given.count(labels.get(name, "")) == 1 else name for name in runs}


def foreign_candidates(
    runs: Sequence[ForeignRun], reader: ResultsReader, store: PredictionStore
) -> tuple[Candidate, ...]:
    """The runs for a comparison; those with predictions on the same rows form a group."""
    found = [_candidate(run, reader.read(run.folder, run.folder)) for run in runs]
    grouped = tuple(_grouped(with_predictions(found, store)))
    labels: dict[str, str] = {}
    for leader in {one.group for one in grouped} - {None}:
        labels |= _labels({one.run: one.args for one in grouped if one.group == leader})
    return tuple(replace(one, label=labels.get(one.run, one.label)) for one in grouped)


def _candidate(run: ForeignRun, results: RunResults) -> Candidate:
    processes = results.meta.processes if results.meta else None
    return Candidate(run.name, run.label, args=run.args, processes=processes or 1, results=results)


def read_args(folder: Path) -> dict[str, Scalar]:
    """Arguments of the training that the folder itself names; empty where it names none.

    A model that was only evaluated has none either: the rate and epochs beside it trained nothing.
    """
    try:
        meta = read_json(folder / "run_meta.json")
    except (FileNotFoundError, UnreadableError):
        meta = None
    if isinstance(meta, dict) and isinstance(named := meta.get("arguments"), dict):
        if named.get("do_train") is False:
            return {}
        return {
            key: _scalar(value) for key, value in named.items() if isinstance(value, str | int | float | bool)
        }
    for name, parse in (("training_args.yaml", parse_arguments_yaml), ("README.md", parse_model_card)):
        path = folder / name
        try:
            if path.stat().st_size <= LARGEST_CARD and (args := parse(path.read_text(encoding="utf-8"))):
                return args
        except (OSError, UnicodeDecodeError):
            continue
    return {}


def parse_model_card(text: str) -> dict[str, Scalar]:
    """The hyperparameters of the model card (README.md) that transformers and LLaMA-Factory write."""
    _, found, rest = text.partition(_CARD_START)
    if not found:
        return {}
    section = rest.partition("\n#")[0]
    return {name: _scalar(value) for name, value in _CARD_LINE.findall(section)}


def parse_arguments_yaml(text: str) -> dict[str, Scalar]:
    """LLaMA-Factory's training_args.yaml: one flat mapping."""
    try:
        raw = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return {}
    flat = raw.items() if isinstance(raw, dict) else ()
    return {str(key): _scalar(value) for key, value in flat if isinstance(value, str | int | float | bool)}


def _search(folder: Path, depth: int) -> list[Path]:
    """Run folders, in order of name; what is inside a run (its checkpoints) is no run of its own."""
    if _is_run(folder):
        return [folder]
    if not depth:
        return []
    try:
        children = sorted(
            child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")
        )
    except OSError:
        return []
    return [run for child in children for run in _search(child, depth - 1)]


def _is_run(folder: Path) -> bool:
    if any((folder / mark).is_file() for mark in MARKS):
        return True
    patterns = ("checkpoint-*/trainer_state.json", "*_results.json")
    return any(next(folder.glob(pattern), None) for pattern in patterns)


def _name(top: Path, folder: Path) -> str:
    return folder.resolve().name if folder == top else str(folder.relative_to(top))


def _config(args: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {key: value for key, value in args.items() if key not in NO_CONFIGURATION}


def _scalar(value: object) -> Scalar:
    if not isinstance(value, str):
        return value if isinstance(value, int | float | bool) else str(value)
    try:
        return float(value) if re.search(r"[.eE]", value) else int(value)
    except ValueError:
        return value.strip()


def _grouped(candidates: Sequence[Candidate]) -> Iterable[Candidate]:
    """Each candidate with the name of its test set: that of the first run on the same rows."""
    leaders: list[Candidate] = []
    for one in candidates:
        leader = next((other for other in leaders if _same_rows(one, other)), None)
        if leader is None:
            leaders.append(one)
        yield replace(one, group=(leader or one).run if one.predictions else None)


def _same_rows(one: Candidate, other: Candidate) -> bool:
    if not (one.predictions and other.predictions):
        return False
    try:
        row_order(other.predictions, one.predictions)
    except ResultsError:
        return False
    return True
