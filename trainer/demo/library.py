"""The installed Python's standard library, parsed."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LEFT_OUT = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "__pycache__"}
)
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    name: str
    """Dotted, `asyncio.queues`."""
    path: str
    """Relative to the library's folder."""
    source: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


def modules() -> Iterator[Module]:
    """Every module that can be parsed, by path; one tree at a time, for many slow Python's collector down."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        if not _LEFT_OUT & set(path.relative_to(root).parts) and (module := _parse(root, path)) is not None:
            yield module


def _parse(root: Path, path: Path) -> Module | None:
    relative = path.relative_to(root)
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return None
    parts = relative.with_suffix("").parts
    return Module(".".join(part for part in parts if part != "__init__"), relative.as_posix(), source, tree)


def definitions(module: Module) -> Iterator[tuple[str, Definition]]:
    """Classes, functions and methods with their qualified names, in the order of the source."""

    def inside(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Definition):
                yield prefix + child.name, child
                yield from inside(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.If | ast.Try):
                yield from inside(child, prefix)

    yield from inside(module.tree, "")
