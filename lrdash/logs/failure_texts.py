"""What programs print when they fail, each text with the class of failure that it states and its source.

Searched for, in lines without colours. Repetition is bounded, for a log is hostile text. The first that is
found gives a line its class. `lrdash.logs.absent` reads what is said of files that do not exist.
"""

from __future__ import annotations

from typing import TypeAlias

from lrdash.logs.absent import DATA_WORDS, MODEL_WORDS

Texts: TypeAlias = tuple[str, *tuple[bytes, ...]]

NAN_LOSS = rb"(?i:loss)[\w/]{0,30}['\"]?(?: is)?[:=]? {0,8}['\"(]?(?i:nan)\b"
"""A loss that is no number, in a program's own words."""
NON_FINITE_STEP = (
    NAN_LOSS
    # A gradient beside a loss that is a number: mixed precision skips that step. A loss of 0 is none.
    + rb"|^(?!.*\b[Ll]oss: {0,8}-?\d).*\bgrad[_ ]norm: {0,8}nan\b"
    + rb"|\bloss['\"]: 0\.0\b.{0,200}\bgrad_norm['\"]: (?i:nan)\b"
    # DeepSpeed runtime/zero: a step is skipped, and the scale of the loss cannot fall any more.
    + rb"|OVERFLOW! .{0,100}loss scale: ([\d.e+-]+), reducing to \1(?![\d.])"
)

