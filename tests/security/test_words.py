"""Names, ids and options that would be another word, another option, another program."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from lrdash.errors import ConfigError
from lrdash.scheduler.base import Submission
from lrdash.scheduler.slurm import SlurmScheduler
from lrdash.scheduler.slurm.client import query_environment, submit_environment
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Sweep
from tests.conftest import ROOT
from tests.security.hostile import OPTION, calls, environment, fake_slurm, lrdash
from tests.sweeps import NAME, write_sweep

BAD_NAMES = ["--wrap=x", "-o", "../up", "a/b", "a b", "a\nb", "$(id)", "a;b", "a\0b", "`id`", "%j", "~", ""]
SOURCES = [file for package in ("lrdash", "trainer") for file in sorted((ROOT / package).rglob("*.py"))]


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return write_sweep(tmp_path / "root")


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
@pytest.mark.parametrize("place", ["sweep", "group", "run"])
def test_a_name_is_one_plain_word(sweep: Sweep, place: str, name: str) -> None:
    document = yaml.safe_load(sweep.file.read_text())
    if place == "sweep":
        document["name"] = name
    elif place == "group":
        document["groups"] = {name: document["groups"]["text"]}
    else:
        document["groups"]["text"]["runs"][0]["name"] = name
    sweep.file.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError) as caught:
        load_sweep(sweep.file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system ['touch owned']", "!!python/name:os.system", "!include /etc/passwd"],
)
def test_yaml_tags_are_refused(
    sweep: Sweep, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep.file.write_text(f"name: {tag}\n")
    with pytest.raises(ConfigError, match=r"sweep\.yaml"):
        load_sweep(sweep.file)
    assert not (tmp_path / "owned").exists()


def test_a_yaml_that_grows_when_read_is_refused(sweep: Sweep) -> None:
    """Nine aliases of nine aliases...: a few hundred bytes that would be gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    sweep.file.write_text("\n".join(lines))
    with pytest.raises(ConfigError) as caught:
        load_sweep(sweep.file)
    assert len(str(caught.value)) < 1000


def test_sbatch_gets_one_word_a_value(tmp_path: Path) -> None:
    """Also for a root and a script whose names are made to be options."""
    programs = fake_slurm(tmp_path / "bin", {"sbatch": "12\n"})
    root = tmp_path / "--wrap=x; touch owned"
    root.mkdir()
    submission = Submission("text", root / "a b.sbatch", "tiny_text", (0, 1), root, "0123abcd")
    assert SlurmScheduler(environment(tmp_path, programs)).submit(submission) == "12"
    assert calls(programs) == [
        ["sbatch", "--parsable", "--job-name=tiny_text", "--array=0-1", f"--chdir={root}",
         "--comment=lrdash:0123abcd", str(root / "a b.sbatch")],
    ]  # fmt: skip
    assert not list(tmp_path.rglob("owned"))


def plant_hostile_job_ids(sweep: Sweep) -> None:
    """A record, a log and a log's name that call their job an option of Slurm's programs."""
    logs = sweep.root / "logs" / NAME
    for number, job in enumerate((OPTION, "1 --all", "1,--all", "1\n2", "*")):
        record = {
            "schema": 1, "state": "submitted", "time": "2026-11-23T08:15:00+00:00", "sweep": NAME,
            "group": "text", "indices": [0], "runs": ["text_0"], "scheduler": "slurm", "command": ["sbatch"],
            "script": "x", "script_sha256": "0", "user": "me", "host": "h", "token": "0123abcd", "job": job,
        }  # fmt: skip
        (logs / "submissions").mkdir(exist_ok=True)
        (logs / "submissions" / f"20261123T08150{number}Z-0123abcd.json").write_text(json.dumps(record))
    identity = (
        f"lrdash: sweep={NAME} group=text index=1 run=text_1 job={OPTION} restart=0 port=29700"
        f" host=h scheduler=slurm root={sweep.root}\n"
    )
    (logs / "77_1.out").write_text(identity)
    (logs / f"{OPTION}_1.out").write_text(identity)


