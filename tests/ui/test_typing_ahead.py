"""Keys that are typed faster than what they open."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend
from lrdash.ui.dialogs.menu import MenuDialog
from lrdash.ui.dialogs.submit import SubmitDialog
from lrdash.ui.screens.main import MainScreen
from lrdash.ui.views import make_view
from tests.conftest import ROOT
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows, until


def type_at_once(app: LrdashApp, keys: str) -> None:
    """All keys are in the app's queue before it sees the first."""
    names = {"/": "slash", "\n": "enter", "@": "at"}
    for key in keys:
        app.post_message(events.Key(names.get(key, key), key))


def an_app() -> LrdashApp:
    return fakes.make_app(backend=Backend(load_sweep(find_sweep_files(ROOT)[0]), None))


async def test_a_letter_behind_x_is_the_menus() -> None:
    app = an_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        before = app.main.table.arrangement
        type_at_once(app, "xS")
        await until(pilot, lambda: isinstance(app.screen, MenuDialog | SubmitDialog))
        await pilot.pause()
        assert app.main.table.arrangement == before, "`S` has sorted the table"


async def test_a_whole_question_in_one_go() -> None:
    """The menu, its choice, and an answer that comes before there is anything to say yes to."""
    app = an_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        before = app.main.table.arrangement
        type_at_once(app, "xsy")
        await until(pilot, lambda: isinstance(app.screen, SubmitDialog), "the submit dialog")
        await shows(pilot, "no Slurm on this machine")
        assert app.main.table.arrangement == before
        assert "copy" not in screen_text(app), "`y` went to the view below"


async def test_a_filter_is_typed_behind_its_slash() -> None:
    app = an_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        type_at_once(app, "/vis\nj")
        await until(pilot, lambda: app.main.query(Input) and app.main.query_one(Input).value == "vis")
        await until(pilot, lambda: app.main.selected.startswith("vision"), "`j` moves on in the table")


async def test_a_dialog_that_closes_gives_the_next_key_back() -> None:
    app = an_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        type_at_once(app, "@qa")
        await shows(pilot, "needs attention")
        type_at_once(app, "q2")
        await until(pilot, lambda: app.main.selected == "text:2", "`2` is the main screen's again", 5)


@pytest.mark.parametrize("tab", ["Metrics", "Compare", "Checks"])
async def test_a_view_that_was_opened_comes_to_rest(tab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is told where its cursor is does not answer that it was moved."""
    shown: list[None] = []
    show_state = MainScreen.show_state

    def count(self: MainScreen) -> None:
        shown.append(None)
        show_state(self)

    monkeypatch.setattr(MainScreen, "show_state", count)
    app = an_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("2")
        app.main.tab = tab
        await until(pilot, lambda: app.main.view is not None and app.main.view.id == tab.lower())
        await pilot.pause()
        before = len(shown)
        for _ in range(20):
            await pilot.pause()
        assert len(shown) - before < 3, "the view and its list answer each other for ever"
        assert app.main.selected == "text:2"


@pytest.mark.parametrize("tab", ["Log", "Metrics", "Compare", "Checks"])
async def test_news_that_come_while_a_view_is_made_wait_for_it(tab: str) -> None:
    app = an_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.set_reactive(MainScreen.tab, tab)
        made = app.main.query_one("#body").mount(make_view(tab))
        app.main.selected = "text:2"  # the view is there, what it consists of is not
        app.main.show_state()
        await made
        app.main.show_state()
        await until(pilot, lambda: "text 2" in screen_text(app))
