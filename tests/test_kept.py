"""Caches in a home folder that lets nobody write: nothing is kept, and nothing else is amiss."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.kept import keep
from lrdash.logs.scanner import LogScanner
from lrdash.monitor.document import read_document, write_document
from lrdash.monitor.snapshot import Snapshot
from lrdash.results.predictions import PredictionStore
from tests.results.making import prediction_lines, write_lines


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """No folder can be made here, not even by root."""
    (tmp_path / "home").write_text("a file")
    return tmp_path / "home" / "cache"


def test_predictions_are_indexed_all_the_same(tmp_path: Path, cache: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", prediction_lines(50, 0.8))
    assert PredictionStore(cache).read(path).n == 50


def test_logs_are_read_all_the_same(tmp_path: Path, cache: Path) -> None:
    log = tmp_path / "1_0.out"
    log.write_text("{'loss': 0.5, 'epoch': 0.1}\n")
    scanner = LogScanner(cache)
    [facts] = scanner.scan(log, log.with_suffix(".err"))
    scanner.close()
    assert facts.out.steps_seen == 1


def test_a_document_is_done_without(cache: Path) -> None:
    write_document(Snapshot(sweep="s", taken_at="2026-11-23T08:00:00+00:00"), cache / "status.json")
    assert read_document(cache / "status.json") is None


def test_what_is_kept_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "a.json"
    keep(file, b"one")
    keep(file, b"two")
    assert file.read_bytes() == b"two"
    assert list(file.parent.iterdir()) == [file]
