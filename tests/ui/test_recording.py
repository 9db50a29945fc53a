"""Recordings and the settings file."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from lrdash.cli import main
from lrdash.errors import ConfigError, ResultsError
from lrdash.monitor.snapshot import Snapshot, Source, Sources
from lrdash.results.comparison import Comparison
from lrdash.ui.app import LrdashApp
from lrdash.ui.bindings import VIEWS, shown_keys
from lrdash.ui.recording import GROWTH, SNAPSHOTS, Frame, Growth, Recorder, RecordingSource
from lrdash.ui.replay import ReplayResults, ReplaySource
from lrdash.ui.results import FolderResults
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings, load_settings
from tests.ui import fakes
from tests.ui.comparison import a_comparison
from tests.ui.screens import opened, screen_text, shows, until


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record(folder: Path, *snapshots: Snapshot, seconds: float = 10.0) -> None:
    clock = Clock()
    source = RecordingSource(fakes.FakeSource(*snapshots), Recorder(folder, clock))
    source.poll_files()
    for _ in snapshots[1:]:
        clock.now += seconds
        source.poll_queue()
        source.poll_files()
    source.close()


def text_of(source: ReplaySource, key: str) -> str | None:
    """The log of a run as it stands in the replay now."""
    run = source.poll_files().find(key)
    assert run is not None
    assert run.logs.out is not None
    path = Path(run.logs.out)
    return path.read_text() if path.exists() else None


def test_a_recording_shows_what_was_seen_when_it_was_seen(tmp_path: Path) -> None:
    record(tmp_path / "r", fakes.not_submitted(), fakes.half_way())
    clock = Clock()
    source = ReplaySource(tmp_path / "r", speed=5.0, clock=clock)
    assert source.snapshot.runs[0].state is None
    assert source.queue_interval == pytest.approx(2.0)
    clock.now += 2.1
    assert source.poll_queue().runs[0].state == "COMPLETED"
    assert source.poll_queue().runs == fakes.half_way().runs
    assert source.queue_interval == source.files_interval == 3600.0


def test_unchanged_snapshots_are_kept_once_and_an_outage_is_a_change(tmp_path: Path) -> None:
    later = fakes.copy(fakes.half_way(), taken_at="2026-11-23T13:09:00+01:00")
    outage = fakes.copy(later, sources=Sources(queue=Source("unavailable", 99.0, "squeue: no answer")))
    record(tmp_path / "r", fakes.half_way(), later, outage)
    frames = ReplaySource(tmp_path / "r").frames
    assert [frame.snapshot.sources.queue.state for frame in frames] == ["fresh", "unavailable"]
    assert [frame.at for frame in frames] == [0.0, 20.0]


def test_logs_grow_in_a_replay_as_they_grew(tmp_path: Path) -> None:
    log = tmp_path / "4815201_2.out"
    clock = Clock()
    source = RecordingSource(fakes.FakeSource(fakes.half_way(tmp_path)), Recorder(tmp_path / "r", clock))
    for text in ("one\n", "one\ntwo é\n", "new\n"):  # the last is another file: a requeue began anew
        clock.now += 10
        log.write_text(text)
        source.poll_files()
    log.unlink()
    # It is not closed: after a crash everything is there too.
    clock = Clock()
    replay = ReplaySource(tmp_path / "r", clock=clock)
    assert text_of(replay, "text:2") is None
    for text in ("one\n", "one\ntwo é\n", "new\n"):
        clock.now += 10
        assert text_of(replay, "text:2") == text
    run = replay.snapshot.find("text:2")
    assert run is not None
    assert run.logs.out is not None
    replay.close()
    assert not Path(run.logs.out).parent.exists()


def test_a_log_that_is_a_fifo_or_a_folder_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "4815201_2.out")
    (tmp_path / "4815201_2.err").mkdir()
    recorder = Recorder(tmp_path / "r")
    source = RecordingSource(fakes.FakeSource(fakes.half_way(tmp_path)), recorder)
    watch = threading.Thread(target=lambda: (source.poll_files(), source.close()), daemon=True)
    watch.start()
    watch.join(10)
    assert not watch.is_alive()
    assert (tmp_path / "r" / GROWTH).read_bytes() == b""


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    recorder = Recorder(tmp_path / "r")
    recorder._files[SNAPSHOTS] = open("/dev/full", "wb")  # noqa: SIM115 - closed by the recorder
    source = RecordingSource(fakes.FakeSource(fakes.half_way()), recorder)
    assert source.poll_files() == source.poll_queue() == fakes.half_way()
    assert recorder.problem.endswith("snapshots.jsonl: recorded only until then: No space left on device")
    source.close()


def test_names_in_a_recording_cannot_leave_its_folder(tmp_path: Path) -> None:
    run = fakes.run("text:0", run="../../secret", logs=fakes.LogPaths("../../out", "/etc/passwd"))
    folder = tmp_path / "r"
    recorder = Recorder(folder)
    recorder.write(SNAPSHOTS, Frame(0.0, fakes.copy(fakes.half_way(), runs=(run,))))
    recorder.write(GROWTH, Growth(0.0, "../../out", "x"))
    recorder.close()
    source = ReplaySource(folder)
    logs = source.poll_files().runs[0].logs
    assert logs.out is not None
    assert logs.err is not None
    assert Path(logs.out).parent == Path(logs.err).parent == source.local("any").parent
    assert (Path(logs.out).read_text(), Path(logs.err).exists()) == ("x", False)
    source.close()


def test_text_of_a_recording_that_is_no_bytes_and_a_full_disk_end_no_replay(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    recorder = Recorder(tmp_path / "r")
    recorder.write(SNAPSHOTS, Frame(0.0, fakes.half_way()))
    for name, text in (("one", "2 π r"), ("full", "x"), ("one", " more")):
        recorder.write(GROWTH, Growth(0.0, name, text))
    recorder.close()
    source = ReplaySource(tmp_path / "r")
    source.local("full").symlink_to("/dev/full")
    assert source.poll_files().sweep == fakes.half_way().sweep
    assert source.local("one").read_text() == "2 ? r"
    source.close()


def test_a_cut_last_line_is_left_out_and_a_bad_one_is_told(tmp_path: Path) -> None:
    record(tmp_path / "r", fakes.not_submitted(), fakes.half_way())
    path = tmp_path / "r" / SNAPSHOTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert len(ReplaySource(tmp_path / "r").frames) == 1
    path.write_bytes(b"{}\n" + whole)
    with pytest.raises(ConfigError, match=r"snapshots\.jsonl:1: not a line of a recording"):
        ReplaySource(tmp_path / "r")
    with pytest.raises(ConfigError, match="cannot be replayed"):
        ReplaySource(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="holds a recording already"):
        Recorder(tmp_path / "r")
    with pytest.raises(ConfigError, match="is not a speed"):
        ReplaySource(tmp_path / "r", speed=float("nan"))


async def test_the_screen_replays_a_recording(tmp_path: Path) -> None:
    record(tmp_path / "r", fakes.not_submitted(), fakes.half_way())
    app = replay_of(tmp_path / "r")
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.main.snapshot.runs[0].state == "COMPLETED")
        await pilot.press("x")
        await until(pilot, lambda: app._notifications, "a recording cannot be acted on")
        await pilot.press("[", "[")
        await shows(pilot, "no comparison of that epoch is in it")


def replay_of(folder: Path) -> LrdashApp:
    def open_session() -> Session:
        source = ReplaySource(folder, speed=1000.0)
        return Session(source, Settings(), ReplayResults(source, folder))

    return LrdashApp(open_session)


class SomeResults(FolderResults):
    """Results with a comparison, and a training curve that grows."""

    def __init__(self, curve: Path) -> None:
        super().__init__("lr_experiment_v7", lambda: ())
        self.curve = curve

    def curve_files(self) -> dict[str, Path]:
        return {"text:0": self.curve}

    def compare(self, baselines: Mapping[str, str], epoch: str | int = "last") -> Comparison:
        assert self.listener is not None
        self.listener(a_comparison())
        return a_comparison()


async def test_a_replay_shows_logs_curves_and_comparisons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded from a screen, shown on a screen, without the files it was recorded from."""
    monkeypatch.chdir(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    (files / "4815201_0.out").write_text("the last line\n")
    steps = [{"current_steps": step, "loss": 0.5, "epoch": step / 50} for step in (10, 20, 30)]
    (files / "curve").write_text("".join(json.dumps(step) + "\n" for step in steps))
    results, recorder = SomeResults(files / "curve"), Recorder(tmp_path / "r")
    results.listener = recorder.keep_comparison
    source = RecordingSource(fakes.FakeSource(fakes.half_way(files)), recorder, results.curve_files)
    app = LrdashApp(lambda: Session(source, Settings(), results))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.main.comparison is not None)
    shutil.rmtree(files)
    replay = replay_of(tmp_path / "r")
    async with replay.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await shows(pilot, "the last line")
        await until(pilot, lambda: replay.main.comparison == a_comparison())
        await pilot.press("tab", "m", "m")
        await until(pilot, lambda: replay.main.chart and "text:0" in replay.main.chart.steps)
        assert replay.main.chart is not None
        assert list(replay.main.chart.steps["text:0"].steps) == [10, 20, 30]
        await pilot.press("[", "[", "down", "enter")
        await shows(pilot, "the predictions are not in it")
        await pilot.press("escape", "ctrl+s")
        await shows(pilot, "JSON, everything")
        await pilot.press("j")
        written = tmp_path / "lr_experiment_v7-comparison.json"
        await until(pilot, written.exists, "the export", 5)
    report = json.loads(written.read_text())
    assert report["comparison"]["groups"] == json.loads(msgspec.json.encode(a_comparison().groups))
    assert report["provenance"][0]["state"] == "COMPLETED"


