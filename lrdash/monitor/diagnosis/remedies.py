"""What to do about a failure: the experiment's own advice with this run's numbers, and the command for it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from difflib import get_close_matches
from math import ceil
from textwrap import shorten
from typing import NamedTuple

from lrdash.monitor.evidence import RunEvidence
from lrdash.monitor.forecast import Outlook, outlook
from lrdash.monitor.snapshot import Evidence, FailureClass
from lrdash.results.values import number
from lrdash.sweep.load import format_scalar
from lrdash.sweep.paths import dataset_dir
from lrdash.sweep.spec import Scalar

AGAIN = "submit it again: it goes on from its last checkpoint"
_LISTED = 5
_OWN_ERROR = "[ERROR] "
_SAID = 200
_MEMORY = re.compile(r"(\d+)([KMGT]?)B?", re.IGNORECASE)


class Remedy(NamedTuple):
    text: str
    command: str | None = None


def remedy_for(failure: FailureClass, evidence: RunEvidence) -> Remedy:
    """The remedy of a class; without a sweep there is no command, for nothing can be submitted."""
    remedy = _REMEDIES[failure](evidence)
    return remedy if evidence.run else Remedy(remedy.text)


def _submit(evidence: RunEvidence, changes: dict[str, Scalar] | None = None, option: str = "") -> str:
    """`lrdash submit` for this run alone; changes made by an earlier --set are kept."""
    run = evidence.run
    if run is None:
        return ""
    words = ["lrdash", "submit", "--group", run.group, "--index", str(run.index)]
    for key, value in {**evidence.overrides, **(changes or {})}.items():
        words += ["--set", f"{key}={format_scalar(value)}"]
    return shlex.join(words) + (f" -- {option}" if option else "")


def _cuda_out_of_memory(evidence: RunEvidence) -> Remedy:
    """Halve the micro-batch and double the accumulation: the effective batch stays what it is."""
    per_device = round(number(evidence.args.get("per_device_train_batch_size")) or 8)
    steps = round(number(evidence.args.get("gradient_accumulation_steps")) or 1)
    if per_device < 2:
        shorter = max(256, round((number(evidence.args.get("cutoff_len")) or 2048) / 2))
        text = f"one row at a time is too much already: cut inputs at {shorter} tokens (cutoff_len)"
        return Remedy(text, _submit(evidence, {"cutoff_len": shorter}))
    smaller = per_device // 2 if per_device % 2 == 0 else 1
    more = steps * (per_device // smaller)
    text = (
        f"reduce per_device_train_batch_size from {per_device} to {smaller} and raise"
        f" gradient_accumulation_steps from {steps} to {more}: the effective batch stays the same"
    )
    changes: dict[str, Scalar] = {"per_device_train_batch_size": smaller, "gradient_accumulation_steps": more}
    return Remedy(text, _submit(evidence, changes))


def _host_out_of_memory(evidence: RunEvidence) -> Remedy:
    asked = evidence.script.options.get("mem", "") if evidence.script else ""
    match = _MEMORY.fullmatch(asked)
    if not match:
        return Remedy("the node's memory was full: ask for more with --mem", _submit(evidence))
    more = f"--mem={ceil(int(match[1]) * 1.5)}{match[2].upper()}"
    return Remedy(
        f"the node's memory was full: ask for more than {asked}, say {more}", _submit(evidence, option=more)
    )


def _time_limit(evidence: RunEvidence) -> Remedy:
    """More time, as the forecast has it, or the epochs that fit."""
    ahead = outlook(evidence)
    if ahead is None or ahead.needed_seconds is None:
        text = f"the time limit was reached: raise --time, or {AGAIN}"
        return Remedy(text, _submit(evidence))
    time = f"--time={_clock(ahead.needed_seconds)}"
    whole = "from where this attempt began, the run" if evidence.is_resumed else "the whole run"
    text = f"{whole} needs about {time}{_epochs_that_fit(ahead)}"
    return Remedy(text, _submit(evidence, option=time))


def _epochs_that_fit(ahead: Outlook) -> str:
    fits = ahead.epochs_that_fit
    return f"; or set num_train_epochs={fits}, which fits" if fits else ""


def _clock(seconds: float) -> str:
    """Slurm's --time, rounded up to ten minutes."""
    minutes = ceil(seconds / 600) * 10
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"


def _port_in_use(evidence: RunEvidence) -> Remedy:
    identity = evidence.facts.identity
    port = f"port {identity.port}" if identity else "its port"
    text = f"another process held {port}; submitted again, launch takes the next free one"
    return Remedy(text, _submit(evidence))


def _nccl(evidence: RunEvidence) -> Remedy:
    text = f"one rank waited in vain for another: the first complaint of all ranks tells why; {AGAIN}"
    return Remedy(text, _submit(evidence))


def _preempted(evidence: RunEvidence) -> Remedy:
    return Remedy(
        f"a job of higher priority took the node: if Slurm does not requeue it, {AGAIN}", _submit(evidence)
    )


def _node_failure(evidence: RunEvidence) -> Remedy:
    nodes = evidence.task.nodes if evidence.task else None
    if not nodes or not re.fullmatch(r"[\w.,\[\]-]+", nodes):
        return Remedy(f"the node failed: {AGAIN}", _submit(evidence))
    text = f"the node failed: {AGAIN}, on another node than {nodes}"
    return Remedy(text, _submit(evidence, option=shlex.quote(f"--exclude={nodes}")))


