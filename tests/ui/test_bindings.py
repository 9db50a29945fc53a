"""Every row of the binding table does something in its view, by every one of its keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend
from lrdash.ui.bindings import VIEWS, Key
from lrdash.ui.dialogs.confirm import ConfirmDialog
from lrdash.ui.dialogs.menu import ActionMenu, CopyMenu, ExportMenu, MenuItem
from lrdash.ui.dialogs.predictions import PredictionsDialog
from lrdash.ui.dialogs.texts import TextDialog
from lrdash.ui.rows import Arrangement
from lrdash.ui.state import ChartView
from lrdash.ui.widgets.lines import Lines, line
from tests.conftest import ROOT
from tests.ui import fakes
from tests.ui.comparison import a_comparison
from tests.ui.screens import opened, screen_text, until

MENUS = {menu.view: menu for menu in (ActionMenu, CopyMenu, ExportMenu)}
LONG = [line((f"line {number} " + "x" * 300, "text"), key=str(number)) for number in range(200)]


def effects(app: LrdashApp) -> tuple[Any, ...]:
    """Whatever a key can change."""
    main, table = app.main, app.main.table
    lines = [(one.cursor, one.scroll_offset) for one in app.screen.query(Lines)]
    return (
        [type(screen).__name__ for screen in app.screen_stack], main.tab, main.selected, main.stream,
        main.marked,
        dict(main.baselines), main.chart_view, main.has_class("-zoom"), table.cursor, table.arrangement,
        len(main.query("FilterLine")), app.focused, app.theme, app.is_paused, app.is_running, lines,
        len(app._notifications), app.main.epoch, app.source.woken, app._exit,  # type: ignore[attr-defined]
    )  # fmt: skip


async def settle(pilot: Pilot[Any], app: LrdashApp) -> None:
    """Close what is open and put the cursor where every key can go somewhere."""
    while len(app.screen_stack) > 2:
        app.pop_screen()
        await pilot.pause()
    main = app.main
    main.action_zoom(False)
    main.tab = "Home"
    main.query_one("HomeView").clear_filter()  # type: ignore[attr-defined]
    main.table.arrangement = Arrangement()
    main.chart_view = ChartView()
    main.selected = "text:1"
    main.table.cursor = "text:1"
    main.table.focus()
    await pilot.pause()


async def prepare(pilot: Pilot[Any], app: LrdashApp, view: str, key: Key) -> None:
    """What a key needs to have something to do."""
    await settle(pilot, app)
    main = app.main
    if view == "chart":
        main.charts[0].focus()
        if key.name in ("right", "clear"):
            await pilot.press("left", "left")
    elif (view, key.name) == ("list", "choose"):
        main.tab = "Checks"
        await until(pilot, lambda: main.focused is not None and main.focused.id == "check-matrix")
    elif view in ("list", "dialog"):
        await app.push_screen(TextDialog("many lines", LONG))
        lines = app.screen.query_one(Lines)
        lines.cursor = "100"
        await pilot.pause()
        if key.name == "left":
            lines.scroll_to(x=40, animate=False)
    elif view == "compare":
        main.epoch = 4
        main.tab = "Compare"
        await until(pilot, lambda: main.focused is not None and main.focused.id == "comparison")
    elif view in ("menu", *MENUS):
        menu = MENUS.get(view, ActionMenu)
        await app.push_screen(menu("menu", [MenuItem(one.name) for one in VIEWS[menu.view]]))
        app.screen.query_one(Lines).cursor = "remedy"
    elif view == "confirm":
        await app.push_screen(ConfirmDialog("sure", [line(("a task", "text"))], "Do it"))
    elif (view, key.name) == ("everywhere", "unzoom"):
        await pilot.press("plus")
    elif (view, key.name) == ("everywhere", "back"):
        await pilot.press("]")
    elif (view, key.name) == ("home", "unfold"):
        await pilot.press("left")
    await pilot.pause()


def app_with_backend() -> LrdashApp:
    sweep = load_sweep(find_sweep_files(ROOT)[0])
    return fakes.make_app(backend=Backend(sweep, None))


ELSEWHERE = ("log", "search", "copy_log", "predictions")
"""Walked in test_log_keys.py, and driven in test_predictions.py."""
ROWS = [(view, key) for view, keys in VIEWS.items() if view not in ELSEWHERE for key in keys]


@pytest.mark.parametrize("view", [view for view in VIEWS if view not in ELSEWHERE])
async def test_every_key_works(view: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_with_backend()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        for key in VIEWS[view]:
            for pressed in key.keys.split(","):
                if (view, key.name) == ("everywhere", "index") and pressed not in "02":
                    continue  # the group has three runs
                if view == "everywhere" and key.name in ("quit", "leave"):
                    continue  # test_q_leaves_from_home_and_comes_back_from_elsewhere
                await prepare(pilot, app, view, key)
                before = effects(app)
                await pilot.press(pressed)
                await until(
                    pilot, lambda before=before: effects(app) != before, f"{view}.{key.name}: {pressed}", 5
                )  # type: ignore[misc]


@pytest.mark.parametrize(
    ("tab", "pane", "opened_by_enter"),
    [
        ("Checks", "check-matrix", lambda app: (app.main.tab, app.main.selected) == ("Log", "text:2")),
        ("Metrics", "metrics-table", lambda app: (app.main.tab, app.main.selected) == ("Log", "text:2")),
        ("Compare", "comparison", lambda app: isinstance(app.screen, PredictionsDialog)),
    ],
)
async def test_enter_opens_what_stands_behind_a_line_of_every_view(
    tab: str, pane: str, opened_by_enter: Callable[[LrdashApp], bool]
) -> None:
    app = app_with_backend()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.main.comparison is not None)
        app.main.comparison = a_comparison()
        app.main.selected, app.main.tab = "text:1", tab
        await until(
            pilot, lambda: app.main.query(f"#{pane}") and app.main.query_one(f"#{pane}", Lines).cursor
        )
        app.main.query_one(f"#{pane}").focus()
        await until(pilot, lambda: "enter Open" in screen_text(app).splitlines()[-1])
        await pilot.press("down", "enter")
        await until(pilot, lambda: opened_by_enter(app))


async def test_every_pane_is_reached_with_the_keyboard() -> None:
    app = app_with_backend()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        for tab in ("Home", "Log", "Metrics", "Compare", "Checks"):
            assert app.main.tab == tab
            view = app.main.view
            assert view is not None
            reached: set[Widget] = set()
            for _ in range(4):
                await pilot.press("tab")
                await pilot.pause()
                if app.focused is not None:
                    reached.add(app.focused)
            for pane in view.query(".pane"):
                assert any(pane in widget.ancestors_with_self for widget in reached), pane
            await pilot.press("]")
            await pilot.pause()


def test_the_table_of_keys_in_the_docs_is_the_binding_table() -> None:
    from lrdash.ui.keys_document import keys_document

    assert (ROOT / "docs" / "keys.md").read_text(encoding="utf-8") == keys_document()
