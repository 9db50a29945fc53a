"""What is kept between starts, and the first picture of the next one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from lrdash.errors import ConfigError
from lrdash.monitor.document import write_document
from lrdash.ui.app import LrdashApp
from lrdash.ui.first_frame import first_frame
from lrdash.ui.saved_view import SavedView, ViewFile
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings, load_settings
from tests.ui import fakes
from tests.ui.screens import opened, shows, until


def app_with_view(file: Path, theme: str = "") -> LrdashApp:
    session = Session(fakes.FakeSource(fakes.half_way()), Settings(), view_file=ViewFile(file))
    return LrdashApp(lambda: session, theme=theme)


async def test_a_terminal_without_colours_leaves_the_chosen_theme_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ViewFile(tmp_path / "s.yaml").path
    file.parent.mkdir(parents=True)
    file.write_bytes(msgspec.json.encode(SavedView(theme="lrdash-light")))
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_with_view(tmp_path / "s.yaml", "lrdash-light")
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        assert app.theme == "lrdash-mono"
        app.exit()
    assert json.loads(file.read_bytes())["theme"] == "lrdash-light"


async def test_solo_and_dimmed_runs_come_back_if_they_are_still_there(tmp_path: Path) -> None:
    file = ViewFile(tmp_path / "s.yaml").path
    file.parent.mkdir(parents=True)
    file.write_bytes(msgspec.json.encode(SavedView(solo="text:1", dimmed=("text:0", "gone:9"))))
    app = app_with_view(tmp_path / "s.yaml")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.main.chart_view.solo == "text:1")
        await shows(pilot, "only text 1  2e-6")
        assert app.main.chart_view.dimmed == {"text:0"}
        app.exit()
    assert json.loads(file.read_bytes())["dimmed"] == ["text:0"]


def test_the_digits_are_bound_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"everywhere.3" = "f3"\n')
    assert load_settings(path).keys == {"everywhere.3": "f3"}
    path.write_text('[keys]\n"everywhere.index" = "f1"\n')
    with pytest.raises(ConfigError, match="no binding"):
        load_settings(path)


def test_the_first_frame_tells_how_old_it_is(tmp_path: Path) -> None:
    taken = (datetime.now().astimezone() - timedelta(days=21)).isoformat()
    write_document(fakes.copy(fakes.half_way(), taken_at=taken), tmp_path / "status.json")
    assert first_frame(tmp_path / "status.json").startswith(" lr_experiment_v7   as it was 21 d ago\n")
