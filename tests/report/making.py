"""A report of the made-up sweep."""

from __future__ import annotations

from pathlib import Path

from lrdash.report.document import Report, make_report
from lrdash.results.candidates import sweep_candidates
from lrdash.results.compare import compare
from lrdash.results.history import ResultsReader
from lrdash.results.predictions import PredictionStore
from lrdash.sweep.load import load_sweep


def report_of(sweep_file: Path) -> Report:
    candidates = sweep_candidates(load_sweep(sweep_file), ResultsReader(), PredictionStore())
    return make_report(compare(candidates, sweep="demo"), candidates)
