"""The command palette: whatever a key does, by name; every view, run and theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.style import Style

from lrdash.ui.bindings import VIEWS, shown_keys
from lrdash.ui.format import plain
from lrdash.ui.series import run_name
from lrdash.ui.state import TABS
from lrdash.ui.theme import THEMES

if TYPE_CHECKING:
    from lrdash.ui.app import LrdashApp
    from lrdash.ui.screens.main import MainScreen

EXACT = 1e6
"""A score above that of any partial match."""
_ONLY_KEYS = frozenset({
    "index", "palette", "back", "clear", "up", "down", "top", "bottom", "page_up", "page_down", "half_up",
    "half_down", "left", "right",
})  # fmt: skip
"""Moving about, which nobody does by name."""


class Command(NamedTuple):
    title: str
    help: str
    run: Callable[[], Any]


class SweepCommands(Provider):
    """Searched by Textual's palette. Names of runs come from outside: nothing here is read as markup."""

    @property
    def _main(self) -> MainScreen:
        return cast("LrdashApp", self.app).main

    async def discover(self) -> Hits:
        for title, help_text, run in self._actions():
            yield DiscoveryHit(Content(title), run, help=_literal(help_text))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help_text, run in self._commands():
            # Array indices are meant exactly: `12` is run 12 before it is anything that contains a 1 and a 2.
            exact = query.strip() in title.split()
            score, offsets = matcher.fuzzy_search.match(query, title)
            if score > 0 or exact:
                shown = _marked(title, offsets, matcher.match_style)
                yield Hit(EXACT if exact else score, shown, run, help=_literal(help_text))

    def _commands(self) -> Iterator[Command]:
        yield from self._actions()
        main = self._main
        for run in main.snapshot.runs:
            title = f"run {plain(run_name(run))} {plain(run.run)}"
            yield Command(title, "select this run", partial(main.select_run, run.key))

    def _actions(self) -> Iterator[Command]:
        main, app = self._main, cast("LrdashApp", self.app)
        for view, widget in main.commanded():
            for key in VIEWS[view]:
                if key.name not in _ONLY_KEYS:
                    keys = app.glyphs.keys(shown_keys(view, key, app.settings.keys))
                    run = partial(widget.run_action, key.action)
                    yield Command(f"{key.label.lower()}: {key.help}", f"key {keys}", run)
        for tab in TABS:
            yield Command(f"view {tab}", "open this view", partial(setattr, main, "tab", tab))
        for theme in THEMES:
            yield Command(f"theme {theme.name}", "colours", partial(setattr, app, "theme", theme.name))


def _marked(title: str, offsets: Sequence[int], style: Style) -> Content:
    content = Content(title)
    for offset in offsets:
        content = content.stylize(style, offset, offset + 1)
    return content


def _literal(text: str) -> str:
    """Textual takes a Content here as well, and a str for markup."""
    return cast("str", Content(text))
