"""One line of generated_predictions.jsonl, whichever tool wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from lrdash.results.values import parse_json

TRUTH, GUESS, PROBABILITIES = "true_label", "predicted_label", "probabilities"
MODEL_KEYS = ("logits", PROBABILITIES, GUESS, TRUTH)
ID_COLUMNS = (
    "id", "sample_id", "example_id", "row_id", "uid", "guid", "paper_id", "submission_id", "idx", "index",
)  # fmt: skip
"""Columns that name a row, in order of preference; `metadata.<name>` counts too."""

CONTENT = "content"
"""Identity of rows without such a column: a digest of all that the data set says."""

Label = str | int | float | bool | None


class Row(msgspec.Struct, gc=False):
    """What the comparison needs of a row."""

    truth: Label
    guess: Label
    probabilities: list[float] | dict[str, float] | None = None
    key: Label = None


def identity_of(first: Mapping[str, Any]) -> str:
    """The column that names the rows, judged by the first of them."""
    names = (name for column in ID_COLUMNS for name in (column, f"metadata.{column}"))
    return next((name for name in names if isinstance(first.get(name), str | int)), CONTENT)


def is_generated_text(row: Mapping[str, Any]) -> bool:
    """A row as LLaMA-Factory's sft stage writes it: the generated text against the wanted one."""
    return TRUTH not in row and {"predict", "label"} <= row.keys()


def row_decoder(first: Mapping[str, Any], identity: str) -> Callable[[bytes], Row]:
    """The fastest decoder for files whose first row is this one.

    It raises msgspec.DecodeError or KeyError for a line that is not what the first one promised.
    """
    if identity == CONTENT or is_generated_text(first):
        return lambda line: row_of(msgspec.json.decode(line), identity)
    # Only these four fields are decoded; msgspec skips the texts without making strings of them.
    fields = [
        ("truth", Label, msgspec.field(name=TRUTH)),
        ("guess", Label, msgspec.field(name=GUESS)),
        ("probabilities", list[float] | None, msgspec.field(name=PROBABILITIES, default=None)),
        ("key", str | int, msgspec.field(name=identity)),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("FastRow", fields, gc=False, kw_only=True)).decode  # type: ignore[return-value]


def decode_leniently(line: bytes, identity: str) -> Row:
    """A line with NaN, or of another shape than the first; raises UnreadableError or KeyError."""
    parsed = parse_json(line)
    if not isinstance(parsed, dict):
        raise KeyError(TRUTH)
    return row_of(parsed, identity)


def row_of(parsed: dict[str, Any], identity: str) -> Row:
    """Raises KeyError where the row has no truth, no prediction or no id."""
    if is_generated_text(parsed):
        # LLaMA-Factory's labels can end in a newline where its predictions do not.
        return Row(
            str(parsed["label"]).strip(), str(parsed["predict"]).strip(), None, _digest(parsed, ("predict",))
        )
    key = _digest(parsed, MODEL_KEYS) if identity == CONTENT else parsed[identity]
    return Row(parsed[TRUTH], parsed[GUESS], parsed.get(PROBABILITIES), key)


def _digest(parsed: Mapping[str, Any], without: tuple[str, ...]) -> str:
    rest = {key: value for key, value in parsed.items() if key not in without}
    return blake2b(msgspec.json.encode(rest, order="sorted"), digest_size=12).hexdigest()
