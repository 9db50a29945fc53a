"""The confusion table: what diagnosis says about logs that its patterns were not written from."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from lrdash.logs.scanner import LogScanner
from lrdash.monitor.diagnosis import diagnose
from lrdash.monitor.evidence import RunEvidence

CORPUS = Path(__file__).parent.parent / "data" / "logs" / "corpus"


def said_class(path: Path) -> str:
    """From the log alone, as for a foreign folder: no state, no exit code."""
    streams = {".out": path.with_suffix(".absent"), ".err": path.with_suffix(".absent"), path.suffix: path}
    facts = LogScanner().scan(streams[".out"], streams[".err"])[-1]
    diagnosis = diagnose(RunEvidence(now=0.0, facts=facts))
    return diagnosis.failure if diagnosis else "healthy"


def confusion() -> list[tuple[str, str, str]]:
    """(file, true class, said class) of every log of the list."""
    with (CORPUS / "INDEX.tsv").open() as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    return [(row["file"], row["class"], said_class(CORPUS / row["file"])) for row in rows]


def test_corpus_is_large_enough() -> None:
    classes = Counter(true for _, true, _ in confusion())
    assert classes.total() >= 60
    assert classes["healthy"] >= 20


def test_confusion_table() -> None:
    table = confusion()
    for (true, said), count in sorted(Counter((true, said) for _, true, said in table).items()):
        print(f"{true:20} {said:20} {count:3}{'' if true == said else '  <--'}")
    right = sum(true == said for _, true, said in table)
    wrong = [row for row in table if row[1] != row[2] and row[2] != "unknown"]
    alarms = [row for row in table if row[1] == "healthy" and row[2] != "healthy"]
    print(f"right {right} of {len(table)}, wrong class {len(wrong)}")
    assert not alarms
    assert right >= 0.9 * len(table)
    assert len(wrong) <= 0.03 * len(table), wrong
