"""A report in every format, by name."""

from __future__ import annotations

import msgspec

from lrdash.report.document import Report
from lrdash.report.table import table_text


def render(report: Report, name: str) -> str:
    """The report as text; `name` is one of the formats of `lrdash results --format`."""
    return _RENDERERS[name](report)


def as_json(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


_RENDERERS = {"table": table_text, "json": as_json}
