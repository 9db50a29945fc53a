"""The command palette: every key's action by name, and every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from lrdash.ui.bindings import VIEWS
from lrdash.ui.format import plain
from lrdash.ui.series import run_name
from lrdash.ui.state import TABS
from lrdash.ui.theme import THEMES

if TYPE_CHECKING:
    from lrdash.ui.app import LrdashApp
    from lrdash.ui.screens.main import MainScreen

Command = tuple[str, str, Callable[[], Any]]
"""What is typed, what it does, and doing it."""
EXACT = 1e6
"""A score above that of any partial match."""
_NOT_BY_NAME = frozenset({"index", "palette", "back"})


class SweepCommands(Provider):
    """Searched by Textual's palette."""

    @property
    def _main(self) -> MainScreen:
        return cast("LrdashApp", self.app).main

    async def discover(self) -> Hits:
        for title, help_text, command in self._actions():
            yield DiscoveryHit(title, command, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help_text, command in self._commands():
            # Array indices are meant exactly: `12` is run 12 before it is anything that contains a 1 and a 2.
            exact = query.strip() in title.split()
            if (score := matcher.match(title)) > 0 or exact:
                yield Hit(EXACT if exact else score, matcher.highlight(title), command, help=help_text)

    def _commands(self) -> Iterator[Command]:
        yield from self._actions()
        main = self._main
        for run in main.snapshot.runs:
            title = f"run {plain(run_name(run))} {plain(run.run)}"
            yield title, "select this run", partial(main.select_run, run.key)

    def _actions(self) -> Iterator[Command]:
        main = self._main
        for key in VIEWS["everywhere"]:
            if key.name not in _NOT_BY_NAME:
                title = f"{key.label.lower()}: {key.help}"
                yield title, f"key {key.shown}", partial(main.run_action, key.action)
        for tab in TABS:
            yield f"view {tab}", "open this view", partial(setattr, main, "tab", tab)
        for theme in THEMES:
            yield f"theme {theme.name}", "colours", partial(setattr, self.app, "theme", theme.name)
