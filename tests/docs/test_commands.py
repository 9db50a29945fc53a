"""Every command in the documents is one: run where that needs no cluster, else parsed by the real parser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from lrdash.cli import COMMANDS, PASSING_ON, make_parser
from lrdash.control.arguments import split_words
from tests.conftest import ROOT
from tests.docs.commands import ANY_BLOCK, DOCUMENTS, Command, documented_commands, is_ours, lines_of_blocks
from tests.security.hostile import environment, fake_slurm

ALL = documented_commands()
OF_LRDASH = [command for command in ALL if command.words[0] == "lrdash"]
OF_THE_SYSTEM = ("git", "cd", "mail", "python3")
WIDTH_OF_A_BLOCK = 96
"""Characters that stand beside each other on a page of 830 pixels, without a bar to scroll by."""
OF_ITS_PARSER = ("help", "dry_run")
RUN_HERE = ("status", "results", "logs", "doctor")
RUNS = [
    command for command in OF_LRDASH
    if set(command.words[1:2]) & set(RUN_HERE) and not {"-f", "--watch"} & set(command.words)
]  # fmt: skip


def test_the_documents_hold_commands() -> None:
    assert len(OF_LRDASH) >= 20
    assert len(RUNS) >= 6
    assert {command.document for command in ALL} >= {"README.md", "troubleshooting.md"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_of_commands_is_checked(document: Path) -> None:
    unchecked = [line for line in lines_of_blocks(document) if not is_ours(line)]
    assert not [line for line in unchecked if line.partition(" ")[0] not in OF_THE_SYSTEM]
    unmarked = re.findall(r"^ *```\n *((?:lrdash|make|python3?|pip) .*)", document.read_text(), re.MULTILINE)
    assert not unmarked, "a block of commands begins with ```bash"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_blocks_fit_their_box_on_the_web(document: Path) -> None:
    lines = [line for block in ANY_BLOCK.findall(document.read_text()) for line in block.splitlines()]
    assert not [line for line in lines if len(line) > WIDTH_OF_A_BLOCK]


@pytest.mark.parametrize("command", [one for one in ALL if one.words[0] == "pip"], ids=str)
def test_what_is_installed_is_this_folder(command: Command) -> None:
    """Never a name: somebody else may own it in an index."""
    verb, *words = command.words[1:]
    assert verb == "install"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    known = {".", "-e", "-c", "constraints.txt", *(f".[{extra}]" for extra in extras)}
    assert (ROOT / "constraints.txt").exists()
    assert set(words) <= known


@pytest.mark.parametrize("command", OF_LRDASH, ids=str)
def test_lrdash_takes_its_words(command: Command) -> None:
    words = list(command.words[1:])
    if not words:  # the screen of the nearest sweep
        return
    if words[0].startswith("-") or words[0] not in COMMANDS:  # the screen: options, or folders to look into
        assert words[0].startswith("-") or "/" in words[0], words
        return
    if len(words) == 1:  # may be only spoken of
        return
    mine, extra = split_words(words) if words[0] in PASSING_ON else (words, [])
    arguments = make_parser(words[0]).parse_args(mine)
    assert callable(arguments.command)
    assert bool(extra) == ("--" in words)


@pytest.mark.parametrize("command", [one for one in ALL if one.words[0] == "make"], ids=str)
def test_make_has_the_target(command: Command) -> None:
    finished = subprocess.run(["make", "-n", *command.words[1:]], cwd=ROOT, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("command", [one for one in ALL if one.words[0] == "python"], ids=str)
def test_python_finds_the_module(command: Command) -> None:
    assert command.words[1] == "-m"
    modules = [word for at, word in enumerate(command.words) if command.words[at - 1] == "-m"]
    assert [module for module in modules if find_spec(module) is None] == []
    if modules[-1] == "trainer":
        known = (ROOT / "trainer" / "arguments.py").read_text()
        asked = [word[2:] for word in command.words[command.words.index("trainer") :] if word[:2] == "--"]
        assert [name for name in asked if f"    {name}: " not in known and name not in OF_ITS_PARSER] == []


@pytest.mark.parametrize(
    "command", [one for one in ALL if one.words[0] in ("sbatch", "pytest") or "/" in one.words[0]], ids=str
)
def test_named_files_exist(command: Command) -> None:
    named = [word for word in command.words if "/" in word and not word.startswith(("-", "/"))]
    for word in named:
        assert (ROOT / word).exists(), word


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment with finished runs, as nothing but files."""
    root = tmp_path_factory.mktemp("documented")
    shutil.copytree(ROOT / "sbatch", root / "sbatch")
    for group, job in (("text", 1), ("vision", 2)):
        for index, rates in enumerate(("lr_2e5", "lr_2e6", "lr_2e5_backbone_2e6")):
            write_run(root, f"{group}_trainagreeing_{rates}", group, index, f"{job}_{index}")
    return root


def write_run(root: Path, run: str, group: str, index: int, task: str) -> None:
    results, logs = root / "results/lr_experiment_v7" / run, root / "logs/lr_experiment_v7"
    results.mkdir(parents=True)
    logs.mkdir(parents=True, exist_ok=True)
    row = {"step": 3, "loss": 0.6, "eval_loss": 0.5, "eval_accuracy": 0.5, "eval_f1": 0.5}
    epochs = [{**row, "epoch": float(epoch)} for epoch in range(1, 7)]
    about = {"schema": 1, "label_names": ["no", "yes"], "positive_label": "yes", "n_test": 4}
    (results / "all_results.json").write_text(json.dumps({"epochs": epochs, "lrdash": about}))
    (results / "predict_results.json").write_text('{"predict_accuracy": 0.5, "predict_f1": 0.5}')
    rows = [
        {"probabilities": [0.4, 0.6], "predicted_label": "yes", "true_label": truth, "id": at, "year": 2024}
        for at, truth in enumerate(("no", "yes", "no", "yes"))
    ]
    (results / "generated_predictions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    identity = f"sweep=lr_experiment_v7 group={group} index={index} run={run} job={task} restart=0"
    for stream in ("out", "err"):
        line = f"lrdash: {identity} port={29700 + index} host=h scheduler=local root={root}\n"
        (logs / f"{task}.{stream}").write_text(line)


@pytest.mark.parametrize("command", RUNS, ids=str)
def test_what_needs_no_cluster_is_run(command: Command, workspace: Path, tmp_path: Path) -> None:
    words = [str(tmp_path / word) if word.endswith(".html") else word for word in command.words]
    env = environment(tmp_path / "home", fake_slurm(tmp_path / "bin"))
    finished = subprocess.run(
        words, cwd=workspace, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout or list(tmp_path.glob("*.html"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", ["security.md", "reliability.md"])
def test_tests_that_are_named_exist(document: str) -> None:
    text = (ROOT / "docs" / document).read_text()
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    missing = [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in tests]
    files = [name for name in re.findall(r"`(tests/[\w/.]+)`", text) if not (ROOT / name).exists()]
    assert not missing + files
