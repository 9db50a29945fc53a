"""Running programs: pipes, limits, closing, and the log of commands."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrdash.errors import NotInstalledError, SchedulerError, TimedOutError, UnreachableError
from lrdash.scheduler.programs import CommandLog, Finished, LoggedCommand, Programs
from tests.waiting import wait_until


@pytest.fixture
def programs() -> Iterator[Programs]:
    programs = Programs(os.environ)
    yield programs
    programs.close()


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_both_streams_and_the_exit_status_come_back(programs: Programs) -> None:
    finished = programs.run("sh", "-c", "echo out; echo err >&2; exit 3", timeout=10)

    assert finished == Finished(("sh", "-c", "echo out; echo err >&2; exit 3"), 3, "out\n", "err\n")


def test_a_program_sees_no_terminal_and_no_input(programs: Programs) -> None:
    script = "test -t 1 || echo pipe; test -t 0 || echo no keyboard"

    assert programs.run("sh", "-c", script, timeout=10).out == "pipe\nno keyboard\n"


def test_bytes_that_are_no_utf8_are_replaced(programs: Programs) -> None:
    assert programs.run("printf", r"a\377b", timeout=10).out == "a\ufffdb"


def test_a_large_answer_comes_whole(programs: Programs) -> None:
    out = programs.run("seq", "1", "200000", timeout=30).out

    assert out.count("\n") == 200_000
    assert out.endswith("200000\n")


def test_only_the_given_environment_is_passed_on() -> None:
    programs = Programs({"PATH": os.environ["PATH"], "ONLY": "this"})

    assert "ONLY=this" in programs.run("env", timeout=10).out
    assert "HOME=" not in programs.run("env", timeout=10).out


def test_a_missing_program_is_named(programs: Programs) -> None:
    with pytest.raises(NotInstalledError, match="no-such-program: not on PATH"):
        programs.run("no-such-program", timeout=1)


def test_a_program_that_cannot_be_started_is_one_line(programs: Programs, tmp_path: Path) -> None:
    broken = tmp_path / "squeue"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(NotInstalledError) as caught:
        Programs({"PATH": str(tmp_path)}).run("squeue", timeout=1)
    assert str(caught.value).startswith(f"{broken}: cannot be started: FileNotFoundError")
    assert "\n" not in str(caught.value)
    with pytest.raises(NotInstalledError, match="no/such/folder"):
        programs.run("true", timeout=1, cwd=tmp_path / "no/such/folder")


def test_a_machine_without_processes_left_is_one_line(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(NotInstalledError, match=r"cannot be started: .*Resource temporarily unavailable"):
        programs.run("true", timeout=1)


def test_a_program_that_hangs_is_killed_with_its_children(programs: Programs, tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    with pytest.raises(TimedOutError, match=r"within 0\.5 s"):
        programs.run("sh", "-c", f"sleep 600 & echo $$ $! > {pids}; wait", timeout=0.5)

    own, child = map(int, pids.read_text().split())
    wait_until(lambda: not alive(own) and not alive(child), 5)


def run_in_thread(programs: Programs, *command: str, outlives_close: bool = False) -> list[SchedulerError]:
    """Start a command that hangs, close, and return what the waiting thread got."""
    errors: list[SchedulerError] = []

    def work() -> None:
        try:
            programs.run(*command, timeout=600, outlives_close=outlives_close)
        except SchedulerError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    pids = Path(command[-1])
    wait_until(pids.exists)
    started = time.monotonic()
    programs.close()
    thread.join(5)
    assert time.monotonic() - started < 2
    return errors


HANG = 'echo $$ > "$1".new; mv "$1".new "$1"; exec sleep 600'


def test_closing_kills_what_runs_and_returns_at_once(programs: Programs, tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    (error,) = run_in_thread(programs, "sh", "-c", HANG, "sh", str(pid))

    assert isinstance(error, UnreachableError)
    wait_until(lambda: not alive(int(pid.read_text())), 5)
    with pytest.raises(UnreachableError, match="lrdash is closing"):
        programs.run("true", timeout=1)


def test_closing_leaves_a_submission_alone(programs: Programs, tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    (error,) = run_in_thread(programs, "sh", "-c", HANG, "sh", str(pid), outlives_close=True)

    assert isinstance(error, UnreachableError)
    assert alive(int(pid.read_text()))
    os.kill(int(pid.read_text()), 9)


@pytest.mark.parametrize("outlives", [False, True])
def test_an_interrupt_leaves_only_a_submission_behind(tmp_path: Path, outlives: bool) -> None:
    """In its own session, the program would never hear of a Ctrl+C."""
    pid = tmp_path / "pid"
    command = ("sh", "-c", HANG, "sh", str(pid))
    script = f"""
import os, threading
from lrdash.scheduler.programs import Programs
class Told(threading.Event):
    def wait(self, seconds):
        print("waits", flush=True)
        return super().wait(seconds)
programs = Programs(os.environ)
programs._closed = Told()
programs.run(*{command!r}, timeout=600, outlives_close={outlives})
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        assert process.stdout.readline() == b"waits\n"
        wait_until(pid.exists)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert b"KeyboardInterrupt" in err
    assert alive(int(pid.read_text())) is outlives
    if outlives:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_every_command_is_logged(programs: Programs) -> None:
    before = time.time()
    programs.run("sh", "-c", "echo first >&2; echo second >&2; exit 2", timeout=10)
    with pytest.raises(NotInstalledError):
        programs.run("no-such-program", timeout=1)

    failed, missing = programs.log.entries

    assert (failed.exit_status, failed.note) == (2, "first")
    assert before <= failed.started <= time.time()
    assert 0 < failed.seconds < 10
    assert missing.exit_status is None
    assert "not on PATH" in missing.note
    assert programs.log.total == 2


def test_the_log_keeps_the_last_commands() -> None:
    log = CommandLog(length=3)
    for number in range(5):
        log.append(LoggedCommand(("squeue",), float(number), 0.0, 0))

    assert [entry.started for entry in log.entries] == [2.0, 3.0, 4.0]
    assert log.total == 5


def test_sh_is_imported_by_the_first_command_only() -> None:
    script = "import sys, lrdash.scheduler.slurm; print('sh' in sys.modules)"

    assert Programs(os.environ).run(sys.executable, "-c", script, timeout=30).out == "False\n"
