"""Text rows: docstrings of the concurrency and of the data-type modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from trainer.demo.library import Module, definitions

_CONCURRENCY = (
    "asyncio multiprocessing threading concurrent queue subprocess sched selectors contextvars"
    " _threading_local asyncore asynchat signal"
)
_DATA = (
    "_pydecimal fractions statistics datetime random collections _collections_abc heapq bisect calendar"
    " numbers decimal enum copy operator functools weakref _weakrefset string textwrap difflib colorsys"
    " reprlib dataclasses types array struct zoneinfo json csv configparser plistlib tomllib"
)
_LABELS = dict.fromkeys(_CONCURRENCY.split(), "concurrency") | dict.fromkeys(_DATA.split(), "data")
_SHORTEST, _LONGEST = 40, 600  # characters


def docstring_rows(module: Module) -> Iterator[dict[str, Any]]:
    """The docstrings of a module that belongs to one of the classes."""
    label = _LABELS.get(module.package)
    for name, kind, text in _docstrings(module) if label else ():
        if _SHORTEST <= len(text) <= _LONGEST:
            yield {"text": text, "label": label, "module": module.name, "name": name, "kind": kind}


def _docstrings(module: Module) -> Iterator[tuple[str, str, str]]:
    if text := ast.get_docstring(module.tree):
        yield "", "module", " ".join(text.split())
    for name, node in definitions(module):
        if text := ast.get_docstring(node):
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            yield name, kind, " ".join(text.split())
