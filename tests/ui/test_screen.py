"""The application on a fake source, driven by keys."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from textual import events

from lrdash.errors import ConfigError
from lrdash.monitor.snapshot import Snapshot, Source, Sources
from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend
from lrdash.ui.screens.acting import NOT_OPEN
from lrdash.ui.session import Session
from lrdash.ui.settings import Notify, Settings
from lrdash.ui.source import KnownSnapshot
from lrdash.ui.widgets.run_table import RunTable
from tests.conftest import ROOT
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows, until

SIZES = [(80, 24), (100, 30), (120, 40), (160, 45)]


@pytest.mark.parametrize("size", SIZES)
async def test_home_shows_every_run_at_every_size(size: tuple[int, int]) -> None:
    app = fakes.make_app()
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        text = screen_text(app)
        rows = [line for line in text.splitlines() if "COMPLETED" in line or "RUNNING" in line]
        assert len(rows) == 4
        assert ".876" in text
        assert "CUDA out of memory" in text
        assert "accuracy by epoch" in text
        assert "2 running" in text
        assert all(len(line) <= size[0] for line in text.splitlines())


async def test_digits_groups_and_streams() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("2", "t", "o")
        assert (app.main.selected, app.main.stream) == ("vision:2", "err")
        assert app.main.table.cursor == "vision:2"
        await pilot.press("9")
        assert app.main.selected == "vision:2"


async def test_tabs_go_round_and_escape_comes_home() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("]", "]")
        await shows(pilot, "accuracy at each epoch")
        await pilot.press("[", "[", "[")
        await shows(pilot, "evidence")
        await pilot.press("escape")
        await until(pilot, lambda: app.main.tab == "Home")


async def test_the_selected_row_stays_when_rows_change() -> None:
    first = fakes.half_way()
    fewer = fakes.copy(first, runs=first.runs[1:])
    app = fakes.make_app(first, fewer)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: len(app.main.snapshot.runs) == 5)
        app.main.selected = "text:2"
        await pilot.press("down", "down")
        assert app.main.selected == "vision:0"
        app.main.snapshot = fakes.copy(first, taken_at="2026-11-23T13:06:00+01:00")
        await pilot.pause()
        assert app.main.table.cursor == "vision:0"


async def test_an_older_snapshot_never_replaces_a_newer_one() -> None:
    newer = fakes.half_way()
    older = fakes.copy(newer, taken_at="2026-11-23T12:00:00+01:00", runs=())
    app = fakes.make_app(newer, older)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: app.source.snapshot is older)
        await pilot.pause()
        assert len(app.main.snapshot.runs) == 6


async def test_a_dead_scheduler_is_said_and_the_rows_stay() -> None:
    sources = Sources(queue=Source("stale", 130.0, "squeue: Unable to contact slurm controller"))
    app = fakes.make_app(fakes.copy(fakes.half_way(), sources=sources))
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        text = screen_text(app)
        assert "queue stale 2 min: squeue: Unable to contact slurm controller" in text
        assert "COMPLETED" in text


class HangingSource(fakes.FakeSource):
    """A queue that does not answer until the screen is closed."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot)
        self._released = threading.Event()

    def poll_queue(self) -> Snapshot:
        self._released.wait(60)
        return self.snapshot

    def close(self) -> None:
        self._released.set()


async def test_a_hanging_queue_blocks_no_key_and_no_exit() -> None:
    session = Session(HangingSource(fakes.half_way()), Settings())
    app = LrdashApp(lambda: session)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("1")
        assert app.main.selected == "text:1"
    assert not app.is_running


@pytest.mark.parametrize("key", ["x", "D"])
async def test_a_sweep_that_is_still_being_opened_says_so(key: str) -> None:
    is_open = threading.Event()

    def connect() -> Session:
        is_open.wait(60)
        return Session(
            fakes.FakeSource(fakes.half_way()),
            Settings(),
            Backend(load_sweep(find_sweep_files(ROOT)[0]), None),
        )

    session = Session(KnownSnapshot(fakes.half_way()), Settings(), connect=connect)
    app = LrdashApp(lambda: session)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press(key)
        await until(pilot, lambda: app._notifications)
        assert [note.message for note in app._notifications] == [NOT_OPEN]
        is_open.set()
        await until(pilot, lambda: app.results is not None)
        await pilot.press(key)
        await until(pilot, lambda: app.screen is not app.main)


