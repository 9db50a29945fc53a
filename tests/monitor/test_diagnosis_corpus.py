"""The confusion tables: what diagnosis says about logs that its patterns were not written from."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from lrdash.logs.scanner import LogScanner
from lrdash.monitor.diagnosis import diagnose
from lrdash.monitor.evidence import RunEvidence

LOGS = Path(__file__).parent.parent / "data" / "logs"
CORPORA = ("corpus", "corpus2", "corpus3", "corpus4", "corpus5")


def said_class(path: Path) -> str:
    """From the log alone, as for a foreign folder: no state, no exit code."""
    streams = {".out": path.with_suffix(".absent"), ".err": path.with_suffix(".absent"), path.suffix: path}
    facts = LogScanner().scan(streams[".out"], streams[".err"])[-1]
    diagnosis = diagnose(RunEvidence(now=0.0, facts=facts))
    return diagnosis.failure if diagnosis else "healthy"


def confusion(corpus: str) -> list[tuple[str, str, str]]:
    """(file, true class, said class) of every log of a list."""
    with (LOGS / corpus / "INDEX.tsv").open() as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    return [(row["file"], row["class"], said_class(LOGS / corpus / row["file"])) for row in rows]


@pytest.mark.parametrize("corpus", CORPORA)
def test_corpus_is_large_enough_and_indexed(corpus: str) -> None:
    table = confusion(corpus)
    classes = Counter(true for _, true, _ in table)
    assert classes.total() >= 60
    assert classes["healthy"] >= 20
    assert {name for name, _, _ in table} == {
        path.name for path in (LOGS / corpus).iterdir() if path.suffix in (".out", ".err")
    }


@pytest.mark.parametrize("corpus", CORPORA)
def test_confusion_table(corpus: str) -> None:
    table = confusion(corpus)
    print(f"\n{corpus}: true class, said class")
    for (true, said), count in sorted(Counter((true, said) for _, true, said in table).items()):
        print(f"{true:20} {said:20} {count:3}{'' if true == said else '  <--'}")
    right = sum(true == said for _, true, said in table)
    wrong = [row for row in table if row[1] != row[2] and row[2] != "unknown"]
    alarms = [row for row in table if row[1] == "healthy" and row[2] != "healthy"]
    for row in table:
        if row[1] != row[2]:
            print(*row)
    print(f"right {right} of {len(table)}, wrong class {len(wrong)}, healthy flagged {len(alarms)}")
    assert not alarms
    assert right >= 0.9 * len(table)
    assert len(wrong) <= 0.03 * len(table), wrong
