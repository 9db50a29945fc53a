"""Logs, results and folders that were made to do harm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lrdash.control.clean import plan_cleaning, remove
from lrdash.monitor.monitor import Monitor
from lrdash.monitor.snapshot import Snapshot
from lrdash.results.history import ResultsReader
from lrdash.sweep.spec import Sweep
from tests.monitor.stubs import StubScheduler, by_hand, small_sweep
from tests.security.hostile import ESCAPES, environment, fake_slurm, in_terminal, lrdash, plant_bombs
from tests.sweeps import NAME, write_sweep

HARMFUL = (b"\x1b]", b"\x1b[2J", b"\x9b", b"\x07", b"\x00", b"\x08")
SECRET = "root:x:0:0:secret"


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    sweep = write_sweep(tmp_path / "root")
    for run in ("text_0", "text_1"):
        write_results(sweep, run)
    return sweep


def write_results(sweep: Sweep, run: str, text: str = ESCAPES) -> None:
    """A finished run all of whose texts are hostile."""
    folder = sweep.root / "results" / NAME / run
    folder.mkdir(parents=True)
    epochs = [{"epoch": 1.0, "step": 3, "eval_loss": 0.5, "eval_accuracy": 0.5, f"eval_{text}": 0.5}]
    about = {"label_names": [text, "b"], "positive_label": text, "selected_on": text, "n_test": 4}
    (folder / "all_results.json").write_text(json.dumps({"epochs": epochs, "lrdash": about}))
    (folder / "predict_results.json").write_text(json.dumps({"predict_accuracy": 0.5, text: 1}))
    meta = {"attempt": {"job": text}, "arguments": {text: text}, "git_commit": text}
    (folder / "run_meta.json").write_text(json.dumps(meta))
    rows = [
        {"probabilities": [0.6, 0.4], "predicted_label": text, "true_label": truth, "id": f"{text}{at}"}
        for at, truth in enumerate((text, "b", text, "b"))
    ]
    (folder / "generated_predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    logs = sweep.root / "logs" / NAME
    (logs / f"7_{run[-1]}.out").write_text(
        f"lrdash: sweep={NAME} group=text index={run[-1]} run={run} job=7_{run[-1]} restart=0 port=29700"
        f" host=h scheduler=slurm root={sweep.root}\n{text}\nTraceback: {text}\n"
    )


def harmless_environment(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", fake_slurm(tmp_path / "bin"))


@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("status", "--json"), ("results",), ("logs", "text:0"), ("results", "text:0"),
        *(("results", "--format", name) for name in ("md", "csv", "latex", "html", "json")),
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_escape_sequence_reaches_a_terminal(sweep: Sweep, tmp_path: Path, words: tuple[str, ...]) -> None:
    shown = in_terminal(sweep, *words, env=harmless_environment(tmp_path))
    assert shown.strip()
    for sequence in HARMFUL:
        assert sequence not in without_utf8(shown), (sequence, shown)


def without_utf8(shown: bytes) -> bytes:
    """Continuation bytes of UTF-8 are no control characters; C1 as a character is `\\xc2\\x9b`."""
    text = shown.decode("utf-8", "replace")
    return text.encode("latin-1", "replace")


def test_html_runs_no_script_of_a_label(sweep: Sweep, tmp_path: Path) -> None:
    for run in ("text_0", "text_1"):
        shutil.rmtree(sweep.root / "results" / NAME / run)
        write_results(sweep, run, "<script>alert(1)</script><img src=x onerror=alert(1)>")
    html = lrdash(sweep, "results", "--format", "html", env=harmless_environment(tmp_path)).stdout.decode()
    assert "&lt;script&gt;" in html
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_csv_is_no_formula(sweep: Sweep, tmp_path: Path) -> None:
    for run in ("text_0", "text_1"):
        shutil.rmtree(sweep.root / "results" / NAME / run)
        write_results(sweep, run, "=1+1")
    csv = lrdash(sweep, "results", "--format", "csv", env=harmless_environment(tmp_path)).stdout.decode()
    cells = [cell for line in csv.splitlines() for cell in line.split(",")]
    assert cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    assert [cell for cell in cells if cell == "'=1+1"]


def test_nothing_is_unpickled(sweep: Sweep, tmp_path: Path) -> None:
    exploded = tmp_path / "exploded"
    for folder in ("results", "saves"):
        for run in ("text_0", "text_1"):
            plant_bombs(sweep.root / folder / NAME / run, exploded)
            plant_bombs(sweep.root / folder / NAME / run / "checkpoint-3", exploded)
    env = harmless_environment(tmp_path)
    for words in (("status", "--json"), ("results",), ("results", str(sweep.root / "results" / NAME))):
        assert lrdash(sweep, *words, env=env).returncode == 0
    assert not exploded.exists()


def test_a_file_that_is_too_large_is_not_read(sweep: Sweep) -> None:
    folder = sweep.root / "results" / NAME / "text_0"
    os.truncate(folder / "all_results.json", 2**40)
    results = ResultsReader().read(folder, folder)
    assert results.error is not None
    assert "all_results.json" in results.error


@pytest.mark.parametrize(
    "name", ["all_results.json", "run_meta.json", "trainer_log.jsonl", "generated_predictions.jsonl"]
)
@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["fifo", "endless", "folder", "loop"])
def test_what_is_no_file_is_not_waited_for(sweep: Sweep, tmp_path: Path, name: str, kind: str) -> None:
    path = sweep.root / "results" / NAME / "text_0" / name
    path.unlink(missing_ok=True)
    make_special(path, kind)
    assert len(look(sweep, tmp_path).runs) == 2


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["fifo", "endless", "folder", "loop"])
def test_a_log_that_is_no_file_is_not_waited_for(sweep: Sweep, tmp_path: Path, kind: str) -> None:
    path = sweep.root / "logs" / NAME / "7_0.out"
    path.unlink()
    make_special(path, kind)
    (sweep.root / "logs" / NAME / "7_0.err").write_text(
        f"lrdash: sweep={NAME} group=text index=0 run=text_0 job=7_0 restart=0 port=29700"
        f" host=h scheduler=slurm root={sweep.root}\n"
    )
    assert len(look(sweep, tmp_path).runs) == 2


def look(sweep: Sweep, tmp_path: Path) -> Snapshot:
    monitor = Monitor(sweep, StubScheduler(), cache_dir=tmp_path / "cache")
    monitor.poll_queue()
    snapshot = monitor.poll_files(whole=True)
    monitor.close()
    return snapshot


def make_special(path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "endless" else path.name)


@pytest.mark.parametrize(
    "words", [("status", "--json"), ("status",), ("results",), ("results", "--format", "json")], ids=" ".join
)
def test_a_link_to_another_file_tells_nothing_of_it(
    sweep: Sweep, tmp_path: Path, words: tuple[str, ...]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    for name in ("all_results.json", "run_meta.json", "predict_results.json", "trainer_log.jsonl"):
        path = sweep.root / "results" / NAME / "text_0" / name
        path.unlink(missing_ok=True)
        path.symlink_to(secret)
    finished = lrdash(sweep, *words, env=harmless_environment(tmp_path))
    assert SECRET not in (finished.stdout + finished.stderr).decode()


def test_cleaning_follows_no_link(sweep: Sweep, tmp_path: Path) -> None:
    """A checkpoint that is a link into another run's folder: the link may go, what it names stays."""
    elsewhere = tmp_path / "elsewhere"
    for step in (3, 9):
        folder = elsewhere / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "complete").write_text(json.dumps({"step": step}))
        (folder / "optimizer.safetensors").write_bytes(b"precious")
    saves = sweep.root / "saves" / NAME / "text_0"
    saves.mkdir(parents=True)
    for step in (3, 9):
        (saves / f"checkpoint-{step}").symlink_to(elsewhere / f"checkpoint-{step}")
    (link,) = plan_cleaning(sweep, sweep.runs[:1])
    assert link.size_bytes == len(os.readlink(link.path))
    remove([link])
    assert len(list(elsewhere.rglob("optimizer.safetensors"))) == 2


