"""Would the bundled trainer take these arguments? It is asked itself, as the job's environment has it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lrdash.control.preflight.findings import Finding
from lrdash.errors import SchedulerError
from lrdash.launch.command import run_flags
from lrdash.scheduler.programs import Finished, Programs
from lrdash.sweep.spec import Run, Sweep

_SECONDS = 60
_FRESH = "--overwrite_output_dir"


def check_arguments(
    sweep: Sweep, runs: Sequence[Run], environment: Mapping[str, str], *, is_fresh: bool
) -> Iterator[Finding]:
    """Misspelt and impossible arguments, and checkpoints of other ones that a run would go on from."""
    trained_here = [run for run in runs if not sweep.group(run.group).program]
    if not trained_here:
        return
    questions = [_question(sweep, run, is_fresh) for run in trained_here]
    answers = _ask(sweep, questions, environment)
    if isinstance(answers, str):
        yield Finding("warning", "arguments", f"{answers}; the trainer's arguments were not checked")
        return
    refused: dict[str, list[str]] = {}
    for run, problem in zip(trained_here, answers, strict=True):
        if problem:
            refused.setdefault(problem, []).append(run.key)
    if not refused:
        yield Finding(
            "ok", "arguments", f"the trainer takes those of {', '.join(run.key for run in trained_here)}"
        )
    for problem, keys in refused.items():
        way_out = " (lrdash submit --fresh)" if _FRESH in problem else ""
        yield Finding("error", "arguments", f"{', '.join(keys)} in {sweep.file}: {problem}{way_out}")


def _question(sweep: Sweep, run: Run, is_fresh: bool) -> str:
    words = [*run_flags(sweep, run), *([_FRESH] if is_fresh else [])]
    return json.dumps({"words": words, "processes": sweep.group(run.group).processes})


def _ask(sweep: Sweep, questions: Sequence[str], environment: Mapping[str, str]) -> list[str | None] | str:
    """The trainer's answers, or why it gave none."""
    venv = environment.get("LRDASH_VENV")
    python = str(Path(venv, "bin", "python")) if venv else sys.executable
    programs = Programs({**environment, "PYTHONSAFEPATH": "1"})
    try:
        said = programs.run(python, "-m", "trainer.check", *questions, timeout=_SECONDS, cwd=sweep.root)
    except SchedulerError as error:
        return str(error)
    return _answers(said, len(questions))


def _answers(said: Finished, count: int) -> list[str | None] | str:
    lines = said.out.splitlines()
    if said.exit_status or len(lines) != count:
        return said.err.strip().rpartition("\n")[2] or f"{said.program} -m trainer.check gave no answer"
    return [json.loads(line) for line in lines]
