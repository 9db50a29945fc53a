"""What goes on beside the screen: one question of a kind at a time, and only the newest answer is shown."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping
from typing import Any

from textual import events
from textual.pilot import Pilot

from lrdash.monitor.snapshot import Snapshot
from lrdash.results.comparison import Comparison
from lrdash.results.steps import StepSeries
from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend
from lrdash.ui.errand import Errand
from lrdash.ui.session import Session
from lrdash.ui.settings import Settings
from tests.conftest import ROOT
from tests.ui import fakes
from tests.ui.comparison import a_comparison
from tests.ui.screens import opened, until


class Gate:
    """Counts those inside, and lets each in when it is told to."""

    def __init__(self) -> None:
        self.calls = self.inside = self.most = 0
        self._lock = threading.Lock()
        self._open = threading.Semaphore(0)

    def let_in(self, count: int = 1) -> None:
        self._open.release(count)

    def __enter__(self) -> None:
        with self._lock:
            self.calls += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
        self._open.acquire(timeout=30)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1


async def settled(pilot: Pilot[Any]) -> None:
    for _ in range(20):
        await pilot.pause()


async def test_an_errand_is_done_once_more_for_whatever_came_meanwhile() -> None:
    started, may_end = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def work() -> None:
        started.release()
        await may_end.acquire()

    errand = Errand(work, lambda: None)
    running = asyncio.create_task(errand.run())
    errand.want()
    await started.acquire()
    for _ in range(3):
        errand.want()
    may_end.release()
    await asyncio.wait_for(started.acquire(), 5)
    may_end.release()
    for _ in range(10):
        await asyncio.sleep(0)
    assert started.locked(), "three wishes are one"
    running.cancel()


class GatedSource(fakes.FakeSource):
    def __init__(self, *snapshots: Snapshot) -> None:
        super().__init__(*snapshots)
        self.queue = Gate()
        self.reads = 0

    def poll_queue(self) -> Snapshot:
        with self.queue:
            return super().poll_queue()

    def poll_files(self) -> Snapshot:
        self.reads += 1
        return self.snapshot

    def close(self) -> None:
        self.queue.let_in(100)


async def test_a_wish_to_see_it_now_never_asks_a_queue_that_is_being_asked() -> None:
    source = GatedSource(fakes.half_way())
    app = LrdashApp(lambda: Session(source, Settings()))
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: source.queue.inside == 1)
        reads = source.reads
        await pilot.press(*"rrrrr")
        await until(pilot, lambda: source.reads > reads, "r reads the files")
        assert source.queue.calls == 1
        source.queue.let_in(10)
        await until(pilot, lambda: source.queue.calls == 2 and not source.queue.inside)
        await settled(pilot)
        assert (source.queue.calls, source.queue.most) == (2, 1)


async def test_a_snapshot_of_the_hour_that_comes_twice_is_newer_all_the_same() -> None:
    before = fakes.copy(fakes.half_way(), taken_at="2026-10-25T02:59:59.000+02:00")
    after = fakes.copy(before, taken_at="2026-10-25T02:00:04.000+01:00", runs=before.runs[:1])
    app = fakes.make_app(before, after)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: len(app.main.snapshot.runs) == 1)


class GatedBackend(Backend):
    def __init__(self) -> None:
        super().__init__(load_sweep(find_sweep_files(ROOT)[0]), None)
        self.steps, self.comparing = Gate(), Gate()
        self.asked: list[Mapping[str, str]] = []

    def read_steps(self, keys: Collection[str]) -> dict[str, StepSeries]:
        with self.steps:
            return {}

    def compare(self, baselines: Mapping[str, str], epoch: str | int = "last") -> Comparison:
        self.asked.append(dict(baselines))
        with self.comparing:
            return fakes.copy(a_comparison(), sweep=str(dict(baselines)))  # type: ignore[arg-type, return-value]


async def test_training_curves_are_read_one_call_at_a_time() -> None:
    backend = GatedBackend()
    app = fakes.make_app(backend=backend)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        backend.comparing.let_in(10)
        await pilot.press("]", "]", "m", "m")
        await until(pilot, lambda: backend.steps.inside == 1)
        await pilot.press("u", "u", "u", "m", "M", "r")
        await settled(pilot)
        assert backend.steps.calls == 1
        backend.steps.let_in(10)
        await until(pilot, lambda: backend.steps.calls == 2 and not backend.steps.inside)
        assert backend.steps.most == 1


async def test_a_comparison_with_a_baseline_given_up_meanwhile_is_never_shown() -> None:
    backend = GatedBackend()
    app = fakes.make_app(backend=backend)
    shown: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.watch(app.main, "comparison", lambda one: shown.append(one.sweep if one else ""))
        await until(pilot, lambda: backend.comparing.inside == 1)
        await pilot.press("1", "B")
        backend.comparing.let_in()
        await until(pilot, lambda: backend.comparing.calls == 2)
        assert set(shown) == {""}
        backend.comparing.let_in(10)
        await until(pilot, lambda: app.main.comparison is not None)
        assert backend.asked == [{}, {"text": "text:1"}]
        assert shown[-1] == "{'text': 'text:1'}"


async def test_mouse_reports_that_come_together_come_to_rest(monkeypatch: Any) -> None:
    from lrdash.ui.widgets.chart import Chart

    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("]", "]")
        await settled(pilot)
        chart, drawn = app.main.chart, []
        assert chart is not None
        redraw = Chart.redraw
        monkeypatch.setattr(Chart, "redraw", lambda self: (drawn.append(self), redraw(self))[1])
        left, top = chart.content_region.offset
        for x in (20, 60):
            place = {"x": left + x, "y": top + 5, "screen_x": left + x, "screen_y": top + 5}
            app.post_message(
                events.MouseMove(
                    None, **place, delta_x=0, delta_y=0, button=0, shift=False, meta=False, ctrl=False
                )
            )
        await until(pilot, lambda: app.main.chart_view.crosshair is not None)
        await settled(pilot)
        assert len(drawn) <= 6, "the screen and its charts answer each other for ever"
        assert app.main.chart_view == chart.view


async def test_a_dimmed_run_stays_in_the_picture() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("1", "]", "]", "left", "d")
        await until(pilot, lambda: app.main.chart_view.dimmed == {"text:1"})
        figure = app.main.charts[-1].figure()
        assert "text:1" in [one.key for one in figure.series]
        reading = next(row for row in figure.rows if any("text 1" in text for text, _ in row))
        assert [ink for text, ink in reading if "text 1" in text] == ["faint"]
        await pilot.press("d")
        await until(pilot, lambda: not app.main.chart_view.dimmed)
