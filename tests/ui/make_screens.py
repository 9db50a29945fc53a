"""Makes docs/screens/*.svg from a workspace in which a demo sweep has run.

`lrdash demo DIR && python -m tests.ui.make_screens DIR`; then look at them.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from lrdash.monitor.monitor import Monitor
from lrdash.scheduler.local import LocalScheduler
from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Sweep
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings
from tests.conftest import ROOT
from tests.ui.screens import opened, shows, until

FOLDER = ROOT / "docs" / "screens"
WIDE, SMALL = (120, 40), (80, 24)
# name, size, theme, keys, what must stand on the screen
PICTURES: tuple[tuple[str, tuple[int, int], str, Sequence[str], str], ...] = (
    ("home", WIDE, "", ("2",), "accuracy by epoch"),
    ("home-light", WIDE, "lrdash-light", ("2",), "accuracy by epoch"),
    ("home-80x24", SMALL, "", ("1",), "accuracy by epoch"),
    ("home-160x45", (160, 45), "", ("2",), "accuracy by epoch"),
    ("log", WIDE, "", ("2", "enter", "g"), "custom classification optimizer"),
    ("metrics", WIDE, "", ("]", "]", "left", "left", "left", "left"), "epoch 3"),
    ("loss", WIDE, "", ("]", "]", "m", "m"), "loss at each epoch"),
    ("compare", WIDE, "", ("[", "["), "test rows"),
    ("predictions", WIDE, "", ("[", "[", "down", "down", "down", "enter"), "confident first"),
    ("checks", WIDE, "", ("2", "["), "evidence"),
    ("actions", WIDE, "", ("x",), "submit what failed"),
    ("help", WIDE, "", ("question_mark",), "previous row"),
    ("wall", WIDE, "", ("W",), "the last lines"),
)

# Whose machine it was is nobody's business. What stands for its folders is not stretched to their length.
_SHORTENED = re.compile(r"(<text [^>]*?) textLength=\"[^\"]*\"([^>]*>[^<]*~/)")


async def picture(sweep: Sweep, cache: Path, at: int) -> None:
    name, size, theme, keys, text = PICTURES[at]
    scheduler = LocalScheduler(sweep)
    monitor = Monitor(sweep, scheduler, cache_dir=cache)
    monitor.poll_queue()
    monitor.poll_files()
    session = Session(monitor, Settings(theme=theme), Backend(sweep, scheduler))
    app = LrdashApp(lambda: session)
    async with app.run_test(size=size) as pilot:
        await _settled(pilot, app)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.3)
        if name not in ("wall", "help", "predictions"):  # their titles are borders, drawn apart
            await shows(pilot, text)
        await pilot.pause(2)
        svg = app.export_screenshot(title="lrdash")
    svg = svg.replace(str(sweep.root), "~/sweep").replace(f"{ROOT}/", "~/")
    (FOLDER / f"{name}.svg").write_text(_SHORTENED.sub(r"\1\2", svg))


async def _settled(pilot: Pilot[Any], app: LrdashApp) -> None:
    await opened(pilot)
    await until(pilot, lambda: app.main.comparison is not None, "the comparison", 60)


def main() -> None:
    sweep = load_sweep(find_sweep_files(Path(sys.argv[1]))[0])
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:]
    with tempfile.TemporaryDirectory() as cache:
        for at, (name, *_) in enumerate(PICTURES):
            if not wanted or name in wanted:
                asyncio.run(picture(sweep, Path(cache), at))
                print(FOLDER / f"{name}.svg")


if __name__ == "__main__":
    main()
