"""How large the parts of the house are, beside the codebases that it takes as its models.

`python -m tests.docs.sizes` writes the table into docs/architecture.md and prints it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "architecture.md"
START, END = "<!-- sizes: make sizes -->", "<!-- end of sizes -->"
_HEAD = """\
| code | modules | lines of a module: median / p90 / max | of a function | of a class |
| --- | --- | --- | --- | --- |"""
_MODELS = """\
| posting | 67 | 87 / 412 / 1674 | 7 / 31 / 187 | |
| harlequin | 74 | 141 / 532 / 1442 | 10 / 32 / 500 | |
| toolong | 18 | 92 / 449 / 994 | 5 / 23 / 70 | |
| elia | 30 | 88 / 188 / 390 | 5 / 21 / 93 | |
| textual | 243 | 141 / 737 / 5040 | 10 / 35 / 329 | |
| submitit | 30 | 121 / 533 / 993 | 6 / 22 / 143 | |
| httpx | 23 | 248 / 641 / 2019 | 9 / 34 / 133 | |
| nanochat | 13 | 262 / 459 / 555 | 13 / 47 / 100 | |
| lingua | 13 | 238 / 630 / 755 | 9 / 40 / 89 | |
| torchtune | 274 | 126 / 444 / 1478 | 20 / 74 / 303 | |"""
"""Counted in the same way in their main branches of November 2026, or the last one of those that rest."""


@dataclass(frozen=True)
class Piece:
    """A module, class or function, with its lines from the first to the last."""

    name: str
    kind: str
    lines: int


def pieces(package: Path) -> Iterator[Piece]:
    """Modules without a line (`__init__.py`) are not counted."""
    for path in sorted(package.rglob("*.py")):
        text = path.read_text()
        if not text:
            continue
        name = str(path.relative_to(package.parent))
        yield Piece(name, "module", text.count("\n"))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                yield Piece(f"{name}: {node.name}", kind, _last_line(node) - node.lineno + 1)


def table() -> str:
    """Both packages, then the models."""
    rows = [_row(name, list(pieces(ROOT / name))) for name in ("lrdash", "trainer")]
    return "\n".join([_HEAD, *rows, _MODELS])


def written(document: str) -> str:
    """The document with the table of today between its marks."""
    before, _, rest = document.partition(START)
    return f"{before}{START}\n{table()}\n{END}{rest.partition(END)[2]}"


def _row(name: str, all_pieces: Sequence[Piece]) -> str:
    modules, functions, classes = (
        [piece.lines for piece in all_pieces if piece.kind == kind]
        for kind in ("module", "function", "class")
    )
    cells = (f"**{name}**", str(len(modules)), _spread(modules), _spread(functions), _spread(classes))
    return f"| {' | '.join(cells)} |"


def _spread(lines: Sequence[int]) -> str:
    return f"{median(lines):.0f} / {quantiles(lines, n=10)[-1]:.0f} / {max(lines)}"


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def main() -> None:
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
    print(table())


if __name__ == "__main__":
    main()