DECISIVE: tuple[Texts, ...] = (
    # Batch systems. A requeue by Slurm itself is how preempted jobs that may be requeued end. Slurm:
    # src/slurmd/slurmstepd/req.c and mgr.c, src/plugins/task/cgroup/task_cgroup_memory.c (20.11 to 25.11),
    # src/interfaces/jobacct_gather.c, src/common/slurm_errno.c and a row of its accounting; OpenPBS
    # src/resmom/mom_main.c, LSF's bhist; submitit core/job_environment.py.
    (
        "time_limit",
        rb"CANCELLED AT \S+ DUE TO TIME LIMIT|due hitting max wall clock limit",
        rb"\bTIMEOUT {1,20}\d+:\d+|PBS: job killed: walltime |TERM_RUNLIMIT: job killed",
        rb"\b[Jj]ob has timed out\. Ran |: this job is timed-out",
        rb"not requeued because: timed-out",
    ),
    (
        "preempted",
        rb"CANCELLED AT \S+ DUE TO (?:PREEMPTION|JOB REQUEUE)|\bPREEMPTED {1,20}\d+:\d+",
        rb"\b[Jj]ob is preempted|\bPreemption (?:detected, saving|! checkpointing)",
        # taskcluster's worker-runner of the notice to a spot machine; Ray.
        rb"GCP Metadata Service says termination is imminent|'s node was preempted: ",
    ),
    (
        "node_failure",
        rb"DUE TO NODE FAILURE|error: Node failure on |\bdue node failure\b",
        rb"\b(?:NODE|BOOT)_FAIL {1,20}\d+:\d+|[Pp]rolog fail(?:ure|ed)\b",
        rb"srun: error: .{0,60}Cannot communicate with node|Something is wrong with the boot",
    ),
    (
        "host_out_of_memory",
        rb"Detected \d+ oom[-_]kill event|srun: error: .{0,200}: Out Of Memory",
        rb"[Ee]xceeded (?:virtual |job |step )?memory limit",
        rb"error: task .{1,40} Out Of Memory",
        # Linux mm/oom_kill.c
        rb"\b[Oo]ut of memory: Kill(?:ed)? process \d",
        rb"PBS: job killed: v?mem |TERM_MEMLIMIT: job killed",
    ),
    (
        "cancelled",
        rb"\*\*\* JOB \d+ (?:ON \S+ )?CANCELLED AT \S+ (?:\*\*\*|DUE to SIGNAL)",
        rb"\bCANCELLED by \d+ {1,20}\d+:\d+|TERM_OWNER: job killed",
    ),
    # Nodes and their GPUs. Ray (gcs: node and actor deaths), Open MPI and PRRTE (help-errmgr-base.txt), the
    # CUDA runtime on a broken GPU (to which every other job there falls a victim), the driver's Xid messages,
    # NVML.
    (
        "node_failure",
        rb"because its node has died|marked dead because the \w+ has missed too many",
        rb"NodeDiedError: ",
        rb"\b(?:O|P|PR)RTE has lost communication with a remote daemon",
        rb"[Uu]ncorrectable (?:ECC|NVLink|double bit) error|over nvlink or a hardware error",
        rb"\bGPU has fallen off the bus|\bGPU is lost\b",
        rb"Unable to determine the device handle for GPU",
    ),
    # Ray kills tasks before the kernel does.
    (
        "host_out_of_memory",
        rb"node running low on memory|ray\.exceptions\.OutOfMemoryError",
    ),
    # torch c10/cuda (1.x to 2.9) and its other devices, the CUDA runtime and driver, cuBLAS, cuDNN, NCCL,
    # TensorFlow, XLA, bitsandbytes csrc/compat.cuh, accelerate utils/memory.py, transformers trainer.py,
    # vLLM.
    (
        "cuda_out_of_memory",
        rb"\b(?:(?:CUDA|HIP)(?: driver)?(?: [Ee]rror:)?|[NX]PU|MPS backend|GPU ran) out of memory",
        rb"\bOutOfMemoryError: |Cuda failure (?:\d+ )?'out of memory'",
        rb"cuda runtime error \(2\)",
        rb"CU(?:BLAS|DNN)_STATUS_ALLOC_FAILED|NCCL WARN Failed to CUDA [cm]alloc",
        rb"[Ee]rror\b.{0,200}\b(?:CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation)",
        rb"^Error out of memory at line|Error: No executable batch size found",
        rb"Error: (?:.{0,40}hit an out-of-memory error|No available memory for the cache block)",
        rb"(?i:resource_? ?exhausted)(?:Error)?: OOM when allocating .{1,300}device:GPU",
        rb"(?i:resource_? ?exhausted)(?:Error)?: Out of memory .{0,20}allocat",
        rb"(?i:resource_? ?exhausted)(?:Error)?: .{0,60}Ran out of memory in memory space",
    ),
    # torch csrc/distributed/c10d: socket.cpp (glibc's words, libuv's code), ProcessGroupNCCL.cpp,
    # ProcessGroupGloo.cpp, NCCLUtils.cpp, TCPStore.cpp; distributed/elastic; gloo prints the words; NCCL's
    # own; LightGBM; accelerate utils/launch.py; asyncio. Python itself raises ConnectionResetError: these
    # words in a RuntimeError are c10d's.
    (
        "port_in_use",
        rb"EADDRINUSE|(?i:address already in use)|Binding port \d+ failed",
        rb"Error: .{0,100} on port .{1,20}, but another process is utilizing it",
        rb"Error: .{0,100}\b[Pp]ort:? \d+ (?:is )?already in use|[Ff]ailed to bind to \S+:\d",
    ),
    (
        "nccl",
        rb"Watchdog caught collective operation timeout|DistBackendError|NCCL error in",
        rb"\bnccl(?:System|Internal|Remote|UnhandledCuda)Error|\bncclInvalid(?:Usage|Argument)\b",
        rb"Error: .{0,160}(?:NCCL communicator was aborted|NCCL [Ee]rror \d|setting up NCCL communicator)",
        rb"\bwatchdog got stuck for|Heartbeat monitor timed out|due to a collective timeout",
        rb"Timeout at NCCL work|Some NCCL operations have failed or timed out",
        rb"mismatch between collectives",
        rb"\bRendezvous(?:Closed|Connection|Timeout|State|GracefulExit)?Error\b",
        rb"client socket has timed out",
        rb"RuntimeError: (?:Connection reset by peer|Connection refused|Broken pipe|Socket Timeout)",
        rb"RuntimeError: (?:Stop_waiting response|Application timeout caused pair closure|Wait timeout)",
        rb"Timed out waiting .{0,40}for (?:recv|send) operation|Dist(?:Store|Network)Error",
        rb"gloo/transport\S{0,80}\] (?:Connection closed by peer|Read error|writev|Timed out"
        rb"|Connect timeout)",
        rb"[Gg]loo connectFullMesh failed|monitoredBarrier(?: in \d+ ms|, but received errors)",
        rb"store based barrier on rank|waiting for all \d+ members to join",
        rb"did not become reachable within",
    ),
    # The operating system (errno 28, 122), safetensors, torch caffe2/serialize/inline_container.cc, datasets
    # builder.py, wandb, Ray, SQLite.
    (
        "disk_full",
        rb"No space left on device|[Dd]isk quota exceeded|StorageFull|\[ERROR\] too little disk",
        rb"Error: (?:Not enough disk space|Insufficient free space|not enough space to write"
        rb"|.{0,40}\b[Dd]isk is full)",
        rb"PytorchStreamWriter failed writing .{0,100}: file write failed",
    ),
    # Python, the dynamic linker, setuptools, importlib.metadata, transformers utils/import_utils.py and
    # versions.py, bitsandbytes cextension.py, DeepSpeed op_builder, torch utils/cpp_extension.py, torchvision
    # extension.py, numpy.
    (
        "import_error",
        rb"\b(?:ImportError|ModuleNotFoundError): |: undefined symbol: ",
        rb"partially initialized module '",
        rb"Failed to import \S+ because of the following error",
        rb"CUDA Setup failed despite GPU being",
        rb"(?:No compatible|Configured) (?:CUDA|ROCm) binary",
        rb"error while loading shared libraries|version `\S+' not found",
        rb"[Ee]rror: .{0,200}(?:cannot open|Could not find/load) shared object",
        rb"^\S*python\S*: No module named ",
        rb"PackageNotFoundError: |DistributionNotFound: |VersionConflict: ",
        rb"Unable to JIT load|CUDAMismatchException|MissingCUDAException",
        rb"Ninja is required to load",
        rb"(?:Runtime|Value|Assertion)Error: .{0,120}\b(?:is not installed|must be installed)\b",
        rb"(?:Runtime|Value|Assertion)Error: .{0,120}\b[Pp]lease install\b",
        rb"operator torchvision::|load custom C\+\+ ops",
        rb"Error: .{0,120}(?:compiled with different CUDA|compiled against API version|binary incompat)",
    ),
    # datasets load.py, builder.py, data_files.py and arrow_dataset.py, LLaMA-Factory
    # src/llamafactory/data/*.py, torchvision datasets/folder.py and those that copied it, detectron2
    # data/build.py, fairseq, Megatron-LM core/datasets, axolotl, ultralytics, the bundled trainer.
    (
        "dataset_not_found",
        rb"Undefined dataset .{1,300} in dataset_info\.json",
        rb"Cannot open \S*dataset_info\.json due to|Error: File \S+ not found\.",
        rb"neither a `Dataset` directory nor|provided path is not a `Dataset",
        rb"EmptyDatasetError: ",
        rb"Data(?:set|Files)NotFoundError|Cache directory for \S{1,300} doesn't exist",
        rb"Couldn't find (?:any (?:data file|class folder)|a dataset script|cache for )",
        rb"Couldn't reach .{0,200}(?:' on the Hub|for dataset ')",
        rb"huggingface\.co.{0,60}/datasets/",
        rb"Unable to find '[^']{1,300}'(?: with any|$)",
        rb"\bDataset \S{1,200} is not cached in ",
        rb"Found (?:0|no) \w{1,10} in sub(?:folders|directories) of",
        rb"Found no valid file for",
        rb"\[ERROR\] dataset .{1,500}(?: not found in | does not exist)",
        rb"Caught FileNotFoundError in DataLoader worker|\.bin files cannot be found",
        rb"Error loading data from ",
        rb"(?:Error|Exception): .{0,40}\b[Nn]o (?:valid (?:data|examples|chunks) |images in )",
        rb"(?:Error|Exception): .{0,40}\b[Nn]o images found in (?!the batch)",
        rb"(?:Error|Exception): .{0,40}(?:[Cc]an ?not|[Cc]ould not) find (?:any )?(?:valid )?(?:samples"
        rb"|data(?:set)?)\b(?! for)",
        rb"(?:Error|Exception): .{0,60}\b[Dd]ataset\b.{0,200}(?:is empty|could not be loaded"
        rb"|is not registered!|' error )",
    ),
    # transformers utils/hub.py, modeling_utils.py and tokenization_utils_base.py, huggingface_hub errors,
    # peft config.py, DeepSpeed runtime/engine.py, Lightning, Megatron-LM, timm, the bundled trainer.
    (
        "missing_model",
        rb"couldn't connect to 'https?://|huggingface\.co.{0,40}Max retries exceeded",
        rb"Client Error: .{0,60} for url: https://huggingface\.co",
        # Rich breaks their lines.
        rb"does not appear to have (?:a(?: file named|$)|files named)|Error no file named",
        rb"cannot find the requested files in the cached path|trying to access a gated repo",
        rb"is a gated repo|is not a local folder (?:and|or) |is not a valid git identifier",
        rb"is not a valid model identifier|Incorrect path_or_model_id",
        rb"OfflineModeIsEnabled: ",
        rb"\b(?:HFValidation|GatedRepo|(?:Repository|Revision|(?:Remote|Local)?Entry)NotFound)Error: ",
        rb"IncompleteSnapshotError: |Unrecognized model in ",
        rb"Error: (?:Unknown model \(|Can't find 'adapter_config)",
        rb"\[ERROR\] model .{1,500} not found: ",
        rb"(?:Can't|Error: (?:Unable to|Cannot|Could not|can't)) (?:load|find) (?:(?:the|a|an|any|valid"
        rb"|feature|image|video|latest|ZeRO Stage \d|'latest'|'adapter_config\S*) ){0,3}(?:tokenizer"
        rb"|config\w*|processor|extractor|model|checkpoint|weights|vocabulary|adapter)\b",
        # fvcore common/checkpoint.py
        rb"AssertionError: Checkpoint .{1,300} not found!",
        rb"Error: .{0,120}\b[Nn]o (?:valid )?checkpoints? (?:file )?(?:was |were )?found\b",
        rb"(?:Error|Exception): .{0,40}\b[Cc]heckpoint .{0,300}(?:not found|not exist)",
        rb"(?:Error|Exception): .{0,200} is not a (?:distributed )?checkpoint\b",
        rb"Unable to find (?:latest|'latest') file",
        # mistral-finetune train.py and those that say it alike.
        rb"Error: .{0,80}[Ss]et `?[\w.]{0,40}model[\w.]{0,20}`? to a valid (?:folder|path)",
    ),
    # In words of all kinds.
    ("dataset_not_found", DATA_WORDS),
    ("missing_model", MODEL_WORDS),
    # The allocator of the C library by way of torch, numpy, Arrow, Python and Rust (tokenizers, safetensors),
    # bash. Of a program's processes only the kernel chooses a loader's worker to kill.
    (
        "host_out_of_memory",
        rb"DefaultCPUAllocator: (?:can't allocate|not enough) mem|MemoryError\b",
        rb"std::bad_alloc",
        rb"\[Errno 12\] Cannot|Cannot allocate memory \(12\)",
        rb"fork: Cannot allocate memory",
        rb"\bmemory allocation of \d+ bytes failed",
        rb"DataLoader worker \(pid .{1,40}\) is killed by signal: Killed",
        rb"not enough memory: you tried to allocate|insufficient shared memory \(shm\)",
        rb"workers are out of shared memory",
    ),
    # Training loops that print a number of their own, and those that stop at one: detectron2
    # engine/train_loop.py, fairseq optim/dynamic_loss_scaler.py, DeepSpeed fp16/loss_scaler.py, autograd,
    # torch nn/utils/clip_grad.py, Megatron-LM (param_and_grad_buffer.py, rerun_state_machine.py), icefall,
    # composer, OLMo, Lightning, ESPnet espnet2/train/trainer.py, TensorFlow.
    (
        "non_finite_loss",
        rb"Loss became infinite or NaN|returned nan values in its|Training has diverged",
        rb"Minimum loss scale reached|Current loss scale already at minimum",
        rb"Error: .{0,80}\b(?i:loss|outputs?|gradients?) (?:is|are) (?i:nan|inf|non-finite)",
        rb"Error: .{0,200}\b(?:found NaN in |Unexpected result (?:nan|inf)|Detected (?:nan|inf)"
        rb"|Nan in (?:a prob|summary))",
        rb"Error: grad_scale is too small|iterations in a row due to Overflow",
        rb"Error: (?!.{0,200}(?:merged weights|--)).{0,120}\b(?<!np\.)(?<!All-)"
        rb"(?:[Nn]a[Nn]s?|[Ii]nf(?:inite)?)(?:/[Ii]nf|/[Nn]a[Nn])?\b.{0,30}\b(?:detected|found|loss\b|losses|encountered|gradients|persisted)",
        rb"Error: (?!.{0,200}(?:merged weights|--)).{0,160}\b(?:[Ll]oss|[Gg]radients?|norm|wgrad"
        rb"|tensor contains)\b.{0,60}(?:\b[Nn]a[Nn]\b|\b[Ii]nf\b|non-finite|not finite|infinite)",
        rb"\[ERROR\] .{0,200}non-finite|diverged with loss = NaN",
        rb"[Ll]oss contains (?:inf|a? ?NaN)",
        rb" is not finite\. Previous best|Invalid loss, terminating",
        rb"contains NaN or Inf\. Stop|The gradients at all steps are invalid",
        NON_FINITE_STEP,
    ),
    # Programs that watch the clock themselves: Lightning and ignite, Megatron-LM training.py, fairseq,
    # litgpt, OLMo.
    (
        "time_limit",
        rb"(?i:\bstopp(?:ing|ed) .{1,80} time limit|\btime limit(?: is)? (?:reached|exceeded))",
        rb"\bReached the time limit: |\bMax time \(.{1,20}\) reached",
        rb"exiting program after [\d.]+ min",
        rb"\btimelimit reached|> stop_time_hours: ",
    ),
)
"""A class, and the expressions of it: texts that are a cause of their own."""

