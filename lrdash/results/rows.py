"""Lines of generated_predictions.jsonl, whichever tool wrote them, decoded a block at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from lrdash.results.values import UnreadableError, parse_json

TRUTH, GUESS, PROBABILITIES = "true_label", "predicted_label", "probabilities"
MODEL_KEYS = frozenset(("logits", PROBABILITIES, GUESS, TRUTH))
ID_COLUMNS = (
    "id", "sample_id", "example_id", "row_id", "uid", "guid", "paper_id", "submission_id", "idx", "index",
)  # fmt: skip
"""Columns that name a row, in order of preference; `metadata.<name>` counts too."""

CONTENT = "content"
"""Identity of rows without such a column: a digest of all that the data set says."""

Label = str | int | float
Key = str | int


class Row(msgspec.Struct, gc=False):
    """What the comparison needs of a row."""

    truth: Label
    guess: Label
    probabilities: list[float] | None
    key: Key


class MissingError(ValueError):
    """A row without something that it needs; the text names it."""


def identity_of(first: Mapping[str, Any]) -> str:
    """The column that names the rows, judged by the first of them."""
    names = (name for column in ID_COLUMNS for name in (column, f"metadata.{column}"))
    return next((name for name in names if isinstance(first.get(name), str | int)), CONTENT)


def is_generated_text(row: Mapping[str, Any]) -> bool:
    """A row as LLaMA-Factory's sft stage writes it: the generated text against the wanted one."""
    return TRUTH not in row and {"predict", "label"} <= row.keys()


def classes_of(first: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes of a file that gives its probabilities as mappings: those of its first row, sorted."""
    named = first.get(PROBABILITIES)
    return tuple(sorted(named)) if isinstance(named, dict) else ()


def block_decoder(first: Mapping[str, Any], identity: str) -> Callable[[memoryview], Sequence[Row]]:
    """The fastest decoder for files whose first row is this one; a block is whole lines.

    It raises msgspec.DecodeError or MissingError for lines that are not what the first one promised; then
    `decode_line` says which.
    """
    classes = classes_of(first)
    if identity == CONTENT or is_generated_text(first) or classes:
        return lambda block: [row_of(parsed, identity, classes) for parsed in _DICTS.decode_lines(block)]
    # Only these four fields are decoded; msgspec skips the texts without making strings of them.
    fields = [
        ("truth", Label, msgspec.field(name=TRUTH)),
        ("guess", Label, msgspec.field(name=GUESS)),
        ("probabilities", list[float] | None, msgspec.field(name=PROBABILITIES, default=None)),
        ("key", Key, msgspec.field(name=identity)),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("FastRow", fields, gc=False, kw_only=True)).decode_lines  # type: ignore[return-value]


_DICTS = msgspec.json.Decoder(dict[str, Any])


def decode_dicts(block: bytes) -> list[dict[str, Any]]:
    """Whole rows of a block, one for each that was indexed: a line that cannot be read is an empty row.

    Bytes that are not UTF-8 are shown replaced: the index never looked into that text.
    """
    try:
        return _DICTS.decode_lines(block)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = block.decode("utf-8", "replace")
        return [_dict_of(line.encode()) for line in text.split("\n") if line.strip()]


def _dict_of(line: bytes) -> dict[str, Any]:
    try:
        parsed = parse_json(line)
    except UnreadableError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def decode_line(line: bytes, identity: str, classes: Sequence[str] = ()) -> Row:
    """One line, also with NaN; raises UnreadableError or MissingError."""
    parsed = parse_json(line)
    if not isinstance(parsed, dict):
        raise MissingError("is no JSON object")
    return row_of(parsed, identity, classes)


def row_of(parsed: dict[str, Any], identity: str, classes: Sequence[str] = ()) -> Row:
    """Raises MissingError where the row has no truth, no prediction or no id.

    `classes` is the order of probabilities that are mappings; a row with other classes has none to be used.
    """
    if is_generated_text(parsed):
        # LLaMA-Factory's labels can end in a newline where its predictions do not.
        truth, guess = str(parsed["label"]).strip(), str(parsed["predict"]).strip()
        return Row(truth, guess, None, _digest(parsed, frozenset(("predict",))))
    key = _digest(parsed, MODEL_KEYS) if identity == CONTENT else parsed.get(identity)
    if not isinstance(key, Key):
        raise MissingError(f"has no {identity!r}")
    probabilities = _probabilities(parsed.get(PROBABILITIES), classes)
    return Row(_label(parsed, TRUTH), _label(parsed, GUESS), probabilities, key)


def _label(parsed: Mapping[str, Any], name: str) -> Label:
    label = parsed.get(name)
    if not isinstance(label, Label):
        raise MissingError(f"has no {name!r}")
    return label


def _probabilities(raw: object, classes: Sequence[str]) -> list[float] | None:
    """A list, or a mapping from these classes to probabilities, of finite numbers."""
    values = raw
    if classes:
        is_whole = isinstance(raw, dict) and raw.keys() == set(classes)
        values = [raw[name] for name in classes] if is_whole and isinstance(raw, dict) else None
    if not isinstance(values, list):
        return None
    usable = all(isinstance(value, int | float) and math.isfinite(value) for value in values)
    return [float(value) for value in values] if usable else None


def _digest(parsed: Mapping[str, Any], without: frozenset[str]) -> str:
    rest = {key: value for key, value in parsed.items() if key not in without}
    return blake2b(msgspec.json.encode(rest, order="sorted"), digest_size=12).hexdigest()
