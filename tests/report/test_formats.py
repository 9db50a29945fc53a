"""The same numbers in every format."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from lrdash.monitor.snapshot import Check, Diagnosis, Evidence
from lrdash.report.document import Report
from lrdash.report.formats import render
from lrdash.report.svg import by_rate, nice_ticks
from tests.report.making import report_of
from tests.results.making import write_finished_sweep, write_sweep

FORMATS = ("table", "md", "csv", "json", "latex", "html")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return report_of(write_finished_sweep(tmp_path_factory.mktemp("sweep")))


def hostile(report: Report) -> Report:
    """The report with a name that every format would like to take for its own syntax."""
    text = msgspec.json.encode(report).decode()
    evil = json.dumps("=<script>alert(1)</script>|`[red]\x1b[31m&_%$#{}\\")[1:-1]
    return msgspec.json.decode(text.replace('"label":"2e-6"', f'"label":"{evil}"'), type=Report)


@pytest.mark.parametrize("name", ["table", "md", "html", "latex"])
def test_accuracy_with_its_interval_stands_in_every_text(report: Report, name: str) -> None:
    text = render(report, name).replace("--", "–")
    for run in report.comparison.runs:
        assert run.accuracy is not None
        assert run.accuracy.low is not None
        assert f"{run.accuracy.value:.3f} ({run.accuracy.low:.3f}–" in text


def test_json_is_the_report(report: Report) -> None:
    assert msgspec.json.decode(render(report, "json"), type=Report) == report


def test_csv_has_full_precision_and_a_row_a_run(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render(report, "csv"))))
    assert [row["run"] for row in rows] == [run.run for run in report.comparison.runs]
    for row, run in zip(rows, report.comparison.runs, strict=True):
        assert run.accuracy is not None
        assert float(row["accuracy_low"]) == run.accuracy.low
    assert rows[0]["holm_p"] == ""
    assert float(rows[1]["accuracy_difference"]) == pytest.approx(-0.33)
    assert rows[1]["job"] == "123_0"


class Page(HTMLParser):
    """Tags that are open, and everything that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href")]
        if tag in ("script", "link", "iframe", "object"):
            self.fetched.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_well_formed_and_fetches_nothing(report: Report) -> None:
    page = Page()
    text = render(hostile(report), "html")
    page.feed(re.sub(r"<(\w+)([^<>]*)/>", r"<\1\2></\1>", text))
    assert page.open == []
    assert page.fetched == []
    assert "url(" not in text
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 4 + 3
    for drawing in drawings:
        ElementTree.fromstring(drawing)


def test_no_name_is_taken_for_syntax(report: Report) -> None:
    made = {name: render(hostile(report), name) for name in FORMATS}
    assert "<script>" not in made["html"] + made["md"]
    assert all("\x1b" not in text for text in made.values())
    assert r"\|\`\[red\]" in made["md"]
    assert r"\&\_\%\$\#\{\}\textbackslash{}" in made["latex"]
    assert "[red]" in made["table"]


def test_the_picture_is_drawn_by_a_browser(report: Report, tmp_path: Path, chromium: str) -> None:
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    page.write_text(render(report, "html"), encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={picture}"]
    subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=120)
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("name", FORMATS)
def test_a_sweep_without_results_is_reported_too(tmp_path: Path, name: str) -> None:
    text = render(report_of(write_sweep(tmp_path)), name)
    assert "text_lr_2e6" in text or "2e-6" in text


def test_latex_tables_are_balanced(report: Report) -> None:
    text = render(report, "latex")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    widths = [len(re.findall(r"(?<!\\)&", row)) for row in rows]
    assert widths == [6] * 4 + [7] * 4


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.52, 0.951, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]), (0.5, 0.5, None), (0, 0, None), (-1e-9, 1e-9, None)],
)
def test_ticks_hold_the_range(low: float, high: float, ticks: list[float] | None) -> None:
    found = nice_ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert len(found) >= 2
    assert ticks is None or found == ticks


