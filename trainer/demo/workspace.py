"""DIR/models/{text,vision} and DIR/data/…: everything that the demo's sweep trains on."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trainer.demo.docstrings import docstring_rows
from trainer.demo.library import modules
from trainer.demo.pages import QUESTION, draw_page, page_rows

TRAIN_ROWS, TEST_ROWS = 800, 250
SEED = 42
Row = dict[str, Any]


def make_workspace(folder: Path, rows: int = TRAIN_ROWS) -> None:
    """Data sets of `rows` training rows and the two starting checkpoints; the same each time."""
    docstrings, pages = (split(found, rows) for found in library_rows())
    for part, chosen in zip(("train", "test"), docstrings, strict=True):
        write_rows(folder / "data" / f"python_docstrings_{part}", chosen, _text_row)
    for part, chosen in zip(("train", "test"), pages, strict=True):
        data = folder / "data" / f"python_pages_{part}"
        (data / "pages").mkdir(parents=True, exist_ok=True)
        write_rows(data, chosen, lambda row, data=data: _page_row(row, data))  # type: ignore[misc]
    from trainer.demo.checkpoints import make_tokenizer, save_text_checkpoint, save_vision_checkpoint

    tokenizer = make_tokenizer(row["text"] for row in docstrings[0])
    save_text_checkpoint(folder / "models" / "text", tokenizer)
    save_vision_checkpoint(folder / "models" / "vision", tokenizer)


def library_rows() -> tuple[list[Row], list[Row]]:
    """Docstrings and pages, each distinct one once, in the order of the library's files."""
    docstrings: dict[str, Row] = {}
    pages: dict[str, Row] = {}
    for module in modules():
        for row in docstring_rows(module):
            docstrings.setdefault(row["text"], row)
        for row in page_rows(module):
            pages.setdefault(row["page"], row)
    return list(docstrings.values()), list(pages.values())


def test_rows_for(rows: int) -> int:
    """Enough to tell runs apart, unless the data are only there to be small."""
    return TEST_ROWS if rows >= TRAIN_ROWS else 200 if rows >= 100 else max(8, rows // 2)


def split(rows: Sequence[Row], train: int) -> tuple[list[Row], list[Row]]:
    """As many rows of either label, shuffled, into training and test rows."""
    generator = random.Random(SEED)
    by_label = {
        label: [row for row in rows if row["label"] == label] for label in sorted({r["label"] for r in rows})
    }
    test = test_rows_for(train)
    each = min(-(-(train + test) // 2), *(len(group) for group in by_label.values()))
    chosen = [row for group in by_label.values() for row in generator.sample(group, each)]
    generator.shuffle(chosen)
    test = min(test, len(chosen) // 2)
    train = min(train, len(chosen) - test)
    return chosen[:train], chosen[train : train + test]


def write_rows(folder: Path, rows: Sequence[Row], make: Callable[[Row], Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": number, **make(row)}, ensure_ascii=False) for number, row in enumerate(rows)]
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _text_row(row: Row) -> Row:
    return row


def _page_row(row: Row, folder: Path) -> Row:
    image = f"pages/{row['module']}.{row['line']}.png"
    draw_page(row["page"], folder / image)
    place = {key: row[key] for key in ("module", "name", "line")}
    return {"text": QUESTION, "images": [image], "label": row["label"], **place}
