"""`lrdash logs`: the bytes as they are into a pipe, nothing that acts on a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lrdash.sweep.paths import logs_dir
from tests.end_to_end.terminal import Terminal
from tests.sweeps import write_sweep
from tests.waiting import wait_until

COMMAND = [sys.executable, "-m", "lrdash", "logs"]
LOG = b"one\n\r 10%|#  |\r[INFO] two\r 20%|## |\n\x1b[31mthree\x1b[0m \x1b]0;owned\x07\x00\nfour"


@pytest.fixture
def sweep_dir(tmp_path: Path) -> Path:
    """A sweep whose only trace of text:1 is its log: submitted by hand, long gone from the queue."""
    sweep = write_sweep(tmp_path)
    identity = (
        f"lrdash: sweep={sweep.name} group=text index=1 run=text_1 job=38_1 restart=0 port=29701 host=h "
        f"scheduler=slurm root={tmp_path}\n"
    )
    for stream in ("out", "err"):
        (logs_dir(sweep) / f"38_1.{stream}").write_bytes(
            identity.encode() + LOG.replace(b"one", stream.encode())
        )
    return tmp_path


def lrdash_logs(cwd: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *words], cwd=cwd, capture_output=True, timeout=60, check=False)


def test_a_pipe_gets_the_bytes_as_they_are(sweep_dir: Path) -> None:
    finished = lrdash_logs(sweep_dir, "text:1")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split(b"\n", 1)[1] == LOG.replace(b"one", b"out")
    assert b"lrdash: sweep=" in finished.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-n", "1"], b"four"),
        (["-n", "0"], b""),
        (["--err", "-n", "4"], LOG.replace(b"one", b"err")),
        (
            ["--grep", "t[wh]"],
            b"\r 10%|#  |\r[INFO] two\r 20%|## |\n\x1b[31mthree\x1b[0m \x1b]0;owned\x07\x00\n",
        ),
        (["-g", "^\\[INFO\\] two$"], b"\r 10%|#  |\r[INFO] two\r 20%|## |\n"),
        (["-g", "FOUR"], b""),
        (["-i", "-g", "FOUR"], b"four"),
        (["-g", "o", "-n", "1"], b"four"),
    ],
)
def test_last_lines_and_matching_lines(sweep_dir: Path, words: list[str], expected: bytes) -> None:
    finished = lrdash_logs(sweep_dir, "text_1", *words)
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert finished.stdout == expected


def test_the_path_alone(sweep_dir: Path) -> None:
    assert lrdash_logs(sweep_dir, "text:1", "--err", "--path").stdout.endswith(b"/logs/tiny/38_1.err\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["text:0"], "text:0 has no log: "),
        (["text:7"], "'text:7' is no run of this sweep"),
        (["text:1", "-g", "("], "no regular expression"),
        (["text:1", "-n", "x"], "'x' is no number of lines"),
    ],
)
def test_mistakes_are_one_line(sweep_dir: Path, words: list[str], complaint: str) -> None:
    finished = lrdash_logs(sweep_dir, *words)
    assert finished.returncode == 2
    assert complaint in finished.stderr.decode()
    assert b"Traceback" not in finished.stderr


@contextmanager
def following(cwd: Path, output: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [*COMMAND, "text:1", "-f", *words], cwd=cwd, stdout=stream, stderr=subprocess.PIPE
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


def test_following_a_log_through_growth_truncation_and_replacement(sweep_dir: Path, tmp_path: Path) -> None:
    log, output = sweep_dir / "logs/tiny/38_1.out", tmp_path / "seen"
    with following(sweep_dir, output) as process:
        first = log.read_bytes() + b" and five\n"
        wait_until(lambda: output.read_bytes() == first.removesuffix(b" and five\n"), 20)
        with log.open("ab") as file:
            file.write(b" and five\n")
        wait_until(lambda: output.read_bytes() == first)
        other = log.with_name("other")
        other.write_bytes(b"replaced " + b"x" * 5000 + b"\n")
        other.rename(log)
        wait_until(lambda: output.read_bytes() == first + log.read_bytes())
        log.write_bytes(b"truncated\n")
        wait_until(lambda: output.read_bytes().endswith(b"x\ntruncated\n"))
        log.unlink()
        log.write_bytes(b"back\n")
        wait_until(lambda: output.read_bytes().endswith(b"x\ntruncated\nback\n"))
    assert process.returncode == 130


def test_a_reader_that_leaves_early_is_no_error(sweep_dir: Path) -> None:
    (sweep_dir / "logs/tiny/38_1.out").write_bytes(
        b"lrdash: sweep=tiny group=text index=1\n" + b"x\n" * 3_000_000
    )
    words = f"{' '.join(COMMAND)} text:1 | head -1; exit ${{PIPESTATUS[0]}}"
    finished = subprocess.run(
        ["bash", "-c", words], cwd=sweep_dir, capture_output=True, timeout=60, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, b"")


def test_a_terminal_is_left_alone_by_the_log(sweep_dir: Path) -> None:
    with Terminal([*COMMAND, "text:1"], cwd=sweep_dir) as terminal:
        assert terminal.wait_exit(20) == 0
        text = terminal.text()
        assert "owned" not in terminal.title()
    assert "\n 20%|## |\nthree ␀\nfour" in text
    assert "[INFO] two" not in text


def test_no_color_takes_colours_out_too(sweep_dir: Path) -> None:
    script = sweep_dir / "run.sh"
    script.write_text(f"script -qec '{' '.join(COMMAND)} text:1' {sweep_dir}/typescript\n")
    for variables, has_colour in (({}, True), ({"NO_COLOR": "1"}, False)):
        environment = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **variables}
        subprocess.run(
            ["sh", str(script)], cwd=sweep_dir, env=environment, stdout=subprocess.DEVNULL, check=True
        )
        typed = (sweep_dir / "typescript").read_bytes()
        assert (b"\x1b[31mthree" in typed) == has_colour
        assert b"owned" not in typed
