"""Before scheduler and files have answered for the first time nothing is said in their name."""

from __future__ import annotations

import pytest

from lrdash.monitor.snapshot import Source, Sources
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows


@pytest.mark.parametrize(
    ("queue", "told"),
    [
        (Source("unavailable"), "queue …"),
        (Source("unavailable", None, "squeue: no answer"), "▲ queue unavailable"),
    ],
)
async def test_a_queue_that_has_not_been_asked_yet_is_not_unavailable(queue: Source, told: str) -> None:
    unread = Source("off")
    app = fakes.make_app(fakes.copy(fakes.half_way(), sources=Sources(queue, unread, unread, unread)))
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await shows(pilot, told)
        assert ("unavailable" in screen_text(app).splitlines()[0]) == ("▲" in told)


async def test_a_run_that_has_ended_was_started_though_its_files_are_not_read_yet() -> None:
    ended = fakes.run("text:0", state="COMPLETED", progress=fakes.Progress())
    app = fakes.make_app(fakes.copy(fakes.half_way(), runs=(ended, fakes.run("text:1"))))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await shows(pilot, "its log is not known yet")
        row = next(line for line in screen_text(app).splitlines() if "COMPLETED" in line)
        assert " 0 " not in row.split("COMPLETED")[1]
        await pilot.press("1")
        await shows(pilot, "no log: this run has not been started")