def _disk_full(evidence: RunEvidence) -> Remedy:
    text = "the disk or the quota is full: clean lists old checkpoints and optimizer states of finished runs"
    finished = evidence.sweep.runs if evidence.sweep else ()
    return Remedy(text, shlex.join(["lrdash", "clean", *(run.key for run in finished)]))


def _non_finite_loss(evidence: RunEvidence) -> Remedy:
    rows = [row.step for stream in evidence.facts.streams for row in stream.steps if row.loss is None]
    since = f" since step {rows[0]}" if rows and rows[0] is not None else ""
    text = f"the loss is no number{since}: longer warmup_steps may help, a lower rate will"
    return Remedy(
        text, f"lrdash cancel {evidence.run.key}" if evidence.run and _is_running(evidence) else None
    )


def _import_error(evidence: RunEvidence) -> Remedy:
    text = "the job's Python environment lacks this or has another version: preflight names the one jobs get"
    return Remedy(text, "lrdash preflight")


def _missing_model(evidence: RunEvidence) -> Remedy:
    name = evidence.args.get("model_name_or_path") or "the model"
    text = (
        f"{name} is neither a folder nor in the cache of the compute node, which is offline:"
        f" fetch it on a login node with `hf download {name}`, or name a folder"
    )
    return Remedy(text, "lrdash preflight")


def _dataset_not_found(evidence: RunEvidence) -> Remedy:
    """Which data sets are there, those with similar names first."""
    if evidence.sweep is None or evidence.run is None:
        return Remedy("the data set was not found")
    folder = dataset_dir(evidence.sweep, evidence.run)
    try:
        there = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        return Remedy(f"dataset_dir {folder}: {error.strerror}", "lrdash preflight")
    asked = [str(evidence.args.get(key) or "") for key in ("dataset", "eval_dataset")]
    missing = [name for name in asked if name and name not in there]
    if any(asked) and not missing:
        names = " and ".join(filter(None, asked))
        return Remedy(
            f"the data were not found then; in {folder} now: {names}; submit it again", _submit(evidence)
        )
    similar = [match for name in missing for match in get_close_matches(name, there, 2, 0.5)]
    listed = list(dict.fromkeys([*similar, *there]))
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    names = ", ".join(listed[:_LISTED]) + more if listed else "nothing"
    return Remedy(
        f"not in {folder}: {', '.join(missing) or 'the data set'}; there are: {names}", "lrdash preflight"
    )


def _cancelled(evidence: RunEvidence) -> Remedy:
    return Remedy(f"it was cancelled: to finish it, {AGAIN}", _submit(evidence))


def _silent(evidence: RunEvidence) -> Remedy:
    key = evidence.run.key if evidence.run else ""
    text = "it runs, but says nothing, which a working trainer does every minute: requeue it, it resumes"
    return Remedy(text, f"lrdash requeue {key}")


def _vanished(evidence: RunEvidence) -> Remedy:
    reason = evidence.task.reason if evidence.task else None
    if reason and not reason.startswith("left the queue"):  # nobody could be asked, or it can be said more
        return Remedy(reason, None)
    return Remedy(f"it left the queue without a word and nobody accounts for it: {AGAIN}", _submit(evidence))


def unknown_remedy(told: Evidence, evidence: RunEvidence) -> Remedy:
    """What the program said at last: the bundled trainer names the way out, of others nothing is known."""
    command = f"lrdash logs {evidence.run.key} --err" if evidence.run else None
    said = told.text.rstrip().rpartition("\n")[2].strip()
    if said.startswith(_OWN_ERROR):
        return Remedy(said.removeprefix(_OWN_ERROR), command)
    is_of_log = told.file is not None
    return Remedy(
        shorten(said, _SAID) + (": not a cause that is known here, read the log" if is_of_log else ""),
        command,
    )


def _unknown(evidence: RunEvidence) -> Remedy:
    return unknown_remedy(Evidence(), evidence)


def killed_remedy(evidence: RunEvidence) -> Remedy:
    """Of a signal 9 from nobody knows where."""
    text = f"somebody killed it, or the node's memory was full: {AGAIN}; if it comes back, ask for more --mem"
    return Remedy(text, _submit(evidence) or None)


def refused_remedy(told: str, evidence: RunEvidence) -> Remedy:
    """What launch says itself, which names the way out."""
    return Remedy(f"{told.removeprefix('lrdash: ')}; then submit it again", _submit(evidence) or None)


def _launch_refused(evidence: RunEvidence) -> Remedy:
    return refused_remedy("it did not start: read its first lines", evidence)


def _is_running(evidence: RunEvidence) -> bool:
    return evidence.task is not None and not evidence.task.is_finished


_REMEDIES: dict[FailureClass, Callable[[RunEvidence], Remedy]] = {
    "dataset_not_found": _dataset_not_found,
    "cuda_out_of_memory": _cuda_out_of_memory,
    "host_out_of_memory": _host_out_of_memory,
    "time_limit": _time_limit,
    "port_in_use": _port_in_use,
    "nccl": _nccl,
    "preempted": _preempted,
    "node_failure": _node_failure,
    "disk_full": _disk_full,
    "non_finite_loss": _non_finite_loss,
    "import_error": _import_error,
    "launch_refused": _launch_refused,
    "missing_model": _missing_model,
    "cancelled": _cancelled,
    "silent": _silent,
    "vanished": _vanished,
    "unknown": _unknown,
}
