"""Every expression, on the lines of the versions that it was written for."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

import pytest

from lrdash.logs import causes, patterns
from lrdash.logs.collect import Collector
from lrdash.logs.escapes import without_escapes
from lrdash.logs.facts import LogLine
from lrdash.logs.lines import parse_bar, parse_clock, parse_row

AT = LogLine("x.err", 1, "")
LOGS = Path(__file__).parent.parent / "data" / "logs"


@pytest.mark.parametrize(
    "line",
    [
        b"{'loss': 0.5, 'grad_norm': 1.25, 'learning_rate': 1.875e-05, 'epoch': 0.05}",
        b"{'loss': '0.5', 'grad_norm': '1.25', 'learning_rate': '1.875e-05', 'epoch': '0.16'}",
        b"  {'loss': 0.5, 'grad_norm': 1.25, 'learning_rate': 1.875e-05, 'epoch': 6.0}        ",
        b"  1%|#| 3/300 [00:09<05:00,  1.0s/it]{'loss': 0.5, 'grad_norm': 1.25, 'learning_rate': 1.875e-05}",
        b"INFO {'loss': 0.5, 'grad_norm': 1.25, 'learning_rate': 1.875e-05, 'note': 'text', 'n': None}",
    ],
    ids=["transformers 4", "transformers 5", "padded", "behind a bar", "with texts"],
)
def test_training_lines(line: bytes) -> None:
    row = parse_row(line)
    assert row
    assert (row["loss"], row["grad_norm"], row["learning_rate"]) == (0.5, 1.25, 1.875e-05)


@pytest.mark.parametrize("line", [b"", b"{'a", b"}{'", b"{'task': {'name': 'x'}}", b"{'\x80'}", b"loss: 0.5"])
def test_what_is_no_training_line(line: bytes) -> None:
    assert parse_row(line) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b" 45%|####5     | 135/300 [02:15<02:45,  1.00s/it]", (300, 135.0, 135)),
        (b"100%|##########| 13750/13750 [29:36<00:00,  7.96it/s]", (13750, 1776.0, 13750)),
        (b"  1%|\xe2\x96\x8f         | 11/1752 [26:01:07<1:21:50,  2.82s/it]", (1752, 93667.0, 11)),
        (b" 18%|#8        | 99/540 [1 day, 2:01:07<4 days, 0:00:00, 900s/it]", (540, 93667.0, 99)),
    ],
)
def test_training_bars(line: bytes, expected: tuple[int, float, int]) -> None:
    bar = parse_bar(line)
    assert bar
    assert (bar[0], bar[1].seconds, bar[1].step) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"Loading checkpoint shards:  50%|#####     | 2/4 [00:02<00:02,  1.00it/s]",
        b"Epoch 0:   6%|##| 32040/500150 [6:28:43<94:39:17,  1.37it/s]",
        b"  0%|          | 0/300 [??:??<?, ?it/s]",
        b" 10%|#| 99999999999999999999/300 [00:01<00:01]",
    ],
)
def test_bars_of_something_else(line: bytes) -> None:
    assert parse_bar(line) is None


def test_clean_takes_every_escape_away() -> None:
    assert (
        without_escapes(b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1b[?25l\x1b[A\x1bM.")
        == b"red link ."
    )


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-1:00", "1e5"])
def test_what_is_no_clock(text: str) -> None:
    assert parse_clock(text) is None


CAUSES = """
cancelled | slurmstepd-n1: error: *** JOB 9 ON n1 CANCELLED AT 2026-01-01T00:00 DUE to SIGNAL Terminated ***
host_out_of_memory | slurmstepd: error: StepId=14.batch exceeded memory limit (100806656 > 62914560)
host_out_of_memory | /var/spool/slurmd/job9/slurm_script: line 12:  4242 Killed          python -m trainer
cuda_out_of_memory | RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`
nccl | RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:9
disk_full | SafetensorError: Error while serializing: IoError(Os { code: 28, kind: StorageFull })
import_error | python: error while loading shared libraries: libcudart.so.12: cannot open shared object file
missing_model | OSError: Can't load tokenizer for 'Qwen/Qwen2.5-7B-Instruct'. If you were trying to load it
dataset_not_found | [ERROR] dataset 'x_train' not found in data; there are: y_train
non_finite_loss | Loss is nan, stopping training
non_finite_loss | step 12: loss: nan
cuda_out_of_memory | tensorflow.errors.ResourceExhaustedError: OOM when allocating tensor on device:GPU:0
cuda_out_of_memory | XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 18253 bytes.
host_out_of_memory | [9.1] Memory cgroup out of memory: Killed process 14 (python) total-vm:15220044kB
host_out_of_memory | RuntimeError: DataLoader worker (pid 1410) is killed by signal: Killed.
preempted | submitit WARNING (x) - Caught signal SIGHUP on n1: this job is preempted.
node_failure | PRTE has lost communication with a remote daemon.
nccl | [Rank 11] Timeout at NCCL work: 15734, last enqueued NCCL work: 15735
nccl | RuntimeError: Connection reset by peer
import_error | AttributeError: partially initialized module 'deepspeed.comm' has no attribute 'x'
missing_model | OSError: You are trying to access a gated repo.
missing_model | OSError: models/x does not appear to have a
dataset_not_found | RuntimeError: Found 0 files in subfolders of: /data/train
dataset_not_found | FileNotFoundError: [Errno 2] No such file or directory: 'data/qnnli_train.json'
non_finite_loss | FloatingPointError: Minimum loss scale reached (0.0001). Your loss is probably exploding.
non_finite_loss | ValueError: Network outputs is NAN! Stop Training
non_finite_loss | AssertionError: Rank 3: found NaN in local grad norm in backwards pass. Device: 3
non_finite_loss | RuntimeError: Rank 3, iteration 3: Unexpected result nan (message='found NaN')
non_finite_loss | RuntimeError: grad_scale is too small, exiting: 2.3283064365386963e-10
cuda_out_of_memory | n7:2375:2649 [1] include/alloc.h:65 NCCL WARN Cuda failure 2 'out of memory'
host_out_of_memory | memory allocation of 2097152 bytes failed
host_out_of_memory | [ERROR] [launch.py:324:sigkill_handler] ['python', 'x.py'] exits with return code = -9
port_in_use | ConnectionError: Tried to launch on port `29500`, but another process is utilizing it.
preempted | (TrainController pid=79312) the actor's node was preempted: spot reclaim
node_failure | 3826         train_bat+    compute                     1  NODE_FAIL      1:0
node_failure | RuntimeError: CUDA error: uncorrectable ECC error encountered
disk_full | RuntimeError: [x.cc:471] . PytorchStreamWriter failed writing file data/228: file write failed
import_error |         CUDA Setup failed despite GPU being available. Please run the following command
missing_model | ValueError: Invalid folder path. Please set `args.initial_model` to a valid folder path.
missing_model | OSError: Model file not found: checkpoints/checkpoint_best.pt
dataset_not_found | FileNotFoundError: Dataset not found: valid (/scratch/preprocessed)
dataset_not_found | FileNotFoundError: [Errno 2] No such file or directory: 'your_data_path/train_all'
cancelled | torch.distributed.elastic.multiprocessing.api.SignalException: Process 792735 got signal: 1
unknown | torch.distributed.elastic.multiprocessing.api.SignalException: Process 792735 got signal: 15
unknown | E0304 torch/distributed/elastic/multiprocessing/api.py:826] failed (exitcode: -11) local_rank
unknown | FileNotFoundError: [Errno 2] No such file or directory: 'output/train_results'
unknown | FileNotFoundError: [Errno 2] No such file or directory: 'saves/trainer_state.json'
unknown | ResourceExhaustedError: OOM when allocating tensor on /device:CPU:0 by allocator cpu
unknown | srun: error: n1: task 0: Segmentation fault (core dumped)
cancelled | lightning.py:25: UserWarning: Detected KeyboardInterrupt, attempting graceful shutdown...
launch_refused | lrdash: require_gpu: 2 processes need 2 GPUs
None | lrdash: sweep=s group=text
None | UserWarning: [Errno 28] No space left on device.  joblib will operate in serial mode
None | WARNING: CUDA out of memory is handled
None | Iter [50/42192] lr: 2.632e-05, loss: 18.2210, grad_norm: nan
None | [INFO] Step 120 of 300, epoch 2.40
None | The optimizer has no errors
"""


@pytest.mark.parametrize("case", CAUSES.strip().splitlines())
def test_causes(case: str) -> None:
    failure, _, line = case.partition(" | ")
    cause = causes.find_cause(line.encode(), AT, "err")
    assert str(cause.failure if cause else None) == failure


def test_anchors_let_every_cause_through() -> None:
    """The scanner looks at lines with an anchor only: an expression whose lines hold none would be dead."""
    for line in CAUSE_LINES:
        assert causes.find_cause(line, AT, "err"), line
        assert _is_looked_at(line), line


def _is_looked_at(line: bytes) -> bool:
    return bool(re.search(causes.ANCHORS, line) or causes.NAN.search(line))


def test_messages_of_the_sources_have_their_class() -> None:
    """What the sources of torch, transformers, Slurm and others print; `none` are warnings and remarks."""
    with (LOGS / "messages.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    said = [(row["class"], _decisive_class(row["line"].encode()), row["line"]) for row in rows]
    wrong = [one for one in said if one[1] not in (one[0], "none")]
    missed = [one for one in said if one[1] == "none" != one[0]]
    assert len(said) >= 500
    assert len(wrong) <= 0.01 * len(said), wrong
    assert len(missed) <= 0.1 * len(said), missed


def _decisive_class(line: bytes) -> str:
    cause = causes.find_cause(line, AT, "err") if _is_looked_at(line) else None
    return cause.failure if cause and cause.failure != "unknown" else "none"


LONG = [b"Error: Set model on port 1 ", b"grad_norm: nan loss: ", b"No such file /train", b"NODE_FAIL  1"]


@pytest.mark.parametrize(
    "text", [b"w", b"WARN ", b"Error: loss ", b"gloo/transport", b"1", b"Loading dataset ", b"{'a': 1", *LONG]
)
def test_no_expression_takes_long_over_a_long_line(text: bytes) -> None:
    """A log is hostile text, and no line of it may stop the scan."""
    line = b"Using custom classification optimizer with backbone_lr=1" + text * (16_000 // len(text))
    began = time.process_time()
    Collector("x.err", "err").feed(b"loss: nan\n" + line + b"rror\n")
    assert time.process_time() - began < 0.1


CAUSE_LINES = [
    b"*** JOB 1 ON n CANCELLED AT t DUE TO TIME LIMIT ***",
    b"*** STEP 1.0 ON n CANCELLED AT t ***",
    b"srun: error: Node failure on n",
    b"slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch",
    b"srun: error: n: task 0: Out Of Memory",
    b"RuntimeError: CUDA out of memory.",
    b"torch.OutOfMemoryError: x",
    b"[W socket.cpp:426] [c10d] failed to bind (errno: 98 - Address already in use).",
    b"code: -98, name: EADDRINUSE",
    b"[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(1)",
    b"OSError: [Errno 28] No space left on device",
    b"ImportError: x",
    b"ValueError: Undefined dataset x in dataset_info.json.",
    b"[ERROR] model 'x' not found: no config.json",
    b"[ERROR] too little disk: x",
    b"failed (exitcode: -9) local_rank: 0",
    b"traceback : Signal 9 (SIGKILL) received by PID 1",
    b"srun: error: n: task 0: Killed",
    b"KeyboardInterrupt",
    b"grad_norm: nan",
    b"lrdash: no free port",
    b"slurmstepd: Job 9 exceeded memory limit (17002300 > 16384000), being killed",
    b"(0) Resource exhausted: Out of memory while trying to allocate 34426324132 bytes.",
    b"StopTraining: Job is preempted.",
    b"GCP Metadata Service says termination is imminent",
    b"PRTE has lost communication with a remote daemon.",
    b"salloc: Prolog failure on node n1",
    b"The actor is dead because its node has died.",
    b"marked dead because the monitor has missed too many heartbeats",
    b"Timeout at NCCL work: 1",
    b"Cuda failure 2 'out of memory'",
    b"memory allocation of 1 bytes failed",
    b"the actor's node was preempted: spot reclaim",
    b"9  train  1  NODE_FAIL      1:0",
    b"CUDA Setup failed despite GPU being available.",
    b"x.SignalException: Process 1 got signal: 1",
    b"Some NCCL operations have failed or timed out.",
]


def test_the_optimizer_anchor_is_in_the_expression() -> None:
    line = b"[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05"
    assert patterns.OPTIMIZER_ANCHOR in line
    assert patterns.OPTIMIZER.search(line)
    assert patterns.WHOLE_OPTIMIZER.search(line)
    assert not patterns.WHOLE_OPTIMIZER.search(line[:-1])
