"""The status document: a Snapshot as JSON, on stdout and in the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from lrdash.kept import keep
from lrdash.monitor.snapshot import Snapshot

SCHEMA_FILE = Path(__file__).with_name("status.schema.json")


def encode(snapshot: Snapshot) -> bytes:
    """One line of JSON that `status.schema.json` describes."""
    return msgspec.json.encode(snapshot)


def decode(document: bytes) -> Snapshot:
    """Raises msgspec.DecodeError when the bytes are no status document of this schema."""
    return msgspec.json.decode(document, type=Snapshot)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the document, made from the classes."""
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Snapshot)))
    return schema


def write_document(snapshot: Snapshot, path: Path) -> None:
    """Keep the document for the first frame of the next start."""
    keep(path, encode(snapshot))


def read_document(path: Path) -> Snapshot | None:
    """The last document written, or None where there is none that this version can read."""
    try:
        return decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