INDECISIVE: tuple[Texts, ...] = (
    # What srun and slurmstepd say of a step follows whatever ended one of its tasks.
    (
        "cancelled",
        rb"\*\*\* STEP \S+ (?:ON \S+ )?CANCELLED AT \S+ (?:\*\*\*|DUE to SIGNAL)",
        rb"^srun: (?:Cancelled pending step|forcing job termination|job abort in progress)",
    ),
    (
        "node_failure",
        rb"srun: error: .{0,60}[Aa]borting, .{0,40}(?:io error|test connection)",
    ),
    (
        "disk_full",
        rb"PytorchStreamWriter failed writing|inline_container\.cc:\d+\] \. unexpected",
    ),
    # Peers hang up when one of them ends.
    (
        "nccl",
        rb"NCCL WARN (?:.{0,40}Connection closed by remote peer|NET/IB ?: Got completion"
        rb"|Bootstrap : no socket)",
        rb"NCCL WARN (?:.{0,60}Connect to \S+ failed|Duplicate GPU detected|Message truncated)",
    ),
    # A bare signal 9 is nearly always the node's memory; torchrun, torch multiprocessing/spawn.py, DeepSpeed
    # launcher/launch.py, bash, srun, subprocess.
    (
        "host_out_of_memory",
        rb"exitcode ?: -9\b|Signal 9 \(SIGKILL\)|died with <Signals\.SIGKILL",
        rb"terminated with signal SIGKILL|exits with return code = -9\b",
        rb"line \d+: +\d+ Killed\b|srun: error: .{0,200}: Killed$|^Killed$",
    ),
    # torchrun's agent tells by which signal it was ended: a hang-up or an interrupt.
    (
        "cancelled",
        rb"KeyboardInterrupt|SignalException: Process \d+ got signal: [12]\b|^Ctrl-C received",
        rb"\bJob \S+ \(task: \d+\) was cancelled|TaskCancelledError: ",
        rb"Run canceled from all ranks|line \d+: +\d+ (?:Terminated|Hangup)\b|^(?:Terminated|Hangup)$",
    ),
    # srun src/srun/launch.c, src/api/step_launch.c, slurmstepd task.c: an end, without its reason.
    (
        "unknown",
        rb"srun: error: \S{1,200}: tasks? \S{1,200} (?:Exited|Segmentation|Aborted|Bus error)",
        rb"srun: error: Task launch for \S+ failed|slurmstepd: error: execve\(\): ",
        # torchrun
        rb"\bfailed \(exitcode: -?[1-9]",
        # bash, libstdc++, Python's faulthandler, Open MPI, c10, argparse, sh
        rb"\b(?:Segmentation fault|Bus error|Aborted) *\(core dumped\)|^Segmentation fault",
        rb"Fatal Python error: |^terminate called after throwing|\*\*\* Process received signal|CUDA error: ",
        rb"error: (?:unrecognized arguments|the following arguments are required|argument )",
        rb": command not found$|sh: \d+: .{1,80}: not found$",
        rb"^(?:\S+ )*\[ERROR\] |(?:^|[\s:\]])(?:\w+\.)*(?:[A-Z]\w*)?(?:Error|Exception): ",
    ),
)
"""The same of texts that may only follow from another cause."""
