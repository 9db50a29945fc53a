"""The cursor of the run table stays where the user put it."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from lrdash.ui.app import LrdashApp
from tests.ui import fakes
from tests.ui.screens import opened


async def see_another_snapshot(app: LrdashApp, pilot: Pilot[Any]) -> None:
    runs = fakes.half_way().runs
    progress = fakes.Progress(4.2, 6, 210, 300)
    later = (*runs[:2], fakes.run("text:2", state="RUNNING", progress=progress), *runs[3:])
    app.main.snapshot = fakes.copy(fakes.half_way(), taken_at="2026-11-23T13:09:00+01:00", runs=later)
    await pilot.pause()


async def test_the_cursor_stays_on_a_group_when_a_snapshot_comes() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("down", "down", "down")
        assert app.main.table.cursor == "vision:"
        await see_another_snapshot(app, pilot)
        assert app.main.table.cursor == "vision:"
        await pilot.press("down")
        assert app.main.selected == "vision:0"


async def test_the_cursor_stays_on_the_group_that_was_folded() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("t", "left")
        assert app.main.table.cursor == "vision:"
        await see_another_snapshot(app, pilot)
        assert app.main.table.cursor == "vision:"
        await pilot.press("1")  # a run that is folded away: its group stands for it
        assert (app.main.selected, app.main.table.cursor) == ("vision:1", "vision:")
        await pilot.press("enter", "up")
        assert app.main.table.cursor == "text:2"


async def test_a_run_that_the_filter_hides_does_not_take_the_cursor_away() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("slash", *"vision", "enter")
        app.main.selected = "text:2"
        await pilot.pause()
        assert app.main.table.cursor_row is not None
        await pilot.press("down")
        assert app.main.selected.startswith("vision:")


async def test_runs_without_a_group_fold_too() -> None:
    runs = tuple(fakes.RunStatus(run=name, label=name) for name in ("a:1", "b"))
    app = fakes.make_app(fakes.copy(fakes.half_way(), runs=runs))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("down", "left")
        assert [row.key for row in app.main.table.rows] == ["folders:"]
        assert app.main.table.cursor == "folders:"
