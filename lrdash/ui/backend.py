"""What the screen asks about a sweep besides snapshots. Every method blocks: for thread workers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lrdash.errors import UnsupportedError
from lrdash.scheduler.base import Scheduler
from lrdash.sweep import paths
from lrdash.sweep.spec import Run, Scalar, Sweep
from lrdash.ui.results import CURVE, Results

if TYPE_CHECKING:
    from pathlib import Path

    from lrdash.control.actions import ActionName, ActionPlan
    from lrdash.control.preflight import Finding
    from lrdash.control.submission import Outcome, SubmissionPlan
    from lrdash.results.candidates import Candidate
    from lrdash.results.steps import StepReader, StepSeries


@dataclass(frozen=True)
class Wish:
    """A submission that was asked for."""

    runs: tuple[Run, ...]
    overrides: Mapping[str, Scalar] = field(default_factory=dict)
    fresh: bool = False
    options: tuple[str, ...] = ()
    """For sbatch."""


class Backend(Results):
    """One sweep and its scheduler; modules are imported when they are first needed."""

    def __init__(self, sweep: Sweep, scheduler: Scheduler | None) -> None:
        self.sweep, self.name = sweep, sweep.name
        self.scheduler = scheduler
        self._step_readers: dict[str, StepReader] = {}

    # Results

    def read_steps(self, keys: Collection[str]) -> dict[str, StepSeries]:
        """The training curves of some runs, read on from where the last call ended."""
        from lrdash.results.steps import StepReader

        series = {}
        for key, path in self.curve_files().items():
            if key in keys:
                reader = self._step_readers.get(key)
                if reader is None:
                    reader = self._step_readers[key] = StepReader(path)
                series[key] = reader.read()
        return series

    def curve_files(self) -> dict[str, Path]:
        return {run.key: paths.results_dir(self.sweep, run) / CURVE for run in self.sweep.runs}

    def candidates(self) -> tuple[Candidate, ...]:
        from lrdash.results.candidates import prediction_store, sweep_candidates
        from lrdash.results.history import ResultsReader

        return sweep_candidates(self.sweep, ResultsReader(), prediction_store())

    def run_names(self) -> dict[str, str]:
        return {run.key: run.name for run in self.sweep.runs}

    # Control

    def runs(self, keys: Iterable[str]) -> tuple[Run, ...]:
        """Runs by key, in the order of the sweep."""
        wanted = set(keys)
        return tuple(run for run in self.sweep.runs if run.key in wanted)

    def plan_submission(self, wish: Wish) -> tuple[SubmissionPlan, tuple[Finding, ...]]:
        """What would be submitted, and what stands in its way."""
        from lrdash.control.preflight import preflight
        from lrdash.control.submission import plan_submission

        scheduler = self._the_scheduler()
        plan = plan_submission(
            self.sweep,
            scheduler,
            wish.runs,
            overrides=wish.overrides,
            fresh=wish.fresh,
            options=wish.options,
        )
        return plan, preflight(plan.sweep, scheduler, plan.jobs)

    def submit_command(self, plan: SubmissionPlan) -> list[tuple[str, ...]]:
        return [self._the_scheduler().submit_command(job) for job in plan.jobs]

    def submit(self, plan: SubmissionPlan) -> list[Outcome]:
        from lrdash.control.submission import carry_out

        return list(carry_out(plan, self._the_scheduler()))

    def plan_action(self, name: ActionName, runs: Collection[Run], seconds: int | None = None) -> ActionPlan:
        from lrdash.control.actions import plan_action

        return plan_action(self.sweep, self._the_scheduler(), name, runs, seconds)

    def carry_out(self, plan: ActionPlan) -> None:
        from lrdash.control.actions import carry_out_action

        carry_out_action(plan, self._the_scheduler())

    def _the_scheduler(self) -> Scheduler:
        if self.scheduler is None:
            raise UnsupportedError(
                "no Slurm on this machine; start with --scheduler local to run the sweep here"
            )
        return self.scheduler