async def test_mistakes_while_opening_end_the_app_with_the_error() -> None:
    def fail() -> Session:
        raise ConfigError("sweep.yaml: no such group")

    app = LrdashApp(fail, first_text=" lr_experiment_v7")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.return_value is not None)
    assert str(app.return_value) == "sweep.yaml: no such group"


async def test_filter_sort_fold_and_mark() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("slash", *"vision", "enter")
        assert app.main.table.rows[0].key == "vision:"
        await pilot.press("escape")
        assert len(app.main.table.rows) == 8
        await pilot.press("g", "left")
        assert len(app.main.table.rows) == 5
        await pilot.press("right", "j", "space", "space")
        assert app.main.marked == {"text:0", "text:1"}
        await pilot.press(*["s"] * 4)
        assert app.main.table.arrangement.sort == "acc"


async def test_the_crosshair_reads_all_runs_and_escape_forgets_it() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("]", "]", *["left"] * 5)
        await shows(pilot, "epoch 2")
        text = screen_text(app)
        assert all(value in text for value in (".788", ".620", ".624", ".556"))
        await pilot.press("escape")
        await until(pilot, lambda: "epoch 2" not in screen_text(app))
        assert app.main.tab == "Metrics"


async def test_the_mouse_selects_opens_and_reads() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.click(RunTable, offset=(10, 4))
        await until(pilot, lambda: app.main.selected == "text:1")
        await pilot.click("#tabs", offset=(13, 0))
        await until(pilot, lambda: app.main.tab == "Metrics")
        await pilot.hover("#metrics-chart", offset=(40, 5))
        await until(pilot, lambda: app.main.chart_view.crosshair is not None)


async def test_zoom_gives_one_pane_the_screen() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("tab", "plus")
        await until(pilot, lambda: "COMPLETED" not in screen_text(app))
        await shows(pilot, "accuracy by epoch")
        await pilot.press("underscore")
        await shows(pilot, "COMPLETED")


async def test_a_paste_outside_an_input_does_nothing() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        before = screen_text(app)
        app.post_message(events.Paste("cy\nq\nxcy"))
        await pilot.pause()
        assert app.is_running
        assert len(app.screen_stack) == 2
        assert screen_text(app).splitlines()[2:12] == before.splitlines()[2:12]


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (40, 10), (300, 8), (30, 80)])
async def test_any_terminal_size_is_drawn(size: tuple[int, int]) -> None:
    app = fakes.make_app()
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.is_open)
        for key in ("]", "]", "]", "]", "]", "question_mark", "escape"):
            await pilot.press(key)
        assert app.is_running


