"""One run in full: every metric, recomputed beside reported; its epochs; its predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from lrdash.report.cells import DASH, Table, clean, estimate
from lrdash.report.table import PLAIN_WIDTH, rich_table
from lrdash.results.browse import Browser
from lrdash.results.comparison import RunSummary
from lrdash.results.documents import RunResults
from lrdash.results.values import Row
from lrdash.results.wording import fraction

METRICS = (
    ("accuracy", "accuracy"), ("f1", "f1"), ("precision", "precision"), ("recall", "recall"),
    ("macro-F1", "f1_macro"), ("balanced accuracy", "balanced_accuracy"), ("MCC", "mcc"), ("AUROC", "auroc"),
    ("log-loss", "log_loss"), ("Brier", "brier"), ("ECE", "ece"), ("majority class", "majority"),
)  # fmt: skip
"""As it is called, and its key in predict_results.json without `predict_`."""
_FIELDS = {"f1_macro": "macro_f1"}
EPOCH_COLUMNS = {
    "epoch": "epoch", "step": "step", "loss": "loss", "eval_loss": "eval loss", "eval_accuracy": "accuracy",
    "eval_f1": "F1", "learning_rate": "rate", "cls_backbone_learning_rate": "backbone",
    "epoch_runtime": "seconds",
}  # fmt: skip
TEXT_WIDTH = 48


def print_run(run: RunSummary, results: RunResults, file: TextIO) -> None:
    """Everything that is known about one run's worth."""
    console = Console(file=file, highlight=False, width=None if file.isatty() else PLAIN_WIDTH)
    console.print(Text(f"{clean(run.run)} · {clean(run.label)}", style="bold"))
    for table in run_tables(run, results):
        console.print(rich_table(table))
    for note in run.notes:
        console.print(Text(f"! {clean(note)}", style="yellow"))


def run_tables(run: RunSummary, results: RunResults) -> Iterator[Table]:
    yield metrics_table(run, results)
    if run.confusion:
        names = tuple(clean(name) for name in run.labels)
        rows = [(names[at], *map(str, row)) for at, row in enumerate(run.confusion)]
        yield Table("Confusion: rows are the truth", ("", *names), tuple(rows))
    if run.epochs:
        yield epochs_table(run.epochs)


def metrics_table(run: RunSummary, results: RunResults) -> Table:
    """Recomputed from the predictions beside what predict_results.json says."""
    reported = {key.removeprefix("predict_"): value for key, value in (results.predict or {}).items()}
    rows = [(name, _value(run, key), fraction(reported.get(key), 4)) for name, key in METRICS]
    known = {key for _, key in METRICS}
    rows += [(clean(key), DASH, _plain(value)) for key, value in reported.items() if key not in known]
    epoch = "" if run.epoch is None else f" · epoch {run.epoch:g}"
    title = f"{run.n or 0:,} test rows{epoch} · from {run.source or 'nothing yet'}"
    return Table(title, ("metric", "value (95 % interval)", "predict_results.json"), tuple(rows))


def epochs_table(epochs: Sequence[Row]) -> Table:
    """The usual columns, those that the run has."""
    keys = [key for key in EPOCH_COLUMNS if any(row.get(key) is not None for row in epochs)]
    rows = [tuple(_plain(row.get(key)) for key in keys) for row in epochs]
    return Table("Epochs", tuple(EPOCH_COLUMNS[key] for key in keys), tuple(rows))


def prediction_lines(browser: Browser, rows: Sequence[int], title: str) -> Iterator[str]:
    """Rows with what one run said about each, and the beginning of their longest text.

    Lines are made as they are read: a table that is measured first takes a minute for 100,000 rows.
    """
    yield title
    yield ""
    heads = ("row", "truth", "said", "confidence")
    labels = max((cell_len(clean(label)) for label in browser.labels), default=0)
    widths = (
        max([len(heads[0]), *(cell_len(clean(browser.key(at))) for at in rows)]),
        max(len(heads[1]), labels),
        max(len(heads[2]), labels + 2),
    )
    yield _padded(heads, widths) + "  text"
    yield "─" * (sum(widths) + len(heads[3]) + 8 + TEXT_WIDTH)
    for at in rows:
        row = browser.row(at)
        said = row.said[0]
        cells = (clean(row.key), clean(row.truth), clean(said.label) + ("" if said.right else " ✗"))
        yield f"{_padded((*cells, fraction(said.confidence)), widths)}  {_longest_text(row.columns)}"


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Texts to the left, the confidence, which is last, to the right."""
    texts = [set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*texts, f"{cells[-1]:>10}"])


def _longest_text(columns: Any) -> str:
    texts = [value for value in columns.values() if isinstance(value, str)]
    text = " ".join(max(texts, key=len, default="").split())
    return clean(text[: TEXT_WIDTH - 1] + "…" if len(text) > TEXT_WIDTH else text)


def _value(run: RunSummary, key: str) -> str:
    value = getattr(run, _FIELDS.get(key, key), None)
    if value is None or isinstance(value, float):
        return fraction(value, 4)
    return estimate(value, 4)


def _plain(value: float | None) -> str:
    return DASH if value is None else f"{value:.5g}"
