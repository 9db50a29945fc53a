"""The runs as CSV: one row a run, full precision, one column a number."""

from __future__ import annotations

import csv
from io import StringIO

from lrdash.report.document import Report, RunProvenance
from lrdash.results.comparison import Estimate, GroupComparison, RunSummary

Cell = str | int | float | bool | None

PLAIN = (
    "precision", "recall", "macro_f1", "balanced_accuracy", "mcc", "auroc", "log_loss", "brier", "ece",
    "majority", "collapsed",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(report: Report) -> str:
    provenance = {one.run: one for one in report.provenance}
    rows = [
        _row(report, group, run, provenance.get(run.run))
        for group in report.comparison.groups
        for run in group.runs
    ]
    file = StringIO()
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["run"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _row(
    report: Report, group: GroupComparison, run: RunSummary, provenance: RunProvenance | None
) -> dict[str, Cell]:
    """Differences are from the group's baseline."""
    pair = group.between(run.run, group.baseline) if group.baseline else None
    cells: dict[str, Cell] = {
        "sweep": report.comparison.sweep,
        "group": group.group,
        "index": run.index,
        "run": run.run,
        "learning_rate": run.learning_rate,
        "cls_backbone_learning_rate": run.cls_backbone_learning_rate,
        "seed": run.seed,
        "epoch": run.epoch,
        "n": run.n,
        **_estimate("accuracy", run.accuracy),
        **_estimate("f1", run.f1),
        **{name: getattr(run, name) for name in PLAIN},
        **_estimate("accuracy_difference", pair.accuracy if pair else None),
        "only_run_right": pair.only_run if pair else None,
        "only_baseline_right": pair.only_other if pair else None,
        "mcnemar_p": pair.p if pair else None,
        "holm_p": pair.p_holm if pair else None,
        **_provenance(report, provenance),
    }
    return {name: _safe(cell) for name, cell in cells.items()}


def _provenance(report: Report, one: RunProvenance | None) -> dict[str, Cell]:
    """One column a check; the same columns in every row."""
    verdicts = {check.name: check.verdict for check in one.checks} if one else {}
    names = dict.fromkeys(check.name for other in report.provenance for check in other.checks)
    return {
        "state": one.state if one else None,
        "diagnosis": one.diagnosis.failure if one and one.diagnosis else None,
        "job": one.job if one else None,
        "restart": one.restart if one else None,
        "args_hash": one.args_hash if one else None,
        "git_commit": one.git_commit if one else None,
        "source": one.source if one else None,
        "written": one.modified if one else None,
        "taken_at": report.taken_at,
        **{f"check_{name}": verdicts.get(name) for name in names},
    }


def _estimate(name: str, one: Estimate | None) -> dict[str, Cell]:
    return {
        name: one.value if one else None,
        f"{name}_low": one.low if one else None,
        f"{name}_high": one.high if one else None,
    }


def _safe(cell: Cell) -> Cell:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
