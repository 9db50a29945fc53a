"""Every row of the binding table that belongs to logs does what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual import events
from textual.widget import Widget
from textual.widgets import Input

from lrdash.ui.bindings import VIEWS, Key
from lrdash.ui.logs import pane as pane_module
from lrdash.ui.logs.copying import CopyBar
from lrdash.ui.logs.pane import LogPane
from lrdash.ui.logs.prompt import SearchPrompt
from lrdash.ui.logs.wall import LogWall
from tests.ui.test_log_pane import PaneApp, seen, shown, until
from tests.ui.test_log_wall import WallApp, write_logs

Check = Callable[[PaneApp], object]
Row = tuple[tuple[str, ...], str, Check]
"""Keys that lead there, what must be seen before the key, what must hold after it."""


def first_row(app: PaneApp) -> str:
    rows = app.view.page.rows
    return rows[0].text.plain.strip() if rows else ""


def current(app: PaneApp) -> str:
    view = app.view
    return next((row.text.plain for row in view.page.rows if row.line.start == view.current), "")


def told(app: PaneApp, words: str) -> bool:
    return any(words in note.message for note in app._notifications)


# 300 lines in a view of 23 rows: at the end, line 277 is the first; `e` stops at line 150.
LOG: dict[str, Row] = {
    "up": ((), "line 299", lambda app: first_row(app) == "line 276"),
    "down": (("g",), "line 0 ", lambda app: first_row(app) == "line 1"),
    "half_up": ((), "line 299", lambda app: first_row(app) == "line 266"),
    "half_down": (("g",), "line 0 ", lambda app: first_row(app) == "line 11"),
    "page_up": ((), "line 299", lambda app: first_row(app) == "line 255"),
    "page_down": (("g",), "line 0 ", lambda app: first_row(app) == "line 22"),
    "left": (("g", "right", "right"), "^00000", lambda app: app.view.scroll_column == 8),
    "right": (("g",), "line 0 ", lambda app: app.view.scroll_column == 8),
    "top": ((), "line 299", lambda app: first_row(app).startswith("line 0 ")),
    "follow": (("g",), "line 0 ", lambda app: app.view.following and seen(app, "line 299")),
    "toggle_follow": ((), "line 299", lambda app: not app.view.following),
    "search": ((), "line 299", lambda app: app.pane.prompt.display and app.pane.prompt.purpose == "search"),
    "filter": ((), "line 299", lambda app: app.pane.prompt.display and app.pane.prompt.purpose == "filter"),
    "next_match": (("slash", *"eval", "enter"), "3 of 3", lambda app: seen(app, "1 of 3")),
    "previous_match": (("slash", *"eval", "enter"), "3 of 3", lambda app: seen(app, "2 of 3")),
    "next_error": (("g",), "line 0 ", lambda app: current(app).startswith("ValueError")),
    "previous_error": (("g",), "line 0 ", lambda app: current(app).startswith("ValueError")),
    "next_epoch": (("g",), "line 0 ", lambda app: "'epoch': 1" in current(app)),
    "previous_epoch": ((), "line 299", lambda app: "'epoch': 3" in current(app)),
    "wrap": ((), "line 299", lambda app: app.view.wrap),
    "copy": ((), "line 299", lambda app: app.pane.copy_bar.display),
    "pager": ((), "line 299", lambda app: told(app, "handed: less")),
    "editor": ((), "line 299", lambda app: told(app, "handed: vim")),
    "clear": (("slash", *"eval", "enter"), "3 of 3", lambda app: app.view.matcher is None),
}
SEARCH: dict[str, Row] = {
    "regex": (("slash",), "/ search", lambda app: app.pane.prompt.query_typed.is_regex),
    "case": (("slash",), "/ search", lambda app: app.pane.prompt.query_typed.ignore_case is False),
    "older": (("slash", *"eval", "enter", "slash", "ctrl+u"), "/ search", lambda app: typed(app) == "eval"),
    "newer": (("slash", *"eval", "enter", "slash", "up"), "/ eval", lambda app: typed(app) == ""),
    "leave": (("slash",), "/ search", lambda app: not app.pane.prompt.display and app.view.has_focus),
}


COPY: dict[str, Row] = {
    "line": (("y",), "y line line 299", lambda app: told(app, "line copied") and app.clipboard == "line 299"),
    "path": (("y",), "p path", lambda app: app.clipboard.endswith("/38_2.out")),
    "job_id": (("y",), "i job id", lambda app: app.clipboard == "38_2"),
    "command": (("y",), "c command", lambda app: app.clipboard.startswith("tail -f /")),
    "up": (("y",), "y line line 299", lambda app: seen(app, "y line line 298")),
    "down": (("y", "k"), "y line line 298", lambda app: seen(app, "y line line 299")),
    "leave": (("y",), "y line line 299", lambda app: not app.pane.copy_bar.display and app.view.has_focus),
}
ROWS = {"log": LOG, "search": SEARCH, "copy_log": COPY}


def typed(app: PaneApp) -> str:
    return app.pane.query_one(Input).value


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = [f"line {number}" for number in range(300)]
    lines[0] += " " + "0" * 200
    lines[150] = "ValueError: no"
    for epoch, line in ((1, 100), (2, 200), (3, 250)):
        lines[line] = f"{{'eval_loss': 0.5, 'epoch': {epoch}}}"
    path = tmp_path / "38_2.out"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("view", "row"),
    [(view, row) for view in ROWS for row in VIEWS[view]],
    ids=lambda value: value.name if isinstance(value, Key) else value,
)
async def test_every_key_of_a_log(log: Path, view: str, row: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    before, ready, check = ROWS[view][row.name]
    monkeypatch.setenv("PAGER", "less")
    monkeypatch.setenv("VISUAL", "vim")

    def handed(app: PaneApp, command: list[str]) -> None:
        app.notify(f"handed: {command[0]}")

    monkeypatch.setattr(pane_module, "hand_over", handed)
    async with shown(log, size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: seen(app, "line 299"))
        for each in before:
            await pilot.press(each)
            await pilot.pause()
        await until(pilot, lambda: seen(app, ready))
        assert not check(app)
        await pilot.press(row.keys.split(",")[0])
        await until(pilot, lambda: check(app))


def test_every_row_is_tried() -> None:
    for view, tried in ROWS.items():
        assert {row.name for row in VIEWS[view]} == set(tried)
    assert {row.name for row in VIEWS["wall"]} == set(WALL)


@pytest.mark.parametrize(
    ("view", "widget"),
    [("log", LogPane), ("search", SearchPrompt), ("copy_log", CopyBar), ("wall", LogWall)],
)
def test_other_keys_of_a_row_do_the_same(view: str, widget: type[Widget]) -> None:
    bound = widget()._bindings.key_to_bindings
    for row in VIEWS[view]:
        for key in row.keys.split(","):
            assert [binding.action for binding in bound[key]] == [row.action]


WALL: dict[str, tuple[tuple[str, ...], Callable[[LogWall], object]]] = {
    "up": (("j", "j"), lambda wall: wall.chosen == 1),
    "down": ((), lambda wall: wall.chosen == 1),
    "stream": ((), lambda wall: wall.stream == "err"),
    "open": (("j",), lambda wall: wall.app.return_value == 1),
}


@pytest.mark.parametrize("row", VIEWS["wall"], ids=lambda row: row.name)
async def test_every_key_of_the_wall(tmp_path: Path, row: Key) -> None:
    before, check = WALL[row.name]
    app = WallApp(write_logs(tmp_path, 3))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*before)
        assert not check(app.wall)
        await pilot.press(row.keys.split(",")[0])
        await pilot.pause()
        assert check(app.wall)


async def test_the_mouse_does_what_the_keys_do(log: Path) -> None:
    async with shown(log, size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: seen(app, "line 299"))
        app.view.post_message(wheel(app, -1))
        await until(pilot, lambda: first_row(app) == "line 274" and not app.view.following)
        await pilot.click(app.view, offset=(79, 0))
        await until(pilot, lambda: first_row(app).startswith("line 0 "))
        await pilot.click(app.view, offset=(79, 22))
        await until(pilot, lambda: app.view.following)


def wheel(app: PaneApp, direction: int) -> events.MouseEvent:
    kind = events.MouseScrollUp if direction < 0 else events.MouseScrollDown
    return kind(app.view, 5, 5, 0, direction, 0, False, False, False)
