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
    rb"r(?:ror|dash: |y (?:limit|allocation of)|ce exhausted|eempted|mination is|olog fail|ked dead)|xitcode"
    rb"|: nan|is nan|its node has|Out Of Mem|Killed|KeyboardInt|SIGKILL|Watchdog|Address al"
    rb"|Traceback \(|TE has lost|E(?:xception|RROR|XHAUSTED|ADDRINUSE)|C(?:ANCELLED|UDA Setup f|uda failure)"
    rb"|N(?:ode fail|o space|CCL (?:work|operat)|ODE_FAIL)"
)
"""What a line holds if it can state a cause; the scanner looks closer at such lines only. Few
first letters, and rare ones, make the search fast."""

TRACEBACK = re.compile(rb"Traceback \(most recent call last\)")
RANK_PREFIX = re.compile(rb"^\s?\[rank\d+\]: ?")  # torch >= 2.4, before each line of an uncaught exception
# torch/distributed/elastic/multiprocessing/errors and subprocess.run(check=True): they only pass on.
LAUNCHER_ERROR = re.compile(
    rb"(?:torch\.distributed\.elastic\S*ChildFailedError|subprocess\.CalledProcessError)"
)

EXCEPTION_ASIDE = re.compile(
    rb"Exception in thread |(?P<ignored>Exception ignored |Error in atexit\._run_exitfuncs)"
)
"""Python's threading.excepthook, sys.unraisablehook and atexit, before a traceback that ends no program."""

_WARNING = re.compile(rb"\wWarning: |\bWARN(?:ING)?\b")
"""Lines that warn: what they tell of did not end the run..."""
_LAST_WARNING = re.compile(rb"Rendezvous|this job is preempted|Detected KeyboardInt|NCCL WARN Cuda fail")
"""...but torchrun, submitit, Lightning and NCCL warn of the end."""
_LAUNCH = re.compile(rb"^lrdash: (?!sweep=)")
"""What `lrdash launch` and the batch script before it print on stderr when they refuse to start."""

