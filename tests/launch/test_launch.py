"""`lrdash launch` with little programs: what is printed, signals, ends, orphans."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lrdash.logs.scanner import LogScanner
from lrdash.sweep.identity import parse_identity
from lrdash.sweep.spec import Sweep
from tests.sweeps import write_sweep
from tests.waiting import wait_until

LRDASH = str(Path(sys.executable).with_name("lrdash"))
TASK = {"SLURM_JOB_ID": "41", "SLURM_ARRAY_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "1"}
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open("child", "w").write(str(child.pid))
time.sleep(600)
"""
STOPS = """
import json, os, signal, sys, time
from pathlib import Path
def stop(signum, frame):
    saves = Path(sys.argv[sys.argv.index("--output_dir") + 1]) / "checkpoint-7"
    saves.mkdir(parents=True)
    (saves / "complete").write_text(json.dumps({"step": STEP}))
    print("signal %d" % signum, flush=True)
    os._exit(75)
signal.signal(signal.SIGUSR1, stop)
signal.signal(signal.SIGTERM, lambda *_: os._exit(75))
Path("ready").touch()
time.sleep(600)
"""


def environment(**more: str) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "LRDASH_"))}
    return {**plain, **more}


@contextmanager
def launched(sweep: Sweep, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [LRDASH, "launch", str(sweep.file), "--group", "text", "--index", "1"]
    out = (sweep.root / "out").open("w")
    with (
        (sweep.root / "err").open("w") as err,
        out,
        subprocess.Popen(command, env=env or environment(), stdout=out, stderr=err, text=True) as process,
    ):
        yield process
        process.kill()


def is_running(pid: int) -> bool:
    """Neither gone nor a zombie that nobody has reaped yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_identity_comes_first_on_both_streams_then_the_command(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    with launched(sweep, environment(**TASK, SLURM_RESTART_COUNT="2", SLURMD_NODENAME="node07")) as process:
        assert process.wait() == 0
    out = (tmp_path / "out").read_text().splitlines()
    identity = parse_identity(out[0])
    assert identity is not None
    assert (identity.sweep, identity.group, identity.index, identity.run) == ("tiny", "text", 1, "text_1")
    assert (identity.job, identity.restart, identity.host) == ("40_1", 2, "node07")
    assert (identity.scheduler, identity.root) == ("slurm", str(tmp_path))
    assert identity.port % 100 == 1
    assert out[1].startswith(f"+ cd {tmp_path} && ")
    assert out[2:] == ["trained"]
    assert (tmp_path / "err").read_text() == out[0] + "\n"


def test_words_of_the_command_are_no_failure(tmp_path: Path) -> None:
    """A text of many lines, too; what the program itself prints counts."""
    text = "x\ntorch.OutOfMemoryError: CUDA out of memory.\n[Errno 28] No space left on device: EADDRINUSE"
    sweep = write_sweep(tmp_path, f"import sys; sys.exit(1)\n'''{text}'''")
    with launched(sweep, environment(**TASK)) as process:
        assert process.wait() == 1
    assert "+ torch.OutOfMemoryError" in (tmp_path / "out").read_text()
    [facts] = LogScanner().scan(tmp_path / "out", tmp_path / "err")
    assert facts.out.causes == []
    assert (tmp_path / "out").read_text().count("lrdash: sweep=") == 1


def test_exit_code_and_working_directory_are_the_program_s(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, "import os, sys; print(os.getcwd()); sys.exit(7)")
    with launched(sweep) as process:
        assert process.wait() == 7
    assert (tmp_path / "out").read_text().splitlines()[-1] == str(tmp_path)


def test_arguments_of_a_submission_arrive(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, "import sys; print(sys.argv)")
    with launched(sweep, environment(**TASK, LRDASH_SET='{"seed": 3}', LRDASH_FRESH="1")) as process:
        process.wait()
    assert "'--seed', '3'" in (tmp_path / "out").read_text()
    assert "'--overwrite_output_dir', 'true'" in (tmp_path / "out").read_text()


def test_a_requeued_start_is_never_a_fresh_one(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, "import sys; print(sys.argv)")
    with launched(sweep, environment(**TASK, LRDASH_FRESH="1", SLURM_RESTART_COUNT="1")) as process:
        process.wait()
    assert "overwrite" not in (tmp_path / "out").read_text()


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    sweep.file.write_text(sweep.file.read_text().replace(sys.executable, "no-such-program"))
    with launched(sweep) as process:
        assert process.wait() == 127
    assert "no-such-program: not found" in (tmp_path / "err").read_text().splitlines()[-1]


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_program_that_is_none_is_one_line(tmp_path: Path, mode: int) -> None:
    program = tmp_path / "train"
    program.write_text("print('no first line with an interpreter')")
    program.chmod(mode)
    sweep = write_sweep(tmp_path)
    sweep.file.write_text(sweep.file.read_text().replace(sys.executable, str(program)))
    with launched(sweep) as process:
        assert process.wait() == 126
    assert f"{program}: cannot be executed" in (tmp_path / "err").read_text().splitlines()[-1]


def test_require_gpu_stops_before_anything_runs(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, require_gpu=True)
    with launched(sweep, environment(CUDA_VISIBLE_DEVICES="")) as process:
        assert process.wait() == 2
    assert "require_gpu" in (tmp_path / "err").read_text().splitlines()[-1]
    assert "trained" not in (tmp_path / "out").read_text()


def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, FAMILY)
    with launched(sweep) as process:
        child = wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
        leader = int(Path(f"/proc/{child}/status").read_text().split("PPid:")[1].split()[0])
        os.kill(leader, signal.SIGKILL)
        assert process.wait(timeout=10) == 128 + signal.SIGKILL
    assert not is_running(int(child))


def test_the_program_ends_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    sweep = write_sweep(
        tmp_path, "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    )
    with launched(sweep) as process:
        pid = wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.kill()
        process.wait()
    wait_until(lambda: not is_running(int(pid)))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_order_to_end_is_passed_on_and_never_requeues(tmp_path: Path, signum: signal.Signals) -> None:
    sweep = write_sweep(
        tmp_path, STOPS.replace("STEP", "7") + "\nsignal.signal(signal.SIGINT, signal.SIG_DFL)"
    )
    with launched(sweep, environment(**TASK)) as process:
        wait_until((tmp_path / "ready").exists)
        process.send_signal(signum)
        assert process.wait(timeout=10) == {signal.SIGTERM: 75, signal.SIGINT: 130}[signum]
    assert "requeued" not in (tmp_path / "out").read_text()


@pytest.fixture
def scontrol(tmp_path: Path) -> Path:
    """Slurm's programs that write down how they were called; squeue shows the task running."""
    folder = tmp_path / "bin"
    folder.mkdir()
    calls = tmp_path / "calls"
    (folder / "scontrol").write_text(f'#!/bin/bash\necho "$@" >> {calls}\n')
    (folder / "scontrol").chmod(0o755)
    return calls


def requeue_environment(scontrol: Path, **more: str) -> dict[str, str]:
    path = f"{scontrol.parent}/bin:{os.environ['PATH']}"
    return environment(**TASK, PATH=path, **more)


@pytest.mark.parametrize(
    ("saved", "restart", "said"),
    [
        (0, "0", "requeued to go on from step 7"),
        (0, "9", "requeued to go on from step 7"),
        (0, "10", "not requeued: this was restart 10"),
        (7, "0", "not requeued: step 7 was saved before this start"),
    ],
)
def test_requeue_and_its_guards(tmp_path: Path, scontrol: Path, saved: int, restart: str, said: str) -> None:
    sweep = write_sweep(tmp_path, STOPS.replace("STEP", "7"))
    if saved:
        checkpoint = tmp_path / "saves/tiny/text_1/checkpoint-epoch1"
        checkpoint.mkdir(parents=True)
        (checkpoint / "complete").write_text(f'{{"step": {saved}}}')
    with launched(sweep, requeue_environment(scontrol, SLURM_RESTART_COUNT=restart)) as process:
        wait_until((tmp_path / "ready").exists)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(timeout=20) == 75
    assert f"lrdash: {said}" in (tmp_path / "out").read_text()
    assert scontrol.exists() == said.startswith("requeued")
    if scontrol.exists():
        assert scontrol.read_text() == "requeue 40_1\n"


def test_a_run_that_finishes_in_time_is_not_requeued(tmp_path: Path, scontrol: Path) -> None:
    sweep = write_sweep(tmp_path, STOPS.replace("STEP", "7").replace("os._exit(75)", "os._exit(0)"))
    with launched(sweep, requeue_environment(scontrol)) as process:
        wait_until((tmp_path / "ready").exists)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(timeout=20) == 0
    assert not scontrol.exists()


def test_cancelled_after_the_warning_stays_cancelled(tmp_path: Path, scontrol: Path) -> None:
    sweep = write_sweep(tmp_path, STOPS.replace("STEP", "7").replace("os._exit(75)", "time.sleep(600)", 1))
    with launched(sweep, requeue_environment(scontrol)) as process:
        wait_until((tmp_path / "ready").exists)
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "signal 10" in (tmp_path / "out").read_text())
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
    assert not scontrol.exists()


