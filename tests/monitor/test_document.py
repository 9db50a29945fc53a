"""The status document is the Snapshot, and its schema is the one on disk."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from lrdash.monitor.document import SCHEMA_FILE, decode, encode, json_schema, read_document, write_document
from lrdash.monitor.snapshot import Check, Diagnosis, Evidence, Metrics, Progress, RunStatus, Snapshot

SNAPSHOT = Snapshot(
    sweep="s",
    taken_at="2026-11-23T10:00:00+00:00",
    runs=(
        RunStatus(
            "a",
            "text",
            0,
            progress=Progress(epoch=1.5, eta_range_seconds=(1.0, 2.0)),
            metrics=Metrics(epochs=({"epoch": 1, "eval_loss": float("nan")},)),
            checks=(Check("optimizer", "PASS", evidence=Evidence("out", 3, "[red]x[/red]\x1b[2J")),),
            diagnosis=Diagnosis("unknown", remedy="look"),
        ),
        RunStatus("foreign"),
    ),
)


def test_schema_on_disk_is_made_from_the_classes() -> None:
    """`python -m tests.monitor.test_document` writes it again."""
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema()


def test_document_fits_the_schema_and_comes_back() -> None:
    document = json.loads(encode(SNAPSHOT))
    jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))
    assert document["runs"][0]["diagnosis"]["class"] == "unknown"
    assert document["runs"][0]["metrics"]["epochs"][0]["eval_loss"] is None, "JSON has no NaN"
    assert document["runs"][1]["group"] is None
    assert decode(encode(SNAPSHOT)).runs[0].checks == SNAPSHOT.runs[0].checks


def test_a_document_that_is_cut_short_is_no_document(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "status.json"
    write_document(SNAPSHOT, file)
    assert read_document(file) == decode(encode(SNAPSHOT))
    file.write_bytes(file.read_bytes()[:-20])
    assert read_document(file) is None
    assert [path.name for path in file.parent.iterdir()] == ["status.json"]


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(json_schema(), indent=2) + "\n")
