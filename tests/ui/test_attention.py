"""The list of what needs attention, while the sweep goes on."""

from __future__ import annotations

import msgspec

from lrdash.monitor.snapshot import Check, RunStatus
from lrdash.ui.attention import concerns
from lrdash.ui.widgets.lines import Lines
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows, until


async def test_an_open_list_follows_the_sweep_and_keeps_its_cursor() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("a", "down", "down")
        page = app.screen.query_one(Lines)
        assert page.cursor == "2 vision:1"
        before = app.main.snapshot

        def later(run: RunStatus) -> RunStatus:
            if run.key == "vision:0":
                return msgspec.structs.replace(run, state="COMPLETED", diagnosis=None)
            if run.key == "text:0":
                return msgspec.structs.replace(
                    run, checks=(Check("frozen", "FORBIDDEN", "", "it has moved"),)
                )
            return run

        app.main.snapshot = fakes.copy(before, runs=tuple(map(later, before.runs)))
        await shows(pilot, "check frozen: FORBIDDEN")
        assert "out of memory" not in screen_text(app).split("needs attention")[1].split("esc")[0]
        assert page.cursor == "2 vision:1"
        await pilot.press("enter")
        assert app.main.selected == "vision:1"


async def test_a_submission_without_an_answer_stands_on_its_row_and_needs_attention() -> None:
    words = "its submission at 2026-11-23T08:15:00+00:00 got no answer"
    lost = msgspec.structs.replace(
        fakes.not_submitted(), runs=(fakes.run("text:0", state=None, reason=words),)
    )
    assert [concern.reason for concern in concerns(lost)] == [words]
    app = fakes.make_app(lost)
    async with app.run_test(size=(160, 40)) as pilot:
        await opened(pilot)
        await shows(pilot, "its submission at 2026-11-23")


async def test_reasons_are_wrapped_anew_where_the_terminal_ends_now() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("a")
        await shows(pilot, "CUDA out of memory")
        page = app.screen.query_one(Lines)
        at_first = len(page.lines)
        await pilot.resize_terminal(60, 40)
        await until(pilot, lambda: len(page.lines) > at_first)
        assert page.max_scroll_x == 0, "all of each line is seen"


async def test_what_is_counted_are_runs_not_reasons() -> None:
    app = fakes.make_app()
    assert [concern.key for concern in concerns(fakes.half_way())].count("vision:1") == 2
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await shows(pilot, "2 need attention")