ENDS_ITSELF = """
import os, signal, sys
from pathlib import Path
from lrdash.launch.attempt import read_attempt
from lrdash.launch.supervision import Supervision
from lrdash.sweep.load import load_sweep
sweep = load_sweep(Path(sys.argv[1]))
supervision = Supervision(sweep, sweep.runs[1], read_attempt(os.environ))
command = [*sweep.groups[0].program, "--output_dir", "saves/tiny/text_1"]
code = supervision.run(command, os.environ, sweep.root)
os.kill(os.getpid(), getattr(signal, sys.argv[2]))
sys.exit(supervision.after(code))
"""


@pytest.mark.parametrize(("signum", "requeued"), [("SIGTERM", False), ("SIGCHLD", True)])
def test_a_cancellation_after_the_program_s_end_is_seen(
    tmp_path: Path, scontrol: Path, signum: str, requeued: bool
) -> None:
    tells = "\nos.kill(os.getppid(), signal.SIGUSR1)\ntime.sleep(600)\n"
    sweep = write_sweep(tmp_path, STOPS.replace("STEP", "7").replace("\ntime.sleep(600)\n", tells))
    command = [sys.executable, "-c", ENDS_ITSELF, str(sweep.file), signum]
    finished = subprocess.run(command, env=requeue_environment(scontrol), capture_output=True, check=False)
    assert finished.returncode == 75, finished.stderr
    assert scontrol.exists() is requeued


