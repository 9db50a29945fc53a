"""The rules of docs/architecture.md that no linter keeps: sizes, circles of imports; the moving picture."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from tests.conftest import ROOT
from tests.docs.sizes import DOCUMENT, END, START, pieces, written
from tests.docs.tour import STOPS, TOUR, tour

LONGEST = {"module": 400, "function": 40, "class": 300}
PACKAGES = ("lrdash", "trainer")


def test_no_part_grows_too_large() -> None:
    found = [piece for package in PACKAGES for piece in pieces(ROOT / package)]
    assert len(found) > 1000
    assert not [piece for piece in found if piece.lines > LONGEST[piece.kind]]


def test_the_table_of_sizes_can_be_written() -> None:
    document = DOCUMENT.read_text()
    assert START in document
    assert END in document
    again = written(document)
    assert written(again) == again
    assert again.partition(START)[0] == document.partition(START)[0]


def test_no_modules_import_each_other() -> None:
    """Not even inside a function; only for type checking."""
    modules = dict(named_modules())
    graph = {name: imports_of(path, modules) - {name} for name, path in modules.items()}
    assert sum(map(len, graph.values())) > 500
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_the_moving_picture_moves() -> None:
    """Of all its stills, and without a script or anything from outside: GitHub shows no other."""
    picture = tour()
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture.count('class="stop"') == len(STOPS)
    assert "<script" not in picture
    assert re.findall(r"url\((?!#)", picture) == []
    assert TOUR.exists()


def named_modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(path: Path, modules: Mapping[str, Path]) -> set[str]:
    found = set()
    for node in at_run_time(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in modules else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(modules)


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from at_run_time(child)
