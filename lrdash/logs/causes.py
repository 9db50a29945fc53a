"""What can explain the end of a run: texts of failures, each with its source.

Searched for, in lines without colours. The first expression that is found gives a line its class; an
indecisive one may only follow from another cause. Repetition is bounded, for a log is hostile text.
Slurm's texts are those of src/slurmd/slurmstepd/req.c, src/plugins/task/cgroup/task_cgroup_memory.c
(20.11 to 25.11) and src/srun.
"""

from __future__ import annotations

import re

from lrdash.logs.facts import Cause, LogLine, Stream

ANCHORS = (
    rb"rror|xitcode|: nan|is nan|Traceback \(|Exception|ERROR|CANCELLED|Node fail|Out Of Mem|Killed|SIGKILL"
    rb"|KeyboardInt|No space|Watchdog|Address al|EADDRINUSE"
)
"""What a line holds if it can state a cause; the scanner looks closer at such lines only. Rare first letters
make the search fast."""

TRACEBACK = re.compile(rb"Traceback \(most recent call last\)")
RANK_PREFIX = re.compile(rb"^\s?\[rank\d+\]: ?")  # torch >= 2.4, before each line of an uncaught exception
# torch/distributed/elastic/multiprocessing/errors and subprocess.run(check=True): they only pass on.
LAUNCHER_ERROR = re.compile(
    rb"(?:torch\.distributed\.elastic\S*ChildFailedError|subprocess\.CalledProcessError)"
)

_WARNING = re.compile(rb"\w+Warning: |\bWARN(?:ING)?\b(?!.*Rendezvous)")
"""Lines that warn: what they tell of did not end the run."""


