"""Recordings and the settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.errors import ConfigError
from lrdash.monitor.snapshot import Snapshot
from lrdash.ui.recording import FILE, RecordingSource, ReplaySource, read_recording
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings, load_settings
from tests.ui import fakes
from tests.ui.screens import opened, until


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record(folder: Path, *snapshots: Snapshot, seconds: float = 10.0) -> None:
    clock = Clock()
    source = RecordingSource(fakes.FakeSource(*snapshots), folder, clock)
    for _ in snapshots[1:]:
        clock.now += seconds
        source.poll_queue()
        source.poll_files()
    source.close()


def test_a_recording_shows_what_was_seen_when_it_was_seen(tmp_path: Path) -> None:
    record(tmp_path / "r", fakes.not_submitted(), fakes.half_way())
    clock = Clock()
    source = ReplaySource(tmp_path / "r", speed=5.0, clock=clock)
    assert source.snapshot.runs[0].state is None
    assert source.queue_interval == pytest.approx(2.0)
    clock.now += 2.1
    assert source.poll_queue().runs[0].state == "COMPLETED"
    assert source.poll_queue().runs == fakes.half_way().runs
    assert source.queue_interval == 3600.0


def test_unchanged_snapshots_are_kept_once(tmp_path: Path) -> None:
    later = fakes.copy(fakes.half_way(), taken_at="2026-11-23T13:09:00+01:00")
    record(tmp_path / "r", fakes.half_way(), later)
    assert len(read_recording(tmp_path / "r")) == 1


def test_logs_travel_with_the_recording(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "4815201_2.out").write_text("the last line\n")
    record(tmp_path / "r", fakes.half_way(logs))
    (logs / "4815201_2.out").unlink()
    run = ReplaySource(tmp_path / "r").snapshot.find("text:2")
    assert run is not None
    assert run.logs.out is not None
    assert Path(run.logs.out).read_text() == "the last line\n"
    assert run.logs.err is None


def test_names_in_a_recording_cannot_leave_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "secret.out"
    outside.write_text("x")
    run = fakes.run("text:0", run="../../secret", logs=fakes.LogPaths("/etc/passwd", "/etc/passwd"))
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / FILE).write_bytes(
        fakes.msgspec.json.encode({"at": 0.0, "snapshot": fakes.copy(fakes.half_way(), runs=(run,))}) + b"\n"
    )
    assert ReplaySource(folder).snapshot.runs[0].logs == fakes.LogPaths()


def test_a_cut_last_line_is_left_out_and_a_bad_one_is_told(tmp_path: Path) -> None:
    record(tmp_path / "r", fakes.not_submitted(), fakes.half_way())
    path = tmp_path / "r" / FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert len(read_recording(tmp_path / "r")) == 1
    path.write_bytes(b"{}\n" + whole)
    with pytest.raises(ConfigError, match=r"snapshots\.jsonl:1: not a recorded snapshot"):
        read_recording(tmp_path / "r")
    with pytest.raises(ConfigError, match="cannot be replayed"):
        read_recording(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="is there already"):
        RecordingSource(fakes.FakeSource(fakes.half_way()), tmp_path / "r")


async def test_the_screen_replays_a_recording(tmp_path: Path) -> None:
    record(tmp_path / "r", fakes.not_submitted(), fakes.half_way())
    app = fakes.LrdashApp(lambda: Session(ReplaySource(tmp_path / "r", speed=1000.0), Settings()))
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.main.snapshot.runs[0].state == "COMPLETED")
        await pilot.press("x")
        await until(pilot, lambda: app._notifications, "a recording cannot be acted on")


def test_settings_have_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "config.toml") == Settings()


def test_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('theme = "lrdash-light"\n[notify]\ncommand = ["say"]\n[keys]\n"home.mark" = "m"\n')
    settings = load_settings(path)
    assert (settings.theme, settings.notify.command, settings.keys) == (
        "lrdash-light",
        ("say",),
        {"home.mark": "m"},
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("them = 1", "unknown field `them`"),
        ("queue_seconds = 'x'", r"Expected `float`, got `str` - at `\$.queue_seconds`"),
        ("[keys]\n'home.marks' = 'm'", r"'home.marks' is no binding"),
        ("theme = ", "config.toml: "),
    ],
)
def test_mistakes_in_settings_name_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