def test_job_ids_of_records_and_logs_are_no_options(sweep: Sweep, tmp_path: Path) -> None:
    plant_hostile_job_ids(sweep)
    programs = fake_slurm(tmp_path / "bin")
    env = environment(tmp_path, programs)
    assert lrdash(sweep, "status", "--json", env=env).returncode == 0
    for command in ("cancel", "requeue", "hold", "release"):
        lrdash(sweep, command, "text:0", "text:1", "--yes", env=env)
    assert any(call[0] == "squeue" for call in calls(programs))
    for call in calls(programs):
        if call[0] != "squeue":
            assert not [word for word in call if re.search(r"injected|--all|\*|\n", word)], call


def test_options_for_sbatch_come_after_ours_and_the_script_last(sweep: Sweep, tmp_path: Path) -> None:
    programs = fake_slurm(tmp_path / "bin", {"sbatch": "12\n"})
    finished = lrdash(
        sweep, "--scheduler", "slurm", "submit", "--dry-run", "--", "--mail-user=$(touch owned)",
        env=environment(tmp_path, programs),
    )  # fmt: skip
    words = finished.stdout.decode()
    assert finished.returncode == 0, finished.stderr
    assert "'--mail-user=$(touch owned)'" in words  # quoted: a shell that is given this runs nothing
    assert words.strip().endswith("text.sbatch")


@pytest.mark.parametrize("words", [["--yes"], ["-x"], ["$(id)"], ["text:0; id"], ["../x"], ["text:-1"]])
def test_a_run_that_is_none_reaches_no_program(sweep: Sweep, tmp_path: Path, words: list[str]) -> None:
    programs = fake_slurm(tmp_path / "bin")
    finished = lrdash(sweep, "cancel", *words, env=environment(tmp_path, programs))
    assert finished.returncode == 2
    assert not [call for call in calls(programs) if call[0] != "squeue"]


def test_the_environment_changes_no_query() -> None:
    hostile = {
        "SQUEUE_FORMAT": "%i", "SQUEUE_STATES": "CD", "SACCT_FORMAT": "x", "SLURM_TIME_FORMAT": "relative",
        "SCANCEL_USER": "root", "SLURM_JOB_ID": "1", "SBATCH_PARTITION": "p", "SLURM_CONF": "/c",
    }  # fmt: skip
    asked, submitted = query_environment(hostile), submit_environment(hostile)
    assert asked.keys() & hostile.keys() == {"SLURM_TIME_FORMAT", "SBATCH_PARTITION", "SLURM_CONF"}
    assert asked["SLURM_TIME_FORMAT"] == "%s"
    assert submitted["SBATCH_PARTITION"] == "p"
    assert "SLURM_JOB_ID" not in submitted


def test_overrides_of_the_environment_stay_arguments(sweep: Sweep, tmp_path: Path) -> None:
    hostile = json.dumps({"output_dir": "/etc", "num_train_epochs": "1; touch owned"})
    env = environment(tmp_path, LRDASH_SET=hostile)
    shown = lrdash(
        sweep, "launch", str(sweep.file), "--group", "text", "--index", "0", "--print", env=env
    ).stdout.decode()
    assert "--num_train_epochs '1; touch owned'" in shown
    assert "--output_dir saves/tiny/text_0" in shown
    assert "/etc" not in shown


FORBIDDEN_IMPORTS = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle"}
FORBIDDEN_CALLS = {
    "eval", "exec", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load", "torch.load",
    "subprocess.getoutput",
}  # fmt: skip
SAFE_LOADERS = ("yaml.CSafeLoader", "_StrictLoader")  # the second is derived from the first


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_shell_no_pickle_no_eval(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [name.name for name in node.names] + [getattr(node, "module", None) or ""]
            assert not FORBIDDEN_IMPORTS & {module.partition(".")[0] for module in modules}
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in FORBIDDEN_CALLS, f"{file}:{node.lineno}"
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert name != "yaml.load" or words.get("Loader") in SAFE_LOADERS, f"{file}:{node.lineno}"
            assert not (name.startswith("subprocess.") and "shell" in words), f"{file}:{node.lineno}"
