"""What opens over the screen: it hits what it lists, says what came of it, and fits the terminal."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lrdash.control.actions import ActionName, ActionPlan, Target
from lrdash.control.preflight import Finding
from lrdash.control.submission import Outcome, SubmissionPlan
from lrdash.errors import RefusedError, UsageError
from lrdash.monitor.snapshot import Diagnosis, RunStatus, Snapshot
from lrdash.scheduler.base import Submission, Task
from lrdash.scheduler.local import LocalScheduler
from lrdash.sweep.find import find_sweep_files
from lrdash.sweep.load import load_sweep
from lrdash.sweep.spec import Run
from lrdash.ui.app import LrdashApp
from lrdash.ui.backend import Backend, Wish
from lrdash.ui.dialogs.confirm import ConfirmDialog
from lrdash.ui.dialogs.menu import ActionMenu, MenuItem
from lrdash.ui.dialogs.texts import HelpDialog
from lrdash.ui.screens.acting import verb_of
from lrdash.ui.screens.main import MainScreen
from lrdash.ui.settings import Settings
from lrdash.ui.widgets.lines import Lines, line
from tests.conftest import ROOT
from tests.ui import fakes
from tests.ui.screens import opened, screen_text, shows, until


class Recorder(Backend):
    """Keeps what it is asked, and answers a submission when it is let."""

    def __init__(self) -> None:
        super().__init__(load_sweep(find_sweep_files(ROOT)[0]), None)
        self.wishes: list[Wish] = []
        self.actions: list[tuple[str, list[str], int | None]] = []
        self.done: list[ActionPlan] = []
        self.may_answer = threading.Event()
        self.refusal: RefusedError | None = None

    def plan_submission(self, wish: Wish) -> tuple[SubmissionPlan, tuple[Finding, ...]]:
        self.wishes.append(wish)
        jobs = (Submission("text", ROOT / "x.sbatch", "name", (0, 1), ROOT, "token", wish.options),)
        return SubmissionPlan(self.sweep, jobs, wish.overrides, wish.fresh), ()

    def submit_command(self, plan: SubmissionPlan) -> list[tuple[str, ...]]:
        return [("sbatch", *job.options, str(job.script)) for job in plan.jobs]

    def submit(self, plan: SubmissionPlan) -> list[Outcome]:
        self.may_answer.wait(30)
        return [Outcome(job, None if self.refusal else "77", self.refusal) for job in plan.jobs]

    def plan_action(self, name: ActionName, runs: Collection[Run], seconds: int | None = None) -> ActionPlan:
        self.actions.append((name, [run.key for run in runs], seconds))
        return ActionPlan(
            name, tuple(Target(run, Task(f"1_{run.index}", state="RUNNING")) for run in runs), seconds
        )

    def carry_out(self, plan: ActionPlan) -> None:
        self.done.append(plan)


def toasts(app: LrdashApp) -> str:
    return "\n".join(note.message for note in app._notifications)


def with_remedy(command: str) -> Snapshot:
    """vision:0 failed, and this would help."""
    diagnosis = Diagnosis("time_limit", remedy="more time", command=command)

    def changed(run: RunStatus) -> RunStatus:
        return msgspec.structs.replace(run, diagnosis=diagnosis) if run.key == "vision:0" else run

    before = fakes.half_way()
    return fakes.copy(before, runs=tuple(map(changed, before.runs)))


async def test_a_submission_goes_on_without_its_dialog_and_is_told() -> None:
    backend = Recorder()
    app = fakes.make_app(backend=backend)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("x", "f")
        await shows(pilot, "Submit?")
        await pilot.press("y")
        await shows(pilot, "submitting…")
        assert isinstance(app.screen, MainScreen)
        await pilot.press("q")
        await shows(pilot, "Leave all the same?")
        await pilot.press("n")
        woken = app.source.woken  # type: ignore[attr-defined]
        backend.may_answer.set()
        await until(pilot, lambda: "submitted text [0,1]: job 77" in toasts(app))
        await until(pilot, lambda: app.source.woken > woken)  # type: ignore[attr-defined]
        await until(pilot, lambda: not app.main.notice)
        await pilot.press("q")
        await until(pilot, lambda: app._exit, "nothing is under way: q leaves")


async def test_a_refused_submission_is_told() -> None:
    backend = Recorder()
    backend.refusal = RefusedError("sbatch: error: Invalid qos")
    backend.may_answer.set()
    app = fakes.make_app(backend=backend)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("x", "f")
        await shows(pilot, "Submit?")
        await pilot.press("y")
        await until(pilot, lambda: "text [0,1]: not submitted: sbatch: error: Invalid qos" in toasts(app))


async def test_a_remedy_is_submitted_whole() -> None:
    backend = Recorder()
    command = "lrdash submit --group vision --index 0 --set num_train_epochs=3 -- --time=30:00:00"
    app = fakes.make_app(with_remedy(command), backend=backend)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("a")
        await shows(pilot, "x r: apply the remedy")
        await pilot.press("x", "r")
        await shows(pilot, "--time=30:00:00")
        await shows(pilot, "num_train_epochs = 3")
        (wish,) = backend.wishes
        assert [run.key for run in wish.runs] == ["vision:0"]
        assert (wish.overrides, wish.options) == ({"num_train_epochs": 3}, ("--time=30:00:00",))


async def test_a_remedy_that_requeues() -> None:
    backend = Recorder()
    app = fakes.make_app(with_remedy("lrdash requeue vision:0"), backend=backend)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("t", "x", "r")
        await shows(pilot, "Requeue 1 task?")
        assert backend.actions == [("requeue", ["vision:0"], None)]


async def test_a_remedy_for_the_shell_is_offered_nowhere() -> None:
    app = fakes.make_app(with_remedy("lrdash preflight"), backend=Recorder())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("a")
        await shows(pilot, "enter: its log")
        assert "apply the remedy" not in screen_text(app)
        await pilot.press("escape", "t", "x")
        await shows(pilot, "by hand: lrdash preflight")


async def test_what_attention_promises_holds_in_every_view() -> None:
    app = fakes.make_app(backend=Recorder())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("]", "]", "a", "down", "down")
        assert "enter: its log" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: (app.main.tab, app.main.selected) == ("Log", "vision:1"))


async def test_letters_of_menus_are_those_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "4815201_0.out").write_text("a line\n")
    settings = Settings(keys={"actions.cancel": "z", "copy_log.path": "z,Z"})
    app = fakes.make_app(fakes.half_way(tmp_path), backend=Recorder(), settings=settings)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("2", "x")
        await shows(pilot, "z  cancel")
        await pilot.press("c")
        assert isinstance(app.screen, ActionMenu)
        await pilot.press("z")
        await shows(pilot, "Cancel 1 task?")
        await pilot.press("escape", "0", "l")
        await shows(pilot, "a line")
        await pilot.press("y")
        await shows(pilot, "z path")
        await pilot.press("z")
        await until(pilot, lambda: app.clipboard == str(tmp_path / "4815201_0.out"))


@pytest.mark.parametrize(("letter", "name"), [("c", "cancel"), ("t", "time-limit")])
async def test_an_action_hits_what_its_item_lists(letter: str, name: str) -> None:
    backend = Recorder()
    app = fakes.make_app(backend=backend)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.marked = frozenset(run.key for run in app.main.snapshot.runs)
        await pilot.press("x", letter)
        seconds = None
        if letter == "t":
            await pilot.press(*"36:00:00", "enter")
            seconds = 36 * 3600
        active = ["text:2", "vision:1", "vision:2"]
        await until(pilot, lambda: backend.actions == [(name, active, seconds)], str(backend.actions))
        await shows(pilot, "Set the time limit of 3 tasks to 1-12:00:00?" if seconds else "Cancel 3 tasks?")
        await pilot.press("y")
        await until(pilot, lambda: len(backend.done) == 1)
        assert verb_of(backend.done[0]) in ("Cancel 3 tasks", "Set the time limit of 3 tasks to 1-12:00:00")


@pytest.mark.parametrize("text", ["0", "soon"])
async def test_what_is_no_time_limit_can_be_put_right(text: str) -> None:
    app = fakes.make_app(backend=Recorder())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.main.marked = frozenset(run.key for run in app.main.snapshot.runs)
        await pilot.press("x", "t", *text, "enter")
        await shows(pilot, f"'{text}' is no time limit")
        await pilot.press(*["backspace"] * len(text), *"36:00:00", "enter")
        await shows(pilot, "to 1-12:00:00?")


@pytest.mark.parametrize("size", [(80, 24), (80, 15), (60, 12)])
async def test_the_question_and_its_keys_are_never_scrolled_away(size: tuple[int, int]) -> None:
    app = fakes.make_app()
    async with app.run_test(size=size) as pilot:
        await opened(pilot)
        lines = [line((f" text:{number} a run with a name", "text")) for number in range(30)]
        app.push_screen(ConfirmDialog("cancel", lines, "Cancel 30 tasks"))
        await shows(pilot, "Cancel 30 tasks?")
        assert "y Yes" in screen_text(app)
        assert "enter No" in screen_text(app)
        assert app.screen.query_one(Lines).max_scroll_x == 0, "all of each line is seen"
        await pilot.press("n", "question_mark")
        await shows(pilot, "previous row")
        assert "esc Close" in screen_text(app)


async def test_help_is_of_where_the_focus_is() -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)

        async def titles(*keys: str) -> list[str]:
            await pilot.press(*keys, "question_mark")
            await until(pilot, lambda: isinstance(app.screen, HelpDialog))
            found = [one.text.strip() for one in app.screen.query_one(Lines).lines if one.text[1:2].isalpha()]
            await pilot.press("question_mark")
            await until(pilot, lambda: not isinstance(app.screen, HelpDialog), "? closes it again")
            return found

        assert await titles() == ["Runs", "Everywhere"]
        assert await titles("tab") == ["Curves", "Everywhere"]
        assert await titles("tab") == ["Log", "Everywhere", "Searching a log", "Copying from a log"]
        assert await titles("a") == ["Tables and pages", "Dialogs", "Needs attention"]
        assert await titles("escape", "tab", "y") == ["Menus", "Copying from a run"]
        assert await titles("escape", "ctrl+s") == ["Menus", "Export"]


HOSTILE = ("x[/y]", "[red]x[/red]", "[@click=app.quit]q[/]", "a] [b")


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_title_is_no_markup(name: str) -> None:
    app = fakes.make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        app.push_screen(ActionMenu(f"actions on {name}", [MenuItem("cancel", name, name)]))
        await until(pilot, lambda: isinstance(app.screen, ActionMenu))
        await pilot.pause()
        assert f"actions on {name}" in screen_text(app)


async def test_the_palette_lists_runs_of_any_name_and_commands_of_every_pane() -> None:
    runs = tuple(fakes.run(f"text:{at}", label=name) for at, name in enumerate(HOSTILE[:3]))
    app = fakes.make_app(fakes.copy(fakes.half_way(), runs=runs))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("colon", *"run")
        for name in HOSTILE[:3]:
            await shows(pilot, f"run text {HOSTILE.index(name)}  {name}")
        await pilot.press(*["backspace"] * 3, *"sort by")
        await shows(pilot, "sort: sort by the next column")
        await pilot.press("enter")
        await until(pilot, lambda: app.main.table.arrangement.sort == "state")
        await pilot.press("colon", *"next metric")
        await shows(pilot, "key m")
        await pilot.press("enter")
        await until(pilot, lambda: app.main.chart_view.metric == 1)


async def test_the_command_that_cancels_is_one_that_is_there() -> None:
    backend = Recorder()
    app = fakes.make_app(backend=backend)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("y")
        await shows(pilot, "scancel 4815201_0")
        await pilot.press("escape")
        backend.scheduler = LocalScheduler(backend.sweep)
        await pilot.press("y")
        await shows(pilot, "lrdash cancel text:0")


async def test_a_picture_is_written_beside_what_is_there(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    app = fakes.make_app(fakes.copy(fakes.half_way(), sweep="../a/b"))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        for _ in range(2):
            await pilot.press("ctrl+s", "p")
            await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await until(pilot, lambda: len(os.listdir(tmp_path)) == 2)
        assert sorted(os.listdir(tmp_path)) == ["lrdash-.._a_b-2.svg", "lrdash-.._a_b.svg"]
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        await pilot.press("ctrl+s", "p")
        await until(pilot, lambda: "cannot be written" in toasts(app))


@pytest.mark.parametrize("is_refused", [False, True])
async def test_a_submission_is_wrapped_anew_where_the_terminal_ends_now(is_refused: bool) -> None:
    class Wordy(Recorder):
        def plan_submission(self, wish: Wish) -> tuple[SubmissionPlan, tuple[Finding, ...]]:
            if is_refused:
                raise UsageError("a word " * 40)
            return super().plan_submission(wish)[0], (Finding("warning", "disk", "a word " * 40),)

    app = fakes.make_app(backend=Wordy())
    async with app.run_test(size=(160, 40)) as pilot:
        await opened(pilot)
        await pilot.press("x", "f")
        await shows(pilot, "a word")
        page = app.screen.query_one(Lines)
        at_first = len(page.lines)
        await pilot.resize_terminal(70, 40)
        await until(pilot, lambda: len(page.lines) > at_first)
        assert page.max_scroll_x == 0, "all of each line is seen"
        await pilot.resize_terminal(160, 40)
        await until(pilot, lambda: len(page.lines) == at_first)


async def test_a_plan_that_cannot_be_made_is_told_and_not_asked_about() -> None:
    class Refusing(Recorder):
        def plan_submission(self, wish: Wish) -> tuple[SubmissionPlan, tuple[Finding, ...]]:
            raise UsageError("--array cannot be given")

    app = fakes.make_app(backend=Refusing())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("x", "f")
        await shows(pilot, "--array cannot be given")
        assert "y Yes" not in screen_text(app)
        await pilot.press("y", "escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
