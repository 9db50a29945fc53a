"""More runs than rows: what is selected is on the screen, and nothing lies under a scroll bar."""

from __future__ import annotations

import msgspec
import pytest

from lrdash.monitor.snapshot import Check, Evidence, LogPaths, Snapshot
from lrdash.ui.widgets.lines import Lines
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows, until


def forty() -> Snapshot:
    run = fakes.half_way().runs[0]
    many = tuple(
        msgspec.structs.replace(run, run=f"text_{index}", group="text", index=index, label=f"label {index}")
        for index in range(40)
    )
    return fakes.copy(fakes.half_way(), runs=many)


@pytest.mark.parametrize(("tab", "table"), [("Checks", "#check-matrix"), ("Metrics", "#metrics-table")])
async def test_a_table_opens_at_the_selected_run_below_its_heads(tab: str, table: str) -> None:
    app = fakes.make_app(forty())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.selected = "text:30"
        app.main.tab = tab
        await until(pilot, lambda: app.main.view is not None and app.main.view.id == tab.lower())
        await pilot.pause()
        lines = app.main.query_one(table, Lines)
        for key in ("end", "up", "home"):
            first, *rows = [lines.render_line(y).text.strip() for y in range(lines.scrollable_size.height)]
            assert first.startswith("run ")
            assert any(lines.cursor.replace(":", " ") + "  " in row for row in rows), lines.cursor
            await pilot.press(key)


async def test_evidence_opens_at_its_top() -> None:
    """Though the first line that can be chosen, one of the log, is further down."""
    names = ("optimizer", "rates", "effective_batch", "epochs", "frozen", "port", "data")
    checks = [Check(name, "PASS", "as asked", "as asked") for name in names]  # type: ignore[arg-type]
    checks.append(Check("predictions", "PASS", "", "", Evidence("/logs/1_0.out", 3, "a line")))
    run = fakes.run("text:0", state="COMPLETED", checks=tuple(checks), logs=LogPaths("/logs/1_0.out", None))
    app = fakes.make_app(fakes.copy(fakes.half_way(), runs=(run,)))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        app.main.tab = "Checks"
        await shows(pilot, "evidence")
        evidence = app.main.query_one("#check-evidence", Lines)
        assert evidence.max_scroll_y > 0
        assert evidence.cursor == "predictions"
        assert evidence.scroll_y == 0


@pytest.mark.parametrize("width", [80, 100, 110, 117, 120, 128, 160])
async def test_no_column_lies_under_the_scroll_bar(width: int) -> None:
    app = fakes.make_app(forty())
    async with app.run_test(size=(width, 24)) as pilot:
        await opened(pilot)
        table = app.main.table
        assert table.max_scroll_y > 0
        assert len(table.render_line(0).text.rstrip()) <= table.scrollable_size.width
        app.main.tab = "Checks"
        await shows(pilot, "evidence")
        matrix = app.main.query_one("#check-matrix", Lines)
        assert matrix.max_scroll_x == 0, screen_text(app)
