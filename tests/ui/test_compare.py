"""The Compare view over real files: which epoch, which rates, which mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from lrdash.monitor.foreign import ForeignMonitor
from lrdash.results.predictions import PredictionStore
from lrdash.ui.app import LrdashApp
from lrdash.ui.glyphs import UNICODE
from lrdash.ui.results import FolderResults
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings
from lrdash.ui.state import another_epoch
from lrdash.ui.views.compare_matrices import matrix_lines
from lrdash.ui.views.compare_rates import PLOT_WIDTH, rate_lines
from lrdash.ui.widgets.lines import Line, Lines
from tests.results.making import write_run
from tests.ui import fakes
from tests.ui.comparison import a_comparison
from tests.ui.screens import opened, screen_text, shows, until


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LrdashApp:
    """Two runs of the same test rows; the first was best in its second epoch."""
    monkeypatch.setattr(
        "lrdash.results.candidates.prediction_store", lambda: PredictionStore(tmp_path / "cache")
    )
    for name, accuracies in (("run_a", (0.5, 0.95, 0.9)), ("run_b", (0.4, 0.55, 0.6))):
        write_run(tmp_path, name, accuracies)
    monitor = ForeignMonitor([tmp_path / "results" / "demo"])
    return LrdashApp(lambda: Session(monitor, Settings(), FolderResults(monitor.name, lambda: monitor.runs)))


async def titled(pilot: Pilot[Any], epoch: str) -> None:
    """The title of the page, which stands in its border, says that this epoch is compared."""
    page = cast("LrdashApp", pilot.app).main.query_one("#comparison")
    await until(pilot, lambda: str(page.border_title) == f"comparison · {epoch}")


async def test_another_epoch_is_compared_and_best_is_said_to_be_chosen_on_test(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("[", "[")
        await shows(pilot, "200 test rows")
        await titled(pilot, "last epoch")
        assert "run_a has the highest accuracy, 0.900: above run_b." in screen_text(app)
        await pilot.press("e")
        await titled(pilot, "best epoch, selected on test")
        assert ".950 .910–.973" in screen_text(app)
        await pilot.press("{")
        await titled(pilot, "epoch 2")
        await pilot.press("{", "{", "{")
        await titled(pilot, "epoch 1")
        await pilot.press("e")
        await titled(pilot, "last epoch")


async def test_the_page_turns_to_the_selected_run_and_then_stays_where_it_is_put(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 20)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.main.comparison is not None)
        comparison = app.main.comparison
        assert comparison is not None
        group = comparison.groups[0]
        runs = tuple(replace(run, run=f"x{run.run}") for run in group.runs)
        other = replace(group, group="other", runs=runs, baseline="xrun_a", pairs=())
        app.main.comparison = replace(comparison, groups=(other, group))
        app.main.tab = "Compare"
        await until(pilot, lambda: app.main.view is not None and app.main.view.id == "compare")
        page = app.main.query_one("#comparison", Lines)
        await until(pilot, lambda: page.cursor == "run_a" and page.scroll_y > 0)
        await pilot.press("G")
        await until(pilot, lambda: page.scroll_y == page.max_scroll_y)
        await pilot.press("g")
        await until(pilot, lambda: page.scroll_y == 0)
        app.main.uncompared = "something else is new"
        await pilot.pause()
        assert page.scroll_y == 0
        app.main.selected = "run_b"
        await until(pilot, lambda: page.cursor == "run_b" and page.scroll_y > 0)


def test_an_epoch_is_never_beyond_the_newest() -> None:
    snapshot = fakes.half_way()
    assert (another_epoch("last", 0, snapshot), another_epoch("best", 0, snapshot)) == ("best", "last")
    assert another_epoch(3, 0, snapshot) == "last"
    newest = another_epoch("last", 1, snapshot)
    assert isinstance(newest, int)
    assert another_epoch(newest, 1, snapshot) == newest
    assert another_epoch("best", -1, snapshot) == newest - 1
    assert another_epoch(1, -1, snapshot) == 1


def texts(lines: Sequence[Line]) -> list[str]:
    return [one.text.rstrip() for one in lines]


def test_matrices_stand_beside_each_other_with_their_difference_from_the_baseline() -> None:
    wide = texts(matrix_lines(a_comparison().groups[0], {}, UNICODE, 115))
    assert len(wide) == 5
    assert wide[2].split() == [
        "concurrency",
        "110",
        "11",
        "100",
        "−10",
        "21",
        "+10",
        "95",
        "−15",
        "26",
        "+15",
    ]
    narrow = texts(matrix_lines(a_comparison().groups[0], {}, UNICODE, 75))
    assert len(narrow) == 10  # two in the first row, one in the second
    assert max(map(len, narrow)) <= 75
    assert narrow[7].split() == ["concurrency", "95", "−15", "26", "+15"]


def test_runs_of_other_classes_have_their_own_matrix() -> None:
    group = a_comparison().groups[0]
    three = msgspec.structs.replace(
        group.runs[1], labels=("a", "b", "c"), confusion=((5, 1, 0), (0, 6, 0), (1, 1, 7))
    )
    many = msgspec.structs.replace(
        group.runs[2], labels=tuple("abcdefghij"), confusion=tuple((1,) * 10 for _ in range(10))
    )
    mixed = msgspec.structs.replace(group, runs=(group.runs[0], three, many))
    lines = texts(matrix_lines(mixed, {}, UNICODE, 115))
    assert [line.split() for line in lines if line.startswith(" c ")] == [["c", "1", "1", "7"]]
    assert lines[-1] == " 10 classes: their matrices are in the html report"


def test_accuracy_stands_over_the_rate_of_the_backbone() -> None:
    lines = texts(rate_lines(a_comparison().groups[0], {}, UNICODE, PLOT_WIDTH))
    assert lines[0] == " accuracy by learning rate of the backbone"
    assert lines[-1].split() == ["2e-6", "2e-5"]
    assert max(map(len, lines)) <= PLOT_WIDTH
    marked = [(y, x) for y, text in enumerate(lines[1:-2]) for x, char in enumerate(text) if char == "●"]
    (best, right), (low, left), (_, beside) = marked
    assert best < low  # higher
    assert left < beside < right
    assert lines[-2][(left + beside) // 2] == "┬" or lines[-2][(left + beside) // 2 + 1] == "┬"
    group = a_comparison().groups[0]
    one_rate = msgspec.structs.replace(group, runs=group.runs[:1])
    assert rate_lines(one_rate, {}, UNICODE, PLOT_WIDTH) == []