_NAN_LOSS = rb"\b[Ll]oss(?: is)?[:=]? ?nan\b"
NON_FINITE_STEP = re.compile(_NAN_LOSS + rb"|^(?!.*\b[Ll]oss: -?\d).*\bgrad[_ ]norm: nan\b")
"""In a program's own words. A gradient beside a loss that is a number: mixed precision skips that step."""
FINITE_STEP = re.compile(rb"^(?!.*%b).*\b[Ll]oss[:=]? ?-?\d" % _NAN_LOSS)
"""Shows that training went on."""
_DECISIVE = (
    # Slurm says why it ends a job. A requeue by Slurm itself is how preempted jobs that may be requeued end.
    ("time_limit", rb"CANCELLED AT \S+ DUE TO TIME LIMIT"),
    # submitit and MaxText tell of the signal; taskcluster's worker-runner of the notice to a spot machine.
    ("preempted", rb"CANCELLED AT \S+ DUE TO (?:PREEMPTION|JOB REQUEUE)|\b[Jj]ob is preempted"),
    ("preempted", rb"GCP Metadata Service says termination is imminent|'s node was preempted: "),  # Ray
    # Slurm and a row of its accounting; Ray (gcs: node and actor deaths); Open MPI and PRRTE
    # (help-errmgr-base.txt); the CUDA runtime on a broken GPU, to which every other job there falls a victim.
    ("node_failure", rb"DUE TO NODE FAILURE|error: Node failure on |Prolog failure on node "),
    ("node_failure", rb"because its node has died|marked dead because the \w+ has missed too many"),
    ("node_failure", rb"\bNODE_FAIL {1,20}\d+:\d+|CUDA error: uncorrectable ECC error"),
    ("node_failure", rb"\b(?:O|P|PR)RTE has lost communication with a remote daemon"),
    ("host_out_of_memory", rb"Detected \d+ oom[-_]kill event|srun: error: .{0,200}: Out Of Memory"),
    ("host_out_of_memory", rb"exceeded (?:job |step )?memory limit|Exceeded job memory limit"),
    ("host_out_of_memory", rb"\b[Oo]ut of memory: Kill(?:ed)? process \d"),  # Linux mm/oom_kill.c
    ("cancelled", rb"\*\*\* JOB \d+ (?:ON \S+ )?CANCELLED AT \S+ (?:\*\*\*|DUE to SIGNAL)"),
    # torch c10/cuda/CUDACachingAllocator.cpp of 1.x to 2.9, the CUDA runtime, cuBLAS, NCCL; TensorFlow, XLA.
    ("cuda_out_of_memory", rb"(?:CUDA|HIP)(?: error:)? out of memory|\bOutOfMemoryError: "),
    ("cuda_out_of_memory", rb"Cuda failure (?:\d+ )?'out of memory'"),
    ("cuda_out_of_memory", rb"CUBLAS_STATUS_ALLOC_FAILED|cuda runtime error \(2\)"),
    ("cuda_out_of_memory", rb"(?i:resource_? ?exhausted)(?:Error)?: OOM when allocating .{1,300}device:GPU"),
    ("cuda_out_of_memory", rb"(?i:resource_? ?exhausted)(?:Error)?: Out of memory .{0,20}allocat"),
    # torch csrc/distributed/c10d/socket.cpp (glibc's words, libuv's code); gloo prints the words. LightGBM;
    # accelerate utils/launch.py.
    ("port_in_use", rb"EADDRINUSE|Address already in use|Binding port \d+ failed"),
    ("port_in_use", rb"Error: .{0,100} on port .{1,20}, but another process is utilizing it"),
    # torch csrc/distributed/c10d/ProcessGroupNCCL.cpp and TCPStore.cpp, distributed/elastic/rendezvous, gloo.
    ("nccl", rb"Watchdog caught collective operation timeout|DistBackendError|NCCL error in"),
    ("nccl", rb"\bnccl(?:System|Internal|Remote|UnhandledCuda|InvalidUsage)Error"),
    ("nccl", rb"\bRendezvous(?:Closed|Connection|Timeout|State)Error|client socket has timed out"),
    ("nccl", rb"Timeout at NCCL work|Some NCCL operations have failed or timed out"),
    # Python itself raises ConnectionResetError: these words in a RuntimeError are those of c10d's sockets.
    ("nccl", rb"RuntimeError: (?:Connection reset by peer|Connection refused|Broken pipe)"),
    ("nccl", rb"Timed out waiting .{0,40}for (?:recv|send) operation|Dist(?:Store|Network)Error"),
    ("nccl", rb"gloo/transport\S{0,80}\] (?:Connection closed by peer|Read error|Timed out|Connect timeout)"),
    ("nccl", rb"[Gg]loo connectFullMesh failed|RuntimeError: Wait timeout"),
    # The operating system (errno 28, 122), safetensors, torch caffe2/serialize/inline_container.cc.
    ("disk_full", rb"No space left on device|[Dd]isk quota exceeded|StorageFull|\[ERROR\] too little disk"),
    ("disk_full", rb"PytorchStreamWriter failed writing .{0,100}: file write failed"),
    # Python, the dynamic linker, transformers utils/import_utils.py, bitsandbytes cextension.py.
    ("import_error", rb"\b(?:ImportError|ModuleNotFoundError): |: undefined symbol: "),
    ("import_error", rb"partially initialized module '"),
    ("import_error", rb"Failed to import \S+ because of the following error"),
    ("import_error", rb"^ *CUDA Setup failed despite GPU being available"),
    ("import_error", rb"error while loading shared libraries|version `\S+' not found"),
    # transformers utils/hub.py and modeling_utils.py, huggingface_hub errors; the bundled trainer.
    ("missing_model", rb"couldn't connect to 'https://huggingface\.co'|LocalEntryNotFoundError: "),
    # Rich breaks their lines.
    ("missing_model", rb"does not appear to have a(?: file named|$)|Error no file named"),
    ("missing_model", rb"cannot find the requested files in the cached path|trying to access a gated repo"),
    ("missing_model", rb"is not a valid model identifier|Incorrect path_or_model_id"),
    ("missing_model", rb"(?:HFValidation|RepositoryNotFound|GatedRepo)Error: |OfflineModeIsEnabled: "),
    ("missing_model", rb"Can't load (?:the )?(?:tokenizer|config\w*|image processor|model) (?:of|for) '"),
    ("missing_model", rb"Unrecognized model in |\[ERROR\] model .{1,500} not found: "),
    ("missing_model", rb"AssertionError: Checkpoint .{1,300} not found!"),  # fvcore common/checkpoint.py
    # fairseq checkpoint_utils.py, mistral-finetune train.py and those that say it alike.
    ("missing_model", rb"Error: (?:[Mm]odel|[Cc]heckpoint) (?:file |folder |path )?not found\b"),
    ("missing_model", rb"Error: .{0,80}[Ss]et `?[\w.]{0,40}model[\w.]{0,20}`? to a valid (?:folder|path)"),
    # LLaMA-Factory src/llamafactory/data/*.py, datasets load.py, torchvision datasets/folder.py and
    # those that copied it, fairseq, Python where a file or folder is named as a split's, the bundled trainer.
    ("dataset_not_found", rb"Undefined dataset .{1,300} in dataset_info\.json"),
    ("dataset_not_found", rb"Cannot open \S*dataset_info\.json due to|Error: File \S+ not found\."),
    ("dataset_not_found", rb"neither a `Dataset` directory nor|Data(?:set|Files)NotFoundError"),
    ("dataset_not_found", rb"Couldn't find (?:any data file|a dataset script) at"),
    (
        "dataset_not_found",
        rb"Found (?:0|no) \w{1,10} in sub(?:folders|directories) of|Found no valid file for",
    ),
    ("dataset_not_found", rb"No such file .{0,300}(?:train|dev|valid|test)\.(?:jsonl?|[ct]sv|txt)'"),
    ("dataset_not_found", rb"No such file .{0,300}/(?:train|val|valid|dev|test)(?:_all|\d{4})?/?'"),
    ("dataset_not_found", rb"Error: (?:[Dd]ataset|[Dd]ata) (?:file |folder |path )?not found\b"),
    ("dataset_not_found", rb"\[ERROR\] dataset .{1,500}(?: not found in | does not exist)"),
    # The allocator of the C library by way of torch, numpy, Python and Rust (tokenizers, safetensors). Of a
    # program's processes only the kernel chooses a loader's worker to kill.
    ("host_out_of_memory", rb"DefaultCPUAllocator: can't allocate|\bMemoryError\b|\[Errno 12\] Cannot"),
    ("host_out_of_memory", rb"\bmemory allocation of \d+ bytes failed"),
    ("host_out_of_memory", rb"DataLoader worker \(pid .{1,40}\) is killed by signal: Killed"),
    # Training loops that print a number of their own, and those that stop at one: detectron2
    # engine/train_loop.py, fairseq optim/dynamic_loss_scaler.py, DeepSpeed fp16/loss_scaler.py, autograd,
    # Megatron-LM (param_and_grad_buffer.py, rerun_state_machine.py), icefall.
    ("non_finite_loss", rb"Loss became infinite or NaN|returned nan values in its"),
    ("non_finite_loss", rb"Minimum loss scale reached|Current loss scale already at minimum"),
    ("non_finite_loss", rb"Error: .{0,80}\b(?i:loss|outputs?|gradients?) (?:is|are) (?i:nan|inf|non-finite)"),
    ("non_finite_loss", rb"Error: .{0,200}\b(?:found NaN in |Unexpected result nan)"),
    ("non_finite_loss", rb"Error: grad_scale is too small"),
    ("non_finite_loss", rb"\[ERROR\] .{0,200}non-finite"),
    ("non_finite_loss", NON_FINITE_STEP.pattern),
)
_INDECISIVE = (
    # What srun and slurmstepd say of a step follows whatever ended one of its tasks.
    ("cancelled", rb"\*\*\* STEP \S+ (?:ON \S+ )?CANCELLED AT \S+ (?:\*\*\*|DUE to SIGNAL)"),
    ("disk_full", rb"PytorchStreamWriter failed writing|inline_container\.cc:\d+\] \. unexpected"),
    # A bare signal 9 is nearly always the node's memory; torchrun, bash, srun, subprocess.
    ("host_out_of_memory", rb"exitcode ?: -9\b|Signal 9 \(SIGKILL\)|died with <Signals\.SIGKILL"),
    ("host_out_of_memory", rb"line \d+: +\d+ Killed\b|srun: error: .{0,200}: Killed$|^Killed$"),
    ("host_out_of_memory", rb"exits with return code = -9\b"),  # DeepSpeed launcher/launch.py
    # torchrun's agent tells by which signal it was ended: a hang-up or an interrupt.
    ("cancelled", rb"KeyboardInterrupt|SignalException: Process \d+ got signal: [12]\b"),
    # srun src/srun/launch.c, src/api/step_launch.c, slurmstepd task.c: an end, without its reason.
    ("unknown", rb"srun: error: \S{1,200}: tasks? \S{1,200} (?:Exited|Segmentation|Aborted|Bus error)"),
    ("unknown", rb"srun: error: Task launch for \S+ failed|slurmstepd: error: execve\(\): "),
    ("unknown", rb"\bfailed \(exitcode: -?[1-9]"),  # torchrun
    ("unknown", rb"^(?:\S+ )*\[ERROR\] |(?:^|[\s:\]])(?:\w+\.)*[A-Z]\w*(?:Error|Exception): "),
)
_PATTERNS = [
    (failure, re.compile(text), table is _DECISIVE)
    for table in (_DECISIVE, _INDECISIVE)
    for failure, text in table
]


def find_cause(line: bytes, at: LogLine, stream: Stream) -> Cause | None:
    """The cause that a line states, or None."""
    if _WARNING.search(line) and not _LAST_WARNING.search(line):
        return None
    body = RANK_PREFIX.sub(b"", line)
    if stream == "err" and _LAUNCH.match(body):
        return Cause("launch_refused", at, stream)
    for failure, text, decisive in _PATTERNS:
        if text.search(body):
            return Cause(failure, at, stream, decisive)
    return None
