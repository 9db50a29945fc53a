"""The table of epochs below the curves: those that exist, and as many as fit."""

from __future__ import annotations

import msgspec

from lrdash.monitor.snapshot import Metrics, RunStatus, Snapshot
from lrdash.ui.curves import METRICS
from lrdash.ui.glyphs import UNICODE
from lrdash.ui.series import series_looks
from lrdash.ui.views.metrics import epoch_table
from tests.ui import fakes
from tests.ui.screens import opened, shows

ABSURD = 9_223_372_036_854_775_807
"""`Num Epochs` where only steps limit a training."""


def with_epochs(count: int) -> tuple[RunStatus, ...]:
    rows = tuple({"epoch": float(epoch), "eval_accuracy": 0.5} for epoch in range(1, count + 1))
    return (fakes.run("text:0", state="RUNNING", metrics=Metrics(last=rows[-1], epochs=rows)),)


def titles(runs: tuple[RunStatus, ...], room: int, crosshair: float | None = None) -> list[str]:
    lines = epoch_table(list(runs), series_looks(runs), METRICS[0], crosshair, UNICODE, room)
    assert all(len(line.text) <= room + 4 for line in lines)
    return lines[0].text.split()[1:]


def test_the_last_epochs_are_shown_or_those_around_the_crosshair() -> None:
    assert titles(with_epochs(6), 80) == ["1", "2", "3", "4", "5", "6"]
    assert titles(with_epochs(100), 50)[-3:] == ["98", "99", "100"]
    assert titles(with_epochs(100), 50, crosshair=1.0)[:2] == ["[1]", "2"]
    assert "[50]" in titles(with_epochs(100), 50, crosshair=50.0)
    assert titles(with_epochs(100), 22) == ["100"]


async def test_an_absurd_number_of_epochs_is_no_number_of_columns() -> None:
    runs = tuple(
        msgspec.structs.replace(run, progress=msgspec.structs.replace(run.progress, epochs=ABSURD))
        for run in fakes.half_way().runs
    )
    snapshot: Snapshot = fakes.copy(fakes.half_way(), runs=runs)
    app = fakes.make_app(snapshot)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("]", "]")
        await shows(pilot, "accuracy at each epoch")
        await shows(pilot, ".876")
