"""Pictures of every view at the four sizes, compared with those in __snapshots__.

After a change that is meant: `pytest tests/ui/test_pictures.py --snapshot-update`, then look at them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from lrdash.ui.app import LrdashApp
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings
from lrdash.ui.widgets import status_bar
from tests.ui import fakes
from tests.ui.comparison import a_comparison
from tests.ui.screens import opened, shows, until

SIZES = [(80, 24), (100, 30), (120, 40), (160, 45)]
LINES = (
    "lrdash: sweep=lr_experiment_v7 group=text index=2 job=4815201_2 restart=0 port=29702 host=gpu017",
    "[INFO] Process rank: 0, world size: 2, device: cuda:0, compute dtype: torch.bfloat16",
    "[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05",
    *(
        f"{{'loss': {0.7 - step / 900:.4f}, 'epoch': {step / 50:.1f}, 'step': {step}}}"
        for step in range(10, 190, 10)
    ),
)


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_bar, "monotonic", lambda: 0.0)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def an_app(tmp_path: Path, theme: str = "", *, ascii_only: bool = False) -> LrdashApp:
    for job in ("4815201", "4815202"):  # a log that is not there is shown with its path, which differs
        for index in range(3):
            (tmp_path / f"{job}_{index}.out").write_text("\n".join(LINES) + "\n")
    session = Session(fakes.FakeSource(fakes.half_way(tmp_path)), Settings())
    return LrdashApp(lambda: session, theme=theme, ascii_only=ascii_only)


async def on_home(pilot: Pilot[Any]) -> None:
    await opened(pilot)
    await pilot.press("2")
    await shows(pilot, "'step'" if pilot.app.size.width > 110 else "'loss'")
    await pilot.pause()


async def on_metrics(pilot: Pilot[Any]) -> None:
    await opened(pilot)
    await pilot.press("]", "]", "left", "left", "left", "left")
    await shows(pilot, "epoch 3")


async def on_compare(pilot: Pilot[Any]) -> None:
    await opened(pilot)
    app: Any = pilot.app
    app.main.comparison = a_comparison()
    await pilot.press("[", "[")
    await shows(pilot, "250 test rows")


async def on_checks(pilot: Pilot[Any]) -> None:
    await opened(pilot)
    await pilot.press("t", "[")
    await shows(pilot, "evidence")


async def on_help(pilot: Pilot[Any]) -> None:
    await opened(pilot)
    await pilot.press("question_mark")
    await shows(pilot, "previous row")


async def on_attention(pilot: Pilot[Any]) -> None:
    await opened(pilot)
    await pilot.press("a")
    await until(
        pilot, lambda: "needs attention" in str(pilot.app.screen.query(".dialog").first().border_title)
    )


VIEWS = {
    "home": on_home, "metrics": on_metrics, "compare": on_compare, "checks": on_checks, "help": on_help,
    "attention": on_attention,
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", ["home", "metrics", "compare", "checks"])
def test_views(snap_compare: Any, tmp_path: Path, view: str, size: tuple[int, int]) -> None:
    assert snap_compare(an_app(tmp_path), terminal_size=size, run_before=VIEWS[view])


@pytest.mark.parametrize("view", ["help", "attention"])
def test_dialogs(snap_compare: Any, tmp_path: Path, view: str) -> None:
    assert snap_compare(an_app(tmp_path), terminal_size=(100, 30), run_before=VIEWS[view])


def test_light(snap_compare: Any, tmp_path: Path) -> None:
    assert snap_compare(an_app(tmp_path, "lrdash-light"), terminal_size=(100, 30), run_before=on_home)


def test_no_color(snap_compare: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(an_app(tmp_path), terminal_size=(100, 30), run_before=on_home)


def test_ascii(snap_compare: Any, tmp_path: Path) -> None:
    assert snap_compare(an_app(tmp_path, ascii_only=True), terminal_size=(100, 30), run_before=on_home)