def test_runs_of_one_rate_stand_around_it() -> None:
    """Whichever numbers they have: the eleventh run's point was half a plot away."""
    points = [(f"run {number}", number, 2e-5, 0.7, 0.6, 0.8) for number in (10, 11)]
    drawing = by_rate([("run 0", 0, 2e-6, 0.5, 0.4, 0.6), *points], "rates")
    first, second = (float(x) for x in re.findall(r'whisker"[^>]*x1="([\d.]+)"', drawing)[1:])
    tick = float(re.findall(r'x="([\d.]+)"[^>]*>2e-5<', drawing)[0])
    assert (first + second) / 2 == pytest.approx(tick, abs=0.1)
    assert second - first == pytest.approx(8, abs=0.2)


def test_every_matrix_has_its_own_runs_classes(report: Report) -> None:
    """Runs of a group may know more classes than the others, or none by name."""
    group = report.comparison.groups[0]
    wide = msgspec.structs.replace(
        group.runs[1], labels=("a", "b", "c"), confusion=((5, 1, 0), (0, 6, 0), (1, 1, 7))
    )
    mixed = msgspec.structs.replace(group, runs=(group.runs[0], wide, group.runs[2]), labels=())
    page = render(
        msgspec.structs.replace(
            report, comparison=msgspec.structs.replace(report.comparison, groups=(mixed,))
        ),
        "html",
    )
    matrices = re.findall(r'<table class="matrix">(.*?)</table>', page)
    heads = [re.findall(r"<th>(\w+)</th>", matrix.partition("</thead>")[0]) for matrix in matrices]
    assert heads == [["concurrency", "internet"], ["a", "b", "c"], ["concurrency", "internet"]]
    assert "<small>" not in matrices[1]
    assert "<small>" in matrices[2]


@pytest.fixture
def with_evidence(report: Report) -> Report:
    """The first run failed, and its checks rest on lines of its log."""
    optimizer = Check(
        "optimizer", "PASS", "2e-5", "2e-5", Evidence("logs/123_0.out", 41, "backbone_lr=2.00e-05")
    )
    port = Check("port", "WRONG_VALUE", "29700", "29800", Evidence(text="<moved>"))
    diagnosis = Diagnosis(
        "cuda_out_of_memory",
        Evidence("logs/123_0.err", 7, "CUDA out of memory"),
        "Halve the batch.",
        "lrdash submit",
    )
    first, *rest = report.provenance
    failed = msgspec.structs.replace(
        first, job="123_0", args_hash="abcdef0123456789", git_commit="0123456789abcdef",
        state="FAILED", checks=(optimizer, port), diagnosis=diagnosis,
    )  # fmt: skip
    return msgspec.structs.replace(report, provenance=(failed, *rest))


def test_evidence_and_diagnosis_stand_in_json_and_html(with_evidence: Report) -> None:
    one = json.loads(render(with_evidence, "json"))["provenance"][0]
    assert one["checks"][0]["evidence"] == {
        "file": "logs/123_0.out",
        "line": 41,
        "text": "backbone_lr=2.00e-05",
    }
    assert one["diagnosis"]["class"] == "cuda_out_of_memory"
    page = render(with_evidence, "html")
    assert "logs/123_0.out:41: backbone_lr=2.00e-05" in page
    assert "&lt;moved&gt;" in page
    assert "logs/123_0.err:7: CUDA out of memory. Halve the batch. <code>lrdash submit</code>" in page
    assert "port WRONG_VALUE" in page


def test_csv_has_state_time_and_verdicts(with_evidence: Report) -> None:
    first, second, _ = csv.DictReader(io.StringIO(render(with_evidence, "csv")))
    assert (first["state"], first["diagnosis"]) == ("FAILED", "cuda_out_of_memory")
    assert (first["check_optimizer"], first["check_port"]) == ("PASS", "WRONG_VALUE")
    assert (second["state"], second["check_port"]) == ("", "")
    assert first["taken_at"] == with_evidence.taken_at
    assert first["written"] == with_evidence.provenance[0].modified


@pytest.mark.parametrize("name", ["table", "latex"])
def test_table_and_latex_say_in_short_where_the_numbers_come_from(with_evidence: Report, name: str) -> None:
    text = render(with_evidence, name)
    for part in ("123_0", "0123456789", "abcdef0123", with_evidence.taken_at, "McNemar"):
        assert part in text