TAKES_THE_PORT = """
import os, socket, sys
port = int(os.environ["MASTER_PORT"])
if port == 21781:
    sys.exit("torch.distributed.DistNetworkError: port: %d, code: -98, name: EADDRINUSE" % port)
print("got", port)
"""


def test_a_port_lost_to_a_stranger_is_replaced(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, TAKES_THE_PORT, port=21780)
    with launched(sweep) as process:
        assert process.wait(timeout=10) == 0
    identities = [line for line in (tmp_path / "out").read_text().splitlines() if parse_identity(line)]
    ports = [identity.port for line in identities if (identity := parse_identity(line))]
    assert ports == [21781, 21881]
    assert f"got {ports[-1]}" in (tmp_path / "out").read_text()


@pytest.mark.parametrize(
    "trains",
    [
        "print('[INFO] Process ' + 'rank: 0')",
        "print('[INFO|2026-11-26 10:00:00] llamafactory.hparams.parser:143 >> Process ' + 'rank: 0')",
        "print({'loss': '0.69', 'epoch': '0.1'})",
        "print('x' * 2**20)",
        "import os; os.makedirs('saves/tiny/text_1/checkpoint-5')",
    ],
)
def test_a_failure_after_the_ranks_started_is_not_tried_again(tmp_path: Path, trains: str) -> None:
    with launched(write_sweep(tmp_path, f"import sys; {trains}; sys.exit('EADDRINUSE')")) as process:
        assert process.wait(timeout=20) == 1
    assert (tmp_path / "out").read_text().count("lrdash: sweep=") == 1


def test_where_the_output_cannot_be_read_back_nothing_is_tried_again(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, "import sys; print('EADDRINUSE', file=sys.stderr); sys.exit(1)")
    command = [LRDASH, "launch", str(sweep.file), "--group", "text", "--index", "1"]
    with (tmp_path / "err").open("w") as err:
        finished = subprocess.run(
            command, env=environment(), stdout=subprocess.PIPE, stderr=err, check=False, timeout=20
        )
    assert finished.returncode == 1
    assert finished.stdout.count(b"lrdash: sweep=") == 1


def test_a_dry_run_needs_no_port(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, port=21790)
    command = [LRDASH, "launch", str(sweep.file), "--group", "text", "--index", "1", "--", "--dry_run"]
    with socket.socket() as stranger:
        stranger.bind(("", 21791))
        stranger.listen()
        finished = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    identity = parse_identity(finished.stdout.splitlines()[0])
    assert identity is not None
    assert identity.port == 21791, "taken, and none is looked for"


def test_a_taken_port_moves_the_run(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, port=21760)
    with socket.socket() as stranger:
        stranger.bind(("", 21761))
        stranger.listen()
        with launched(sweep) as process:
            assert process.wait(timeout=10) == 0
    identity = parse_identity((tmp_path / "out").read_text().splitlines()[0])
    assert identity is not None
    assert identity.port == 21861
