"""A report in every format, by name."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lrdash.report.csv_rows import render_csv
from lrdash.report.document import Report
from lrdash.report.html import render_html
from lrdash.report.latex import render_latex
from lrdash.report.markdown import render_markdown
from lrdash.report.table import table_text


def render(report: Report, name: str) -> str:
    """The report as text; `name` is one of the formats of `lrdash results --format`."""
    return _RENDERERS[name](report).translate(_ESCAPED if name == "json" else _SHOWN)


def as_json(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


# Names of classes come from data sets: whatever a terminal would obey is shown instead.
_CONTROLS = {*range(32), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}
_SHOWN = dict.fromkeys(_CONTROLS, "\N{REPLACEMENT CHARACTER}")
_ESCAPED = {code: f"\\u{code:04x}" for code in _CONTROLS}

_RENDERERS: dict[str, Callable[[Report], str]] = {
    "table": table_text,
    "md": render_markdown,
    "csv": render_csv,
    "json": as_json,
    "latex": render_latex,
    "html": render_html,
}
