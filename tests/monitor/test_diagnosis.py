"""Classes, evidence, remedies and their commands; states and logs that contradict each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lrdash.control.remedy import SubmitRemedy, read_remedy
from lrdash.logs.scanner import LogScanner
from lrdash.monitor.diagnosis import came_to_its_end, diagnose
from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.snapshot import Diagnosis
from lrdash.results.documents import RunResults
from lrdash.results.steps import StepSeries
from lrdash.scheduler.base import TaskUsage
from lrdash.sweep.spec import Sweep
from tests.monitor.logged import (
    BANNER,
    NOW,
    SEPARATE,
    SWEEP,
    evidence_of,
    identity,
    row,
    script,
    task,
)

CUDA = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 is full"
TRACEBACK = '[rank0]: Traceback (most recent call last):\n[rank0]:   File "x.py", line 1, in f\n[rank0]: {}\n'
LAUNCHER = (
    "E0529 07:39:13.791000 10689 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: 1)"
    " local_rank: 0 (pid: 1) of binary: /usr/bin/python3\nTraceback (most recent call last):\n"
    '  File "/bin/torchrun", line 8, in <module>\n'
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
)
SLURM = "slurmstepd: error: *** JOB 9 ON gpu01 CANCELLED AT 2026-01-01T00:00:00 {}***\n"
AGAIN = "lrdash submit --group text --index 2"


def diagnosed(folder: Path, out: str = "", err: str = "", **known: Any) -> Diagnosis:
    known.setdefault("task", task("FAILED", exit_code="1:0"))
    diagnosis = diagnose(evidence_of(folder, out, err, **known))
    assert diagnosis is not None
    return diagnosis


@pytest.mark.parametrize("state", ["COMPLETED", "PENDING", "COMPLETING", "REQUEUED"])
def test_states_that_are_no_failure(tmp_path: Path, state: str) -> None:
    evidence = evidence_of(tmp_path, row(), TRACEBACK.format("ValueError: x"), task=task(state))
    assert diagnose(evidence) is None


def test_cuda_out_of_memory_halves_the_micro_batch(tmp_path: Path) -> None:
    diagnosis = diagnosed(tmp_path, identity() + row(), BANNER + TRACEBACK.format(CUDA) + LAUNCHER)
    assert diagnosis.failure == "cuda_out_of_memory"
    assert diagnosis.evidence.file == str(tmp_path / "7_2.err")
    assert diagnosis.evidence.line == 10
    assert diagnosis.evidence.text.startswith("[rank0]: torch.OutOfMemoryError: CUDA out of memory.")
    assert diagnosis.command == (
        f"{AGAIN} --set per_device_train_batch_size=1 --set gradient_accumulation_steps=8"
    )


@pytest.mark.parametrize(
    ("per_device", "steps", "changes"),
    [
        (4, 2, "--set per_device_train_batch_size=2 --set gradient_accumulation_steps=4"),
        (3, 1, "--set per_device_train_batch_size=1 --set gradient_accumulation_steps=3"),
        (
            1,
            8,
            "--set per_device_train_batch_size=1 --set gradient_accumulation_steps=8 --set cutoff_len=1024",
        ),
    ],
)
def test_the_effective_batch_is_kept(tmp_path: Path, per_device: int, steps: int, changes: str) -> None:
    overrides = {"per_device_train_batch_size": per_device, "gradient_accumulation_steps": steps}
    assert diagnosed(tmp_path, err=CUDA + "\n", overrides=overrides).command == f"{AGAIN} {changes}"


def test_what_an_earlier_set_changed_is_changed_again(tmp_path: Path) -> None:
    overrides = {"cls_backbone_learning_rate": None, "bf16": False, "text_column": "16", "seed": 3}
    diagnosis = diagnosed(tmp_path, task=task("CANCELLED"), overrides=overrides)
    remedy = read_remedy(diagnosis.command)
    assert isinstance(remedy, SubmitRemedy)
    assert remedy.overrides == overrides


def test_the_first_cause_wins_over_what_follows(tmp_path: Path) -> None:
    watchdog = (
        "[rank1]:[E1 ProcessGroupNCCL.cpp:607] Watchdog caught collective operation timeout: WorkNCCL(1)\n"
    )
    assert diagnosed(tmp_path, err=TRACEBACK.format(CUDA) + watchdog).failure == "cuda_out_of_memory"
    assert diagnosed(tmp_path, err=watchdog + TRACEBACK.format(CUDA)).failure == "cuda_out_of_memory"
    assert diagnosed(tmp_path, err=watchdog + LAUNCHER).failure == "nccl"
    ended = SLURM.format("DUE TO TIME LIMIT ")
    assert diagnosed(tmp_path, err=watchdog + ended, task=task("TIMEOUT")).failure == "nccl"


def test_what_a_run_survived_is_no_cause(tmp_path: Path) -> None:
    diagnosis = diagnosed(
        tmp_path, err=f"{CUDA}\nDecreasing batch size.\n{row()}{TRACEBACK.format('KeyError: 1')}"
    )
    assert diagnosis.failure == "unknown"
    assert diagnosis.evidence.text.endswith("KeyError: 1")
    assert diagnosis.remedy == "KeyError: 1: not a cause that is known here, read the log"


def test_what_the_bundled_trainer_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    said = "--lerning_rate is not an argument of this trainer; did you mean --learning_rate?"
    diagnosis = diagnosed(tmp_path, err=f"[ERROR] {said}\n{LAUNCHER}")
    assert (diagnosis.failure, diagnosis.remedy) == ("unknown", said)


def test_a_bar_that_is_drawn_again_is_no_progress(tmp_path: Path) -> None:
    """tqdm draws its last state once more when it is closed, after the traceback."""
    bar = "  5%|▌         | {0}/512 [{1}<2:43:12, 20.11s/it]\n".format
    end = TRACEBACK.format(CUDA)
    assert from_log(tmp_path, err=bar(24, "08:02") + bar(25, "08:22") + end + bar(25, "08:24")) is not None
    survived = bar(24, "08:02") + bar(25, "08:22") + end + bar(25, "08:24") + bar(26, "08:42")
    assert from_log(tmp_path, err=survived) is None


ASIDE = (
    "Exception in thread Thread-auto_conversion (auto_conversion):\nTraceback (most recent call last):\n"
    '  File "transformers/safetensors_conversion.py", line 96, in auto_conversion\n'
    "OSError: We couldn't connect to 'https://huggingface.co' to load the files\n"
)


@pytest.mark.parametrize("err", [ASIDE + BANNER, BANNER + ASIDE])
@pytest.mark.parametrize(
    ("end", "state", "failure"),
    [
        (TRACEBACK.format(CUDA) + LAUNCHER, "FAILED", "cuda_out_of_memory"),
        (TRACEBACK.format("KeyError: 'labels'") + LAUNCHER, "FAILED", "unknown"),
        (SLURM.format("DUE TO TIME LIMIT "), "TIMEOUT", "time_limit"),
        (SLURM.format(""), "CANCELLED", "cancelled"),
    ],
)
def test_what_stderr_told_before_stdout_proved_steps_is_no_cause(
    tmp_path: Path, err: str, end: str, state: str, failure: str
) -> None:
    """The bundled trainer writes its steps to stdout, and what goes wrong to stderr."""
    diagnosis = diagnosed(tmp_path, identity() + row(120), identity() + err + end, task=task(state))
    assert diagnosis.failure == failure
    assert "OSError" not in diagnosis.evidence.text


def test_what_keeps_a_run_from_starting_can_end_one_that_trained_all_the_same(tmp_path: Path) -> None:
    err = BANNER + TRACEBACK.format("ModuleNotFoundError: No module named 'sklearn'")
    assert diagnosed(tmp_path, row(120), err).failure == "import_error"
    assert diagnosed(tmp_path, "", ASIDE).failure == "missing_model"


def test_an_exception_that_python_ignores_is_no_cause(tmp_path: Path) -> None:
    ignored = 'Exception ignored in: <function f>\nTraceback (most recent call last):\n  File "x.py"\n' + CUDA
    evidence = replace(evidence_of(tmp_path, row(), ignored + "\n"), sweep=None, group=None, run=None)
    assert diagnose(evidence) is None
    diagnosis = diagnosed(tmp_path, row(), TRACEBACK.format("KeyError: 1") + ignored + "\n")
    assert diagnosis.evidence.text.endswith("KeyError: 1")


def from_log(folder: Path, out: str = "", err: str = "") -> str | None:
    """Of a foreign folder: the log alone decides."""
    diagnosis = diagnose(replace(evidence_of(folder, out, err), sweep=None, group=None, run=None))
    return diagnosis.failure if diagnosis else None


def test_a_traceback_at_exit_fails_no_run(tmp_path: Path) -> None:
    at_exit = "Error in atexit._run_exitfuncs:\n" + TRACEBACK.format("AttributeError: no close")
    assert from_log(tmp_path, err="Metrics: 0.9\n" + at_exit) is None
    assert from_log(tmp_path, err=TRACEBACK.format("KeyError: 1") + at_exit) == "unknown"
    assert from_log(tmp_path, err=TRACEBACK.format(CUDA) + at_exit) == "cuda_out_of_memory"


@pytest.mark.parametrize(
    ("out", "failure"),
    [
        ("step 1 loss: nan\nsaved\n", "non_finite_loss"),
        ("step 1 loss: nan\nsaved\nstep 2 loss: 0.6\n", None),
        ("step 1 loss: nan\nstep 2 loss: 0.6\nstep 3 loss: nan\n", "non_finite_loss"),
        ("Loss is nan, skipping this batch\nstep 2 loss: 0.6\n", None),
        ("step 1 loss: nan\n  1%|#| 30/300 [00:09<05:00,  1.0s/it]\n", "non_finite_loss"),
        ("step 1 loss: nan\n{'loss': 0.7, 'grad_norm': 1.0, 'epoch': 0.1}\n", None),
        ("OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 1, reducing to 1\n", "non_finite_loss"),
        ("OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768.0\n", None),
        ("{'loss': 0.0, 'grad_norm': nan, 'epoch': 0.1}\n{'loss': 0.7, 'epoch': 0.2}\n", None),
        ('{"loss": 0.0, "grad_norm": NaN}\n', "non_finite_loss"),
        ("{'loss/train': 'nan', 'counters/updates': 5022}\n", "non_finite_loss"),
        ("step 1 loss: nan, val loss: 0.6\n", "non_finite_loss"),
        ("step 1 loss: 0.7, grad_norm: nan\n", None),
        ("{'loss': 0.7, 'grad_norm': nan, 'epoch': 0.1}\n", None),
        ("{'loss': 0.7, 'grad_norm': nan, 'epoch': 0.1}\n" * 2, "non_finite_loss"),
        ("{'loss': nan, 'grad_norm': nan, 'epoch': 0.1}\n", "non_finite_loss"),
        ("FloatingPointError: Loss became infinite or NaN\nstep 2 loss: 0.6\n", "non_finite_loss"),
        (TRACEBACK.format("ValueError: loss is nan") + "step 2 loss: 0.6\n", "non_finite_loss"),
    ],
)
def test_a_loss_that_is_no_number_can_be_survived(tmp_path: Path, out: str, failure: str | None) -> None:
    """Mixed precision skips a step whose gradient is no number."""
    assert from_log(tmp_path, out) == failure


def test_a_restart_between_the_two_steps_forgets_no_doubt(tmp_path: Path) -> None:
    out, err, cache = tmp_path / "x.out", tmp_path / "x.err", tmp_path / "cache"
    text = "step 1 loss: nan\n"
    for more, failure in (("", "non_finite_loss"), ("step 2 loss: 0.6\n", None)):
        out.write_text(text + more)
        scanner = LogScanner(cache)
        diagnosis = diagnose(RunEvidence(now=NOW, facts=scanner.scan(out, err)[-1]))
        scanner.close()
        assert (diagnosis.failure if diagnosis else None) == failure


def test_a_node_that_was_preempted_did_not_fail(tmp_path: Path) -> None:
    died = "The actor died because its node has died. Node Id: b157\n"
    assert from_log(tmp_path, died) == "node_failure"
    assert from_log(tmp_path, died + "  the actor's node was preempted: spot reclaim\n") == "preempted"


def test_torchrun_alone_tells_that_a_worker_ended(tmp_path: Path) -> None:
    assert from_log(tmp_path, err=LAUNCHER.splitlines()[0].replace(": 1)", ": -11)") + "\n") == "unknown"
    hang_up = TRACEBACK.format("torch.distributed.SignalException: Process 7 got signal: 1")
    assert from_log(tmp_path, err=hang_up) == "cancelled"
    assert from_log(tmp_path, err=TRACEBACK.format("KeyError: 1") + LAUNCHER + hang_up) != "cancelled"


def test_the_loader_worker_that_the_kernel_killed(tmp_path: Path) -> None:
    killed = TRACEBACK.format("RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed. ")
    follows = TRACEBACK.format("RuntimeError: DataLoader worker (pid(s) 7) exited unexpectedly")
    assert diagnosed(tmp_path, err=killed + follows).failure == "host_out_of_memory"


def test_a_dict_that_is_no_training_line_is_no_progress(tmp_path: Path) -> None:
    err = "FloatingPointError: Loss became infinite or NaN at iteration=3!\nloss_dict = {'loss_cls': inf}\n"
    assert diagnosed(tmp_path, err=err).failure == "non_finite_loss"


TRAINED = "{'train_runtime': 93.1, 'train_loss': 0.4, 'epoch': 6.0}\n"
PREDICTED = "***** predict metrics *****\n  predict_accuracy = 0.9\n"


@pytest.mark.parametrize(
    ("text", "failure"),
    [("OSError: [Errno 28] No space left on device", "disk_full"), (CUDA, "cuda_out_of_memory")],
)
def test_a_failure_after_the_last_step(tmp_path: Path, text: str, failure: str) -> None:
    """The trainer logs train_runtime before it saves the model and predicts."""
    assert diagnosed(tmp_path, row(300) + TRAINED, BANNER + TRACEBACK.format(text)).failure == failure
    vanished = task("UNKNOWN", reason="gone")
    for known in ({"task": vanished}, {"task": vanished, "overrides": {"do_predict": False}}):
        diagnosis = diagnosed(tmp_path, row(300) + TRAINED, BANNER + TRACEBACK.format(text), **known)
        assert diagnosis.failure == failure
    unknown = diagnosed(tmp_path, row(300) + TRAINED, BANNER + TRACEBACK.format("KeyError: 'labels'"))
    assert unknown.evidence.text.endswith("KeyError: 'labels'")


def test_a_run_that_predicts_ends_with_its_predictions(tmp_path: Path) -> None:
    vanished = task("UNKNOWN", reason="gone")
    for out, predicts, came in (
        (TRAINED, True, False),
        (TRAINED, False, True),
        (TRAINED + PREDICTED, True, True),
        (TRAINED + TRACEBACK.format(CUDA), False, False),
    ):
        evidence = evidence_of(
            tmp_path, row(300) + out, BANNER, task=vanished, overrides={"do_predict": predicts}
        )
        assert came_to_its_end(evidence) == came, (out, predicts)
    assert diagnosed(tmp_path, row(300) + TRAINED, BANNER, task=vanished).failure == "vanished"


@pytest.mark.parametrize(
    "told",
    [
        "require_gpu: 2 processes need 2 GPUs, this node shows 0; ask for --gres=gpu:2",
        "no free port on this node: 29702, 29802... are all taken",
        "no lrdash on PATH; activate its environment in the batch script",
    ],
)
def test_what_launch_says_when_it_refuses(tmp_path: Path, told: str) -> None:
    diagnosis = diagnosed(tmp_path, identity(), f"{identity()}lrdash: {told}\n")
    assert (diagnosis.failure, diagnosis.evidence.text) == ("launch_refused", f"lrdash: {told}")
    assert diagnosis.remedy == f"{told}; then submit it again"
    assert diagnosis.command == AGAIN
    kept = diagnosed(tmp_path, "lrdash: not requeued: only Slurm requeues\n", TRACEBACK.format(CUDA))
    assert kept.failure == "cuda_out_of_memory"


def test_a_port_that_launch_moved_away_from_is_no_cause(tmp_path: Path) -> None:
    taken = "RuntimeError: The server socket has failed to bind (errno: 98 - Address already in use).\n"
    err = identity() + taken + identity(port=29802) + TRACEBACK.format("KeyError: 1")
    assert diagnosed(tmp_path, err=err).failure == "unknown"
    assert diagnosed(tmp_path, err=identity() + taken).failure == "port_in_use"


def test_time_limit_asks_for_what_the_forecast_says(tmp_path: Path) -> None:
    rows = [
        {"step": step, "loss": 0.5, "elapsed_time": 60.0 * step, "epoch": step / 50}
        for step in range(10, 210, 10)
    ]
    ended = task("TIMEOUT", elapsed_seconds=12_600.0, time_limit_seconds=12_600.0)
    diagnosis = diagnosed(
        tmp_path,
        row(200),
        BANNER + SLURM.format("DUE TO TIME LIMIT "),
        task=ended,
        steps=StepSeries.of_rows(rows),
    )
    assert diagnosis.failure == "time_limit"
    assert diagnosis.evidence.text.startswith("slurmstepd: error: *** JOB 9")
    assert diagnosis.command
    assert diagnosis.command.startswith(f"{AGAIN} -- --time=0")
    hours = int(diagnosis.command.rpartition("=")[2].split(":")[0])
    assert 5 <= hours <= 7
    assert "num_train_epochs=4, which fits" in diagnosis.remedy
    assert diagnosis.remedy.startswith("the whole run needs about --time=0")
    resumed = diagnosed(
        tmp_path,
        "[INFO] Resuming training from saves/x/checkpoint-100 at step 100\n" + row(200),
        BANNER,
        task=ended,
        steps=StepSeries.of_rows(rows),
    )
    assert resumed.remedy.startswith("from where this attempt began, the run needs about --time=0")


def test_host_memory(tmp_path: Path) -> None:
    diagnosis = diagnosed(tmp_path, task=task("OUT_OF_MEMORY"), script=script(mem="200G"))
    assert diagnosis.failure == "host_out_of_memory"
    assert diagnosis.evidence.text == "state OUT_OF_MEMORY"
    assert diagnosis.command == f"{AGAIN} -- --mem=300G"


# Task 14 of the recording of 22.05: it asked for 60M, its batch step has MaxRSS 98444K and exit code 0:9.
RECORDED = TaskUsage(max_rss_bytes=98444 << 10, requested_memory_bytes=60 << 20)
BARE_KILL = "api.py:869] failed (exitcode: -9) local_rank: 0 (pid: 1)\n"


def test_a_bare_signal_is_the_nodes_memory_where_the_task_was_near_its_limit(tmp_path: Path) -> None:
    killed = task("FAILED", exit_code="0:9")
    diagnosis = diagnosed(tmp_path, task=killed, usage=RECORDED, script=script(mem="60M"))
    assert diagnosis.failure == "host_out_of_memory"
    assert diagnosis.evidence.text == (
        "state FAILED, exit code 0:9: killed by signal 9; MaxRSS 96 MiB, 160% of the 60 MiB asked for"
    )
    assert diagnosis.command == f"{AGAIN} -- --mem=90M"
    diagnosis = diagnosed(tmp_path, err=BARE_KILL, usage=RECORDED)
    assert diagnosis.failure == "host_out_of_memory"
    assert diagnosis.evidence.line == 1


@pytest.mark.parametrize(
    ("peak", "failure"), [(95, "host_out_of_memory"), (94, "unknown"), (12, "unknown"), (None, "unknown")]
)
def test_a_bare_signal_of_a_task_that_had_room_is_not_guessed_at(
    tmp_path: Path, peak: int | None, failure: str
) -> None:
    usage = TaskUsage(max_rss_bytes=peak and peak << 30, requested_memory_bytes=100 << 30)
    diagnosis = diagnosed(tmp_path, task=task("FAILED", exit_code="0:9"), usage=usage)
    assert diagnosis.failure == failure
    assert "killed by signal 9" in diagnosis.evidence.text
    assert ("MaxRSS" in diagnosis.evidence.text) == (peak is not None)


def test_a_bare_signal_without_accounting_stays_unknown(tmp_path: Path) -> None:
    for known in ({"task": task("FAILED", exit_code="0:9")}, {"err": BARE_KILL}):
        diagnosis = diagnosed(tmp_path, **known)
        assert diagnosis.failure == "unknown"
        assert "killed by signal 9" in diagnosis.evidence.text
        assert "the node's memory" in diagnosis.remedy
        assert diagnosis.command == AGAIN


def test_a_bare_signal_does_not_overrule_what_slurm_did(tmp_path: Path) -> None:
    assert diagnosed(tmp_path, err=BARE_KILL, task=task("CANCELLED")).failure == "cancelled"
    assert diagnosed(tmp_path, err=BARE_KILL, task=task("TIMEOUT")).failure == "time_limit"


def test_an_exception_is_not_taken_for_a_bare_signal(tmp_path: Path) -> None:
    err = (
        TRACEBACK.format("KeyError: 1")
        + "api.py:869] failed (exitcode: -9) local_rank: 1 (pid: 1)\n"
        + LAUNCHER
    )
    assert diagnosed(tmp_path, err=err).failure == "unknown"


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        ("TIMEOUT", "time_limit"),
        ("PREEMPTED", "preempted"),
        ("NODE_FAIL", "node_failure"),
        ("BOOT_FAIL", "node_failure"),
        ("CANCELLED", "cancelled"),
        ("DEADLINE", "time_limit"),
        ("OUT_OF_MEMORY", "host_out_of_memory"),
    ],
)
def test_slurm_states_without_a_word_in_the_log(tmp_path: Path, state: str, failure: str) -> None:
    diagnosis = diagnosed(tmp_path, row(), task=task(state, nodes="gpu01"))
    assert diagnosis.failure == failure
    assert (diagnosis.command or "").startswith(AGAIN)


def test_node_failure_excludes_the_node(tmp_path: Path) -> None:
    err = "[rank1]: torch.distributed.DistBackendError: NCCL error in: x, remote process exited\n"
    diagnosis = diagnosed(tmp_path, err=err, task=task("NODE_FAIL", nodes="gpu01"))
    assert diagnosis.command == f"{AGAIN} -- --exclude=gpu01"
    hostile = diagnosed(tmp_path, task=task("NODE_FAIL", nodes="x; rm -rf /"))
    assert hostile.command == AGAIN


def test_data_set_not_found_names_what_is_there(tmp_path: Path) -> None:
    sweep, run = _sweep_in(tmp_path)
    for name in ("iclr_v7_train", "unrelated"):
        (tmp_path / "data" / name).mkdir(parents=True)
    evidence = replace(
        evidence_of(tmp_path, err="[ERROR] dataset 'iclr_v8_train' not found in data; there are: x\n"),
        sweep=sweep, overrides={"dataset": "iclr_v8_train"}, task=task("FAILED"), run=run,
    )  # fmt: skip
    diagnosis = diagnose(evidence)
    assert diagnosis
    assert diagnosis.failure == "dataset_not_found"
    assert "there are: iclr_v7_train, unrelated" in diagnosis.remedy
    assert str(tmp_path / "data") in diagnosis.remedy
    for name in ("iclr_v8_train", str(run.args["eval_dataset"])):
        (tmp_path / "data" / name).mkdir()
    repaired = diagnose(evidence)
    assert repaired
    assert repaired.remedy.startswith("the data were not found then; in ")
    assert repaired.command == f"{AGAIN} --set dataset=iclr_v8_train"


def _sweep_in(root: Path) -> tuple[Sweep, Any]:
    return replace(SWEEP, root=root), SEPARATE


@pytest.mark.parametrize(
    ("text", "failure", "command"),
    [
        (
            "[ERROR] model 'Qwen/Q' not found: no config.json in /x; /x holds: nothing",
            "missing_model",
            "preflight",
        ),
        ("OSError: [Errno 28] No space left on device", "disk_full", "lrdash clean text:0"),
        ("ModuleNotFoundError: No module named 'trainer'", "import_error", "lrdash preflight"),
        (
            "[ERROR] non-finite loss: nan at step 20; a lower --learning_rate may help",
            "non_finite_loss",
            None,
        ),
        (
            "[ERROR] dataset 'd' has no column 'label'; its columns are: text",
            "unknown",
            "lrdash logs text:2 --err",
        ),
    ],
)
def test_texts_of_the_trainer_and_python(
    tmp_path: Path, text: str, failure: str, command: str | None
) -> None:
    diagnosis = diagnosed(tmp_path, err=text + "\n" + LAUNCHER)
    assert diagnosis.failure == failure
    assert diagnosis.evidence.text == text
    assert command in diagnosis.command if command else diagnosis.command is None


def test_unknown_keeps_the_last_traceback_of_the_program(tmp_path: Path) -> None:
    diagnosis = diagnosed(tmp_path, err=TRACEBACK.format("KeyError: 'labels'") + LAUNCHER)
    assert diagnosis.failure == "unknown"
    assert diagnosis.evidence.line == 1
    assert diagnosis.evidence.text.splitlines()[-1] == "KeyError: 'labels'"
    assert diagnosis.command == "lrdash logs text:2 --err"


def test_a_deep_traceback_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    frames = "".join(
        f'  File "f{depth}.py", line {depth}, in f\n    \x9bf({depth})\x07\n' for depth in range(500)
    )
    err = f"Traceback (most recent call last):\n{frames}RecursionError: too deep\n"
    lines = diagnosed(tmp_path, err=err).evidence.text.splitlines()
    assert (lines[1].strip(), lines[-1]) == ('File "f0.py", line 0, in f', "RecursionError: too deep")
    assert "  ..." in lines
    assert len(lines) <= 61
    assert all(line.isprintable() for line in lines)


def test_unknown_without_a_log_says_the_exit_code(tmp_path: Path) -> None:
    diagnosis = diagnosed(tmp_path, task=task("FAILED", exit_code="0:53"))
    assert (diagnosis.failure, "log file" in diagnosis.evidence.text) == ("unknown", True)
    assert diagnosis.remedy == diagnosis.evidence.text


def test_a_running_run_is_silent_after_ten_minutes(tmp_path: Path) -> None:
    running = task("RUNNING", started=NOW - 7200)
    evidence = evidence_of(tmp_path, row(), task=running)

    def heard(seconds: float) -> RunEvidence:
        return replace(evidence, facts=msgspec.structs.replace(evidence.facts, last_output=NOW - seconds))

    assert diagnose(heard(540)) is None
    diagnosis = diagnose(heard(840))
    assert diagnosis
    assert (diagnosis.failure, diagnosis.evidence.text) == ("silent", "no output for 14 min")
    assert diagnosis.command == "lrdash requeue text:2"
    just_started = replace(heard(840), task=task("RUNNING", started=NOW - 60))
    assert diagnose(just_started) is None, "the old log of a requeued run is not its silence"


def test_a_running_run_without_a_finite_loss(tmp_path: Path) -> None:
    running = task("RUNNING", started=NOW - 60)
    once = evidence_of(tmp_path, row(10) + row(20, loss="nan"), task=running)
    assert diagnose(once) is None
    twice = evidence_of(tmp_path, row(10) + row(20, loss="nan") + row(30, loss="nan"), task=running)
    diagnosis = diagnose(twice)
    assert diagnosis
    assert (diagnosis.failure, diagnosis.evidence.line) == ("non_finite_loss", 3)
    assert "since step 20" in diagnosis.remedy
    again = evidence_of(tmp_path, row(20, loss="nan") + row(30, loss="nan") + row(40), task=running)
    assert diagnose(again) is None


def test_a_task_that_vanished(tmp_path: Path) -> None:
    gone = task("UNKNOWN", reason="left the queue, and nobody accounts for it")
    assert diagnosed(tmp_path, row(), task=gone).failure == "vanished"
    assert diagnosed(tmp_path, row(), CUDA + "\n", task=gone).failure == "cuda_out_of_memory"


def test_a_run_that_was_asked_to_stop_did_not_fail(tmp_path: Path) -> None:
    out = row(120) + "[INFO] Stopped by SIGTERM at step 123, epoch 2.46; checkpoint saves/x\n"
    err = LAUNCHER.replace("(exitcode: 1)", "(exitcode: -15)")
    assert diagnosed(tmp_path, out, err, task=task("CANCELLED")).failure == "cancelled"


def test_a_foreign_folder_is_diagnosed_without_a_command(tmp_path: Path) -> None:
    evidence = replace(evidence_of(tmp_path, err=TRACEBACK.format(CUDA)), sweep=None, group=None, run=None)
    diagnosis = diagnose(evidence)
    assert diagnosis
    assert (diagnosis.failure, diagnosis.command) == ("cuda_out_of_memory", None)
    finished = replace(evidence, results=RunResults(), task=task("COMPLETED"))
    assert diagnose(finished) is None