_DECISIVE = (
    # Slurm says why it ends a job. A requeue by Slurm itself is how preempted jobs that may be requeued end.
    ("time_limit", rb"CANCELLED AT \S+ DUE TO TIME LIMIT"),
    ("preempted", rb"CANCELLED AT \S+ DUE TO (?:PREEMPTION|JOB REQUEUE)|this job is preempted"),
    ("node_failure", rb"DUE TO NODE FAILURE|error: Node failure on "),
    ("host_out_of_memory", rb"Detected \d+ oom[-_]kill event|srun: error: .{0,200}: Out Of Memory"),
    ("host_out_of_memory", rb"exceeded (?:job |step )?memory limit|Exceeded job memory limit"),
    ("cancelled", rb"\*\*\* JOB \d+ (?:ON \S+ )?CANCELLED AT \S+ (?:\*\*\*|DUE to SIGNAL)"),
    # torch c10/cuda/CUDACachingAllocator.cpp of 1.x to 2.9, the CUDA runtime, cuBLAS.
    ("cuda_out_of_memory", rb"(?:CUDA|HIP)(?: error:)? out of memory|\bOutOfMemoryError: "),
    ("cuda_out_of_memory", rb"CUBLAS_STATUS_ALLOC_FAILED|cuda runtime error \(2\)"),
    # torch csrc/distributed/c10d/socket.cpp (glibc's words, libuv's code); gloo prints only the words.
    ("port_in_use", rb"EADDRINUSE|Address already in use"),
    # torch csrc/distributed/c10d/ProcessGroupNCCL.cpp and TCPStore.cpp, distributed/elastic/rendezvous, gloo.
    ("nccl", rb"Watchdog caught collective operation timeout|DistBackendError|NCCL error in"),
    ("nccl", rb"\bnccl(?:System|Internal|Remote|UnhandledCuda|InvalidUsage)Error"),
    ("nccl", rb"\bRendezvous(?:Closed|Connection|Timeout|State)Error|client socket has timed out"),
    ("nccl", rb"Timed out waiting .{0,40}for (?:recv|send) operation|Dist(?:Store|Network)Error"),
    ("nccl", rb"gloo/transport\S*\] (?:Connection closed by peer|Read error|Timed out|Connect timeout)"),
    ("nccl", rb"[Gg]loo connectFullMesh failed|RuntimeError: Wait timeout"),
    # The operating system (errno 28, 122), safetensors, torch/serialization.
    ("disk_full", rb"No space left on device|[Dd]isk quota exceeded|StorageFull|\[ERROR\] too little disk"),
    # Python, the dynamic linker, transformers utils/import_utils.py.
    ("import_error", rb"\b(?:ImportError|ModuleNotFoundError): |: undefined symbol: "),
    ("import_error", rb"Failed to import \S+ because of the following error"),
    ("import_error", rb"error while loading shared libraries|version `\S+' not found"),
    # transformers utils/hub.py and modeling_utils.py, huggingface_hub errors; the bundled trainer.
    ("missing_model", rb"couldn't connect to 'https://huggingface\.co'|LocalEntryNotFoundError: "),
    ("missing_model", rb"does not appear to have a file named|Error no file named"),
    ("missing_model", rb"is not a valid model identifier|Incorrect path_or_model_id"),
    ("missing_model", rb"(?:HFValidation|RepositoryNotFound|GatedRepo)Error: |OfflineModeIsEnabled: "),
    ("missing_model", rb"Can't load (?:the )?(?:tokenizer|config\w*|image processor|model) (?:of|for) '"),
    ("missing_model", rb"Unrecognized model in |\[ERROR\] model .{1,500} not found: "),
    # LLaMA-Factory src/llamafactory/data/*.py, datasets load.py, the bundled trainer.
    ("dataset_not_found", rb"Undefined dataset .{1,300} in dataset_info\.json"),
    ("dataset_not_found", rb"Cannot open \S*dataset_info\.json due to|Error: File \S+ not found\."),
    ("dataset_not_found", rb"neither a `Dataset` directory nor|Data(?:set|Files)NotFoundError"),
    ("dataset_not_found", rb"Couldn't find (?:any data file|a dataset script) at"),
    ("dataset_not_found", rb"\[ERROR\] dataset .{1,500}(?: not found in | does not exist)"),
    # The allocator of the C library by way of torch, numpy and Python.
    ("host_out_of_memory", rb"DefaultCPUAllocator: can't allocate|\bMemoryError\b|\[Errno 12\] Cannot"),
    # Training loops that print a number of their own, and those that stop at one.
    ("non_finite_loss", rb"\b[Ll]oss(?: is)?[:=]? ?nan\b|\bgrad[_ ]norm: nan\b|\[ERROR\] .{0,200}non-finite"),
)
_INDECISIVE = (
    # What srun and slurmstepd say of a step follows whatever ended one of its tasks.
    ("cancelled", rb"\*\*\* STEP \S+ (?:ON \S+ )?CANCELLED AT \S+ (?:\*\*\*|DUE to SIGNAL)"),
    ("disk_full", rb"PytorchStreamWriter failed writing|inline_container\.cc:\d+\] \. unexpected"),
    # A bare signal 9 is nearly always the node's memory; torchrun, bash, srun, subprocess.
    ("host_out_of_memory", rb"exitcode ?: -9\b|Signal 9 \(SIGKILL\)|died with <Signals\.SIGKILL"),
    ("host_out_of_memory", rb"line \d+: +\d+ Killed\b|srun: error: .{0,200}: Killed$|^Killed$"),
    ("cancelled", rb"KeyboardInterrupt"),
    ("unknown", rb"^(?:\S+ )*\[ERROR\] |(?:^|[\s:\]])(?:\w+\.)*[A-Z]\w*(?:Error|Exception): "),
)
_PATTERNS = [
    (failure, re.compile(text), table is _DECISIVE)
    for table in (_DECISIVE, _INDECISIVE)
    for failure, text in table
]


def find_cause(line: bytes, at: LogLine, stream: Stream) -> Cause | None:
    """The cause that a line states, or None."""
    if _WARNING.search(line):
        return None
    body = RANK_PREFIX.sub(b"", line)
    for failure, text, decisive in _PATTERNS:
        if text.search(body):
            return Cause(failure, at, stream, decisive)
    return None
