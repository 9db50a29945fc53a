"""Does the .sbatch file ask for what sweep.yaml says? Also for those who submit it by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lrdash.control.preflight.findings import Finding, Level
from lrdash.errors import ConfigError
from lrdash.scheduler.base import Submission
from lrdash.scheduler.environment import FRESH, OVERRIDES
from lrdash.sweep.paths import logs_dir
from lrdash.sweep.script import BatchScript, parse_options, read_script
from lrdash.sweep.spec import Group, Sweep

# Environment variables of sbatch that win over #SBATCH lines and change what a run gets (sbatch(1)).
_OVERRIDING = {
    "SBATCH_GRES": "--gres", "SBATCH_TIMELIMIT": "--time", "SBATCH_PARTITION": "--partition",
    "SBATCH_OUTPUT": "--output", "SBATCH_ERROR": "--error", "SBATCH_EXPORT": "--export",
    "SBATCH_NO_REQUEUE": "--no-requeue", "SBATCH_OPEN_MODE": "--open-mode", "SBATCH_SIGNAL": "--signal",
    "SBATCH_ACCOUNT": "--account", "SBATCH_QOS": "--qos", "SBATCH_MEM_PER_NODE": "--mem",
}  # fmt: skip
_LAUNCH = re.compile(r"lrdash\s+launch\b.*--group[ =](\S+)")


def check_script(
    sweep: Sweep, group: Group, environment: Mapping[str, str], *, on_slurm: bool
) -> Iterator[Finding]:
    subject = f"script {group.name}"
    try:
        script = read_script(group.script)
    except ConfigError as error:
        yield Finding("error", subject, str(error))
        return
    problems = list(_problems(sweep, group, script))
    if on_slurm:
        problems += _about_gpus(sweep, group, script)
    yield from (Finding(level, subject, f"{script.path}: {text}") for level, text in problems)
    if not problems:
        yield Finding("ok", subject, f"{script.path} asks for what {sweep.file.name} says")
    for variable, option in _OVERRIDING.items():
        if on_slurm and (value := environment.get(variable)):
            yield Finding("note", subject, f"{variable}={value} in your environment wins over {option}")


def check_export(submission: Submission, environment: Mapping[str, str]) -> Iterator[Finding]:
    """--set and --fresh reach a job through its environment, which --export can keep from it."""
    try:
        options = {**read_script(submission.script).options, **parse_options(submission.options)}
    except ConfigError:
        return
    export = options.get("export") or environment.get("SBATCH_EXPORT") or "ALL"
    if export.split(",")[0] != "ALL" and {OVERRIDES, FRESH} & set(submission.environment):
        text = f"--export={export} keeps --set and --fresh from the job; leave it out, or edit sweep.yaml"
        yield Finding("error", f"script {submission.group}", text)


def _problems(sweep: Sweep, group: Group, script: BatchScript) -> Iterator[tuple[Level, str]]:
    runs, options = len(group.runs), script.options
    expected = f"0-{runs - 1}" if runs > 1 else "0"
    if script.array != tuple(range(runs)):
        asked = options.get("array") or "nothing"
        yield (
            "error",
            f"--array asks for {asked}, group {group.name} has {runs} runs; write --array={expected}",
        )
    if options.get("job-name") != sweep.job_name(group.name):
        named = options.get("job-name", "nothing")
        yield (
            "error",
            f"--job-name is {named}; write --job-name={sweep.job_name(group.name)}, "
            f"by which a job that is submitted by hand is recognised",
        )
    if "wait" in options:
        yield "error", "--wait keeps sbatch from answering; take it out: `lrdash wait` waits"
    yield from _about_logs(sweep, options)
    yield from _about_the_command(group, script)


def _about_gpus(sweep: Sweep, group: Group, script: BatchScript) -> Iterator[tuple[Level, str]]:
    if script.gpus is None and sweep.require_gpu:
        yield "error", f"asks for no GPU, the sweep requires one; add --gres=gpu:{group.processes}"
    elif script.gpus is not None and script.gpus != group.processes:
        yield (
            "error",
            f"--gres asks for {script.gpus} GPUs, group {group.name} in {sweep.file.name} has processes: "
            f"{group.processes}; make them equal",
        )


def _about_logs(sweep: Sweep, options: Mapping[str, str]) -> Iterator[tuple[Level, str]]:
    logs = logs_dir(sweep)
    for option, ending in (("output", "out"), ("error", "err")):
        wanted = f"{logs.relative_to(sweep.root)}/%A_%a.{ending}"
        if options.get(option) not in (wanted, f"{logs}/%A_%a.{ending}"):
            yield "warning", f"--{option} is {options.get(option, 'not set')}; write --{option}={wanted}"
    if options.get("open-mode") != "append":
        yield "warning", "without --open-mode=append a requeued task loses its log"
    if "no-requeue" in options or "requeue" not in options:
        yield "note", "without --requeue a task does not go on after its time limit or a preemption"


def _about_the_command(group: Group, script: BatchScript) -> Iterator[tuple[Level, str]]:
    launched = _LAUNCH.findall(script.text)
    if not launched:
        yield "error", f"never runs `lrdash launch`; end it with exec lrdash launch ... --group {group.name}"
    elif launched != [group.name]:
        yield "error", f"launches group {', '.join(launched)}; write --group {group.name}"