async def test_a_resize_storm_ends_in_the_right_picture() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        before = screen_text(app)
        for width in range(20, 120, 7):
            await pilot.resize_terminal(width, 5 + width // 3)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: screen_text(app).splitlines()[2:13] == before.splitlines()[2:13])


async def test_the_news_are_told_by_command(tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = tmp_path / "tell"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {told}\n')
    program.chmod(0o755)
    after = fakes.half_way()
    before = fakes.copy(
        after,
        runs=tuple(
            fakes.run("vision:0", state="RUNNING") if run.key == "vision:0" else run for run in after.runs
        ),
    )
    settings = Settings(notify=Notify(command=(str(program),)))
    app = fakes.make_app(before, after, settings=settings)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: told.exists() and told.read_text())
    assert told.read_text() == "vision 0  2e-5 FAILED: CUDA out of memory"


async def test_keys_can_be_changed() -> None:
    app = fakes.make_app(settings=Settings(keys={"home.mark": "m", "everywhere.group": "z"}))
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("m")
        assert app.main.marked == {"text:0"}
        await pilot.press("space")
        assert app.main.marked == {"text:0"}


async def test_ascii_has_no_other_character() -> None:
    app = fakes.make_app(ascii_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert other_characters(app) == []
        await pilot.press("?")
        await shows(pilot, "up k")
        assert other_characters(app) == []
        await pilot.press("escape", "[", "[", ":")
        await shows(pilot, "Search for commands")
        assert other_characters(app) == []
        await pilot.press("escape", "]", "]", "/")
        await shows(pilot, "filter: words of")
        assert other_characters(app) == []


def other_characters(app: LrdashApp) -> list[str]:
    """The lines with what is not ASCII, of what Textual itself draws too."""
    return [row for row in screen_text(app).splitlines() if not row.isascii()]


async def test_q_is_called_what_it_does() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await shows(pilot, "q Quit")
        await pilot.press("]")
        await shows(pilot, "q Home")
        await pilot.press("q")
        await shows(pilot, "q Quit")


async def test_no_color_is_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = fakes.make_app(theme="lrdash-light")
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        assert app.theme == "lrdash-mono"


async def test_every_theme_draws() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        seen = set()
        for _ in range(3):
            await pilot.press("ctrl+t")
            await pilot.pause()
            seen.add(app.theme)
        app.theme = "nord"
        await pilot.pause()
        assert "COMPLETED" in screen_text(app)
    assert seen == {"lrdash-dark", "lrdash-light", "lrdash-mono"}


async def test_two_thousand_runs_keep_their_place() -> None:
    runs = tuple(
        fakes.RunStatus(run=f"r{n}", group=f"g{n // 1000}", index=n % 1000, state="RUNNING", label=f"lr {n}")
        for n in range(2000)
    )
    app = fakes.make_app(fakes.copy(fakes.half_way(), runs=runs))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("G")
        await shows(pilot, "lr 1999")
        assert app.main.selected == "g1:999"
        await pilot.press("colon", *"12", "enter")
        await until(pilot, lambda: app.main.selected in ("g0:12", "g1:12"), "palette selects index 12")


async def test_pausing_stops_the_queue() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("p")
        await shows(pilot, "queue paused")
        await pilot.press("p")
        await until(pilot, lambda: "queue paused" not in screen_text(app))


async def test_leaving_and_coming_back_keeps_the_view(tmp_path: Path) -> None:
    from lrdash.ui.saved_view import ViewFile

    for visit in range(2):
        session = Session(
            fakes.FakeSource(fakes.half_way()), Settings(), view_file=ViewFile(tmp_path / "s.yaml")
        )
        app = LrdashApp(lambda session=session: session)  # type: ignore[misc]
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(pilot)
            if visit == 0:
                await pilot.press("2", "t", "s", "S", "o", "B", "]", "]", "m", "m")
                await until(pilot, lambda app=app: app.main.chart_view.metric == 2)  # type: ignore[misc]
                app.exit()
            else:
                await until(pilot, lambda app=app: app.main.tab == "Metrics")  # type: ignore[misc]
                await until(pilot, lambda app=app: app.main.chart_view.metric == 2)  # type: ignore[misc]
                main = app.main
                assert (main.selected, main.stream, main.chart_view.metric) == ("vision:2", "err", 2)
                assert main.table.arrangement.sort == "state"
                assert main.table.arrangement.reverse
                assert main.baselines == {"vision": "vision:2"}


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_q_leaves_from_home_and_comes_back_from_elsewhere(key: str) -> None:
    app = fakes.make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await pilot.press("]", "q")
        assert app.main.tab == "Home"
        await pilot.press(key)
        await until(pilot, lambda: app._exit)
    assert app.source.closed  # type: ignore[attr-defined]


async def test_the_wall_opens_a_log(tmp_path: Path) -> None:
    (tmp_path / "4815201_1.out").write_text("the last line of run 1\n")
    app = fakes.make_app(fakes.half_way(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("W")
        await shows(pilot, "the last line of run 1")
        await pilot.press("down", "enter")
        await until(pilot, lambda: (app.main.tab, app.main.selected) == ("Log", "text:1"))


async def test_folders_of_other_tools_are_shown(tmp_path: Path) -> None:
    from lrdash.monitor.foreign import ForeignMonitor

    for name in ("run_a", "run_b"):
        folder = tmp_path / name
        folder.mkdir()
        row = {"epoch": 1.0, "step": 10, "eval_loss": 0.5, "eval_accuracy": 0.75}
        state = {"global_step": 10, "max_steps": 20, "num_train_epochs": 2, "log_history": [row]}
        (folder / "trainer_state.json").write_text(json.dumps(state))
    app = LrdashApp(lambda: Session(ForeignMonitor([tmp_path / "run_a", tmp_path / "run_b"]), Settings()))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await shows(pilot, ".750")
        assert "run_b" in screen_text(app)
        await pilot.press("j", "x", "]", "]")
        await shows(pilot, "accuracy at each epoch")
