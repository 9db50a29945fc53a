"""Vision rows: pages of source code as small images."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from trainer.demo.library import Definition, Module, definitions

SIDE = 112  # pixels; 16 image tokens
QUESTION = "<image>Label?"
_FONT_SIZE, _MARGIN, _LINE_HEIGHT = 8, 4, 10
_LINES = (SIDE - 2 * _MARGIN) // _LINE_HEIGHT + 1
_SHORTEST = 8  # lines of a body


def page_rows(module: Module) -> Iterator[dict[str, Any]]:
    """The visible part of every body, without decorators, signature and docstring."""
    lines = module.source.splitlines()
    for name, node in definitions(module):
        body = _body(node, lines)
        if len(body) >= _SHORTEST:
            label = "class" if isinstance(node, ast.ClassDef) else "function"
            page = dedent("\n".join(body[:_LINES]))
            yield {"page": page, "label": label, "module": module.name, "name": name, "line": node.lineno}


def _body(node: Definition, lines: list[str]) -> list[str]:
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not statements:
        return []
    decorators = [item.lineno for item in getattr(statements[0], "decorator_list", [])]
    first = min([statements[0].lineno, *decorators])
    return lines[first - 1 : node.end_lineno]


def draw_page(text: str, path: Path) -> None:
    """Write the page as a grey PNG; long lines are cut at the margin."""
    image = Image.new("L", (SIDE, SIDE), 255)
    font = ImageFont.load_default(_FONT_SIZE)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(text.expandtabs(4).splitlines()[:_LINES]):
        draw.text((_MARGIN, _MARGIN + number * _LINE_HEIGHT), line, fill=0, font=font)
    image.paste(255, (SIDE - _MARGIN, 0, SIDE, SIDE))
    image.save(path, optimize=False)