async def test_a_comparison_that_failed_is_said_and_not_awaited(tmp_path: Path) -> None:
    class Failing(SomeResults):
        def compare(self, baselines: Mapping[str, str], epoch: str | int = "last") -> Comparison:
            raise ResultsError("results/text_0/predictions.jsonl:3: no JSON")

    session = Session(fakes.FakeSource(fakes.half_way()), Settings(), Failing(tmp_path))
    app = LrdashApp(lambda: session)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("[", "[")
        await shows(pilot, "▲ results/text_0/predictions.jsonl:3: no JSON")
        assert "comparing the predictions" not in screen_text(app)


def test_folders_are_recorded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run_a"
    folder.mkdir()
    (folder / "trainer_log.jsonl").write_text('{"current_steps": 1, "loss": 0.5}\n')

    def watch(app: LrdashApp) -> None:
        source = app._open_session().source
        source.poll_files()
        source.close()

    monkeypatch.setattr(LrdashApp, "run", watch)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main([str(folder), "--record", str(tmp_path / "r")]) == 0
    assert '"file":"curve run_a"' in (tmp_path / "r" / GROWTH).read_text()


def test_a_replay_is_not_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--record", str(tmp_path / "s")], [str(tmp_path)]):
        assert main(["--replay", str(tmp_path / "r"), *words]) == 2
        assert "give neither folders nor --record" in capsys.readouterr().err


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


def test_keys_are_written_as_they_are_printed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[keys]\n'home.mark' = '%, ctrl+g,pgdn'\n'home.open' = '+,question_mark'\n")
    keys = load_settings(path).keys
    assert keys == {"home.mark": "percent_sign,ctrl+g,pagedown", "home.open": "plus,question_mark"}
    assert shown_keys("home", VIEWS["home"][0], {"home.up": keys["home.mark"]}) == "% ctrl+g pgdn"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("them = 1", "unknown field `them`"),
        ("queue_seconds = 'x'", r"Expected `float`, got `str` - at `\$.queue_seconds`"),
        ("[keys]\n'home.marks' = 'm'", r"'home.marks' is no binding"),
        ("[keys]\n'home.mark' = 'foo'", r"keys.'home.mark': 'foo' is no key"),
        ("[keys]\n'home.mark' = 'm,'", r"keys.'home.mark': '' is no key"),
        ("theme = 'night'", r"theme 'night' is none; there are lrdash-dark, "),
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
