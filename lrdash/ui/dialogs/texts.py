"""Dialogs that only show: help, command log, configuration differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from lrdash.ui.bindings import VIEW_TITLES, VIEWS, shown_keys
from lrdash.ui.dialogs.base import Dialog
from lrdash.ui.format import fit, plain
from lrdash.ui.glyphs import Glyphs
from lrdash.ui.table_text import Cell, table_lines
from lrdash.ui.widgets.lines import Line, line

if TYPE_CHECKING:
    from lrdash.sweep.spec import Run


class TextDialog(Dialog[None]):
    """A page to read."""


def help_lines(views: Sequence[str], keymap: Mapping[str, str], glyphs: Glyphs) -> list[Line]:
    """The keys of some views, as they are bound now."""
    keys = {
        view: [(glyphs.keys(shown_keys(view, key, keymap)), key.help) for key in VIEWS[view]]
        for view in views
    }
    width = max((cell_len(shown) for rows in keys.values() for shown, _ in rows), default=0)
    lines: list[Line] = []
    for view, rows in keys.items():
        lines += [Line()] if lines else []
        lines.append(line((f" {VIEW_TITLES[view]}", "title")))
        lines += [line((f"  {fit(shown, width)}  ", "accent"), (words, "text")) for shown, words in rows]
    return lines


class HelpDialog(TextDialog):
    """The keys of where the focus was; the key that opened it closes it."""

    def __init__(self, views: Sequence[str], keymap: Mapping[str, str], glyphs: Glyphs) -> None:
        super().__init__("keys", help_lines(views, keymap, glyphs))

    def action_help(self) -> None:
        self.dismiss()


def command_log_lines(entries: Sequence[Any]) -> list[Line]:
    """When, how long, how it ended, and the command; the newest first."""
    lines = []
    for entry in reversed(entries):
        at = datetime.fromtimestamp(entry.started).strftime("%H:%M:%S")
        ended = "no answer" if entry.exit_status is None else str(entry.exit_status)
        role = "muted" if entry.exit_status == 0 else "error"
        command = plain(" ".join(entry.command))
        lines.append(
            line((f" {at} {entry.seconds:6.2f} s ", "muted"), (f"{ended:>3}  ", role), (command, "text"))  # type: ignore[arg-type]
        )
        if entry.note:
            lines.append(line((f"{'':>24}{plain(entry.note)}", "warning")))
    return lines or [line((" no scheduler command has been run yet", "muted"))]


def difference_lines(runs: Sequence[Run]) -> list[Line]:
    """The arguments in which runs differ, one column a run; then how many are the same."""
    keys = list(dict.fromkeys(key for run in runs for key in run.args))
    different = [key for key in keys if len({repr(run.args.get(key)) for run in runs}) > 1]
    rows: list[tuple[str, list[Cell]]] = [
        (f"argument {key}", [[(key, "bold")], *([_value(run.args.get(key))] for run in runs)])
        for key in different
    ]
    titles = ["argument", *(run.key for run in runs)]
    same = len(keys) - len(different)
    tail = line(
        (f" the other {same} arguments are the same in {'both' if len(runs) == 2 else 'all'}", "muted")
    )
    return [*table_lines(titles, rows, left=frozenset(range(len(titles)))), Line(), tail]


def _value(value: object) -> tuple[str, Any]:
    return ("–", "faint") if value is None else (plain(str(value)), "text")
