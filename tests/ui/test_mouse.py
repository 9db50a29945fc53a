"""Whatever looks like it can be clicked can be."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from lrdash.ui.dialogs.attention import AttentionDialog
from lrdash.ui.widgets.bars import KeyBar
from lrdash.ui.widgets.run_table import RunTable
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, until

SIZE = (120, 40)


async def click_on(pilot: Pilot[Any], text: str) -> None:
    """Where a text stands first."""
    rows = screen_text(pilot.app).splitlines()
    row = next(at for at, line in enumerate(rows) if text in line)
    await pilot.click(offset=(rows[row].index(text) + 1, row))


async def test_the_head_of_a_column_sorts_by_it() -> None:
    app = fakes.make_app()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        table = app.main.query_one(RunTable)
        await click_on(pilot, " loss")
        await until(pilot, lambda: table.arrangement.sort == "loss")
        assert [row.key for row in table.rows][:4] == ["text:", "text:0", "text:1", "text:2"]
        await click_on(pilot, "loss")
        await until(pilot, lambda: table.arrangement.reverse)
        assert [row.key for row in table.rows][:4] == ["text:", "text:2", "text:1", "text:0"]
        await click_on(pilot, " state")
        await until(pilot, lambda: (table.arrangement.sort, table.arrangement.reverse) == ("state", False))
        await click_on(pilot, " run ")
        await until(pilot, lambda: table.arrangement.sort == "index")


async def test_what_needs_attention_opens_with_a_click() -> None:
    app = fakes.make_app()
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        await click_on(pilot, "need attention")
        await until(pilot, lambda: isinstance(app.screen, AttentionDialog))


async def test_a_key_below_the_mouse_is_explained() -> None:
    app = fakes.make_app()
    async with app.run_test(size=SIZE, tooltips=True) as pilot:
        await opened(pilot)
        bar = app.main.query_one("#keys", KeyBar)
        text = bar.render_line(0).text
        await pilot.hover("#keys", offset=(text.index("Actions"), 0))
        await until(pilot, lambda: "cancel, requeue" in str(bar.tooltip))
        await pilot.hover("#keys", offset=(text.index("Log"), 0))
        await until(pilot, lambda: str(bar.tooltip) == "the log of this run")
        await pilot.hover("#keys", offset=(118, 0))
        await until(pilot, lambda: bar.tooltip is None)
