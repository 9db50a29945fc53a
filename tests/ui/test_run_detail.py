"""What the Checks view says of one run besides its checks."""

from __future__ import annotations

import msgspec

from lrdash.monitor.snapshot import Progress, RunStatus, Snapshot, Usage
from tests.ui import fakes
from tests.ui.screens import opened, shows

GIB = 2**30


def with_costs() -> Snapshot:
    """A run that has ended, with its accounting, and one that its time limit will end."""
    snapshot = fakes.half_way()
    usage = Usage(10 * GIB, 64 * GIB, 2 * 11_529.0, 16)
    ahead = Progress(
        3.6, 6, 180, 300, 4800.0, (4500.0, 6000.0), True, 3.0, 4.58, 4, gpu_hours_spent=3.8,
        gpu_hours_to_come=2.7,
    )  # fmt: skip
    changes: dict[str, dict[str, object]] = {"text:0": {"usage": usage}, "text:2": {"progress": ahead}}

    def changed(run: RunStatus) -> RunStatus:
        return msgspec.structs.replace(run, **changes.get(run.key, {}))

    return fakes.copy(snapshot, runs=tuple(map(changed, snapshot.runs)))


async def test_used_against_asked_and_what_is_to_come() -> None:
    app = fakes.make_app(with_costs())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("[")
        await shows(pilot, "memory 10 of 64 G (16 %)")
        await shows(pilot, "--mem=12G would do")
        await pilot.press("2")
        await shows(pilot, "the time limit strikes at epoch 4.6; 4 whole epochs fit")
        await shows(pilot, "GPU-hours 3.8, 2.7 to come")
