"""The Compare view over real files: which epoch, which rates, which mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from lrdash.monitor.foreign import ForeignMonitor
from lrdash.results.predictions import PredictionStore
from lrdash.ui.app import LrdashApp
from lrdash.ui.results import FolderResults
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings
from lrdash.ui.state import another_epoch
from tests.results.making import write_run
from tests.ui import fakes
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


def test_an_epoch_is_never_beyond_the_newest() -> None:
    snapshot = fakes.half_way()
    assert (another_epoch("last", 0, snapshot), another_epoch("best", 0, snapshot)) == ("best", "last")
    assert another_epoch(3, 0, snapshot) == "last"
    newest = another_epoch("last", 1, snapshot)
    assert isinstance(newest, int)
    assert another_epoch(newest, 1, snapshot) == newest
    assert another_epoch("best", -1, snapshot) == newest - 1
    assert another_epoch(1, -1, snapshot) == 1