def test_looking_writes_nothing_into_a_sweep(sweep: Sweep, tmp_path: Path) -> None:
    env = harmless_environment(tmp_path)
    before = tree(sweep.root)
    for words in (
        ("status",),
        ("status", "--json"),
        ("results",),
        ("logs", "text:0"),
        ("preflight",),
        ("submit", "--dry-run"),
    ):
        lrdash(sweep, *words, env=env)
    assert tree(sweep.root) == before


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.mark.skipif(bool(UNPRIVILEGED) and not shutil.which("setpriv"), reason="run as root, without setpriv")
def test_a_folder_of_somebody_else_is_only_watched(sweep: Sweep, tmp_path: Path) -> None:
    """Whose sweep may be read but not written: shown, and the last line says why nothing is submitted."""
    env = harmless_environment(tmp_path)
    folders = [path for path in (sweep.root, *sweep.root.rglob("*")) if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        command = [*UNPRIVILEGED, "lrdash", "--sweep", str(sweep.file), "--scheduler", "local"]
        shown, submitted = (
            subprocess.run([*command, *words], env=env, capture_output=True, text=True, check=False)
            for words in (["status", "--json"], ["submit"])
        )
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert shown.returncode == 0, shown.stderr
    assert submitted.returncode == 2
    assert submitted.stderr.splitlines()[-1].startswith("lrdash: folders: "), submitted.stderr


def test_what_is_copied_has_no_control_characters() -> None:
    from lrdash.logs.terminal_text import plain_text

    copied = plain_text(ESCAPES)
    assert not [character for character in copied if ord(character) < 32 or 127 <= ord(character) < 160]


def look_with_log_of_another_job(tmp_path: Path, state: str | None) -> tuple[str | None, str]:
    """Task and state of a run whose log says that it is of job 999, while the queue shows task 1_0 so."""
    sweep, scheduler = small_sweep(tmp_path / "root"), StubScheduler()
    logs = sweep.root / "logs" / "s"
    logs.mkdir(parents=True)
    (logs / "1_0.out").write_text(
        "lrdash: sweep=s group=text index=0 run=fast job=999_0 restart=0 port=29700"
        f" host=h scheduler=slurm root={sweep.root}\n"
    )
    monitor = Monitor(sweep, scheduler, cache_dir=tmp_path / "cache")
    monitor.poll_queue()
    scheduler.tasks = (by_hand(sweep, "1_0", state),) if state else ()
    monitor.poll_queue()
    run = monitor.poll_files().find("text:0")
    monitor.close()
    assert run is not None
    return run.task, run.state


@pytest.mark.parametrize("state", ["RUNNING", "PENDING"])
def test_a_log_never_hides_the_task_of_the_queue(tmp_path: Path, state: str) -> None:
    """Not even one that was believed before the task was submitted."""
    assert look_with_log_of_another_job(tmp_path, state) == ("1_0", state)


def test_a_log_is_believed_where_the_queue_shows_no_task(tmp_path: Path) -> None:
    """Its identity line decides, not its name, which may hold the raw job id; no state is made up."""
    task, state = look_with_log_of_another_job(tmp_path, None)
    assert task == "999_0"
    assert state in ("UNKNOWN", "VANISHED")
