"""Folders of other tools on the screen: compared and browsed where they have predictions."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.monitor.foreign import ForeignMonitor
from lrdash.results.predictions import PredictionStore
from lrdash.ui.app import LrdashApp
from lrdash.ui.results import FolderResults
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings
from tests.results.making import write_run
from tests.ui.screens import opened, screen_text, shows, until


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LrdashApp:
    """Two runs of the same test rows."""
    monkeypatch.setattr(
        "lrdash.results.candidates.prediction_store", lambda: PredictionStore(tmp_path / "cache")
    )
    for name, accuracy in (("run_a", 0.9), ("run_b", 0.6)):
        write_run(tmp_path, name, (0.5, accuracy))
    monitor = ForeignMonitor([tmp_path / "results" / "demo"])
    return LrdashApp(lambda: Session(monitor, Settings(), FolderResults(monitor.name, lambda: monitor.runs)))


async def test_the_comparison_of_folders_and_their_rows(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("[", "[")
        await shows(pilot, "200 test rows")
        await pilot.press("enter")
        await shows(pilot, "errors of run_a: 20 of 200 rows")


async def test_nothing_is_said_of_folders_that_only_a_sweep_can_have(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await shows(pilot, "2 without a job")
        await shows(pilot, "no log: folders without a sweep file have results only")
        text = screen_text(app)
        assert "not submitted" not in text
        assert "uniform" not in text
        await pilot.press("[")
        await shows(pilot, "no sweep file says what it was to do")


async def test_another_run_is_the_baseline(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.main.comparison is not None)
        app.main.select_run("run_b")
        await pilot.press("B")
        await until(pilot, lambda: app.main.comparison and app.main.comparison.groups[0].baseline == "run_b")


async def test_folders_have_no_jobs_to_act_on(app: LrdashApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("x")
        await until(pilot, lambda: any("no sweep behind" in one.message for one in app._notifications))
        assert app.screen is app.main
