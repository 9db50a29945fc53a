"""The log pane, driven as a user drives it, on real files."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from lrdash.errors import LogError
from lrdash.logs.page import Page
from lrdash.logs.viewer import LogViewer
from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.logs.copying import clipboard_file
from lrdash.ui.logs.handover import editor_command, pager_command
from lrdash.ui.logs.pane import LogPane
from lrdash.ui.logs.view import LogView
from lrdash.ui.state import Stream

Driver = Pilot[None]


class PaneApp(App[None]):
    def __init__(self, paths: LogPaths, stream: Stream = "out") -> None:
        super().__init__()
        self.pane, self.paths, self.stream = LogPane(), paths, stream

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.show(self.paths, self.stream, "text 2")
        self.view.focus()

    @property
    def view(self) -> LogView:
        return self.pane.views["err" if self.stream == "err" else "out"]


@asynccontextmanager
async def shown(
    out: Path | None, err: Path | None = None, stream: Stream = "out", size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[PaneApp, Driver]]:
    paths = LogPaths(out=str(out) if out else None, err=str(err) if err else None)
    app = PaneApp(paths, stream)
    async with app.run_test(size=size) as pilot:
        yield app, pilot


def screen(app: App[None]) -> list[str]:
    """What is on the screen, a string a row."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


async def until(pilot: Driver, condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Let the app work until the condition holds."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await pilot.pause(0.02)
    pytest.fail("not seen:\n" + "\n".join(screen(pilot.app)))


def seen(app: App[None], pattern: str) -> bool:
    return any(re.search(pattern, row) for row in screen(app))


def numbered(count: int, first: int = 0) -> str:
    return "".join(f"line {number}\n" for number in range(first, first + count))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "38_2.out"
    path.write_text(numbered(1000))
    return path


async def test_the_end_is_seen_and_followed(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        with log.open("a") as file:
            file.write(numbered(3, first=1000))
        await until(pilot, lambda: seen(app, r"^line 1002\b"))
        assert seen(app, "following")


async def test_scrolling_up_pauses_and_says_how_many_lines_came(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        await pilot.press("k", "k")
        await until(pilot, lambda: seen(app, "paused") and not seen(app, r"^line 999\b"))
        with log.open("a") as file:
            file.write(numbered(17, first=1000))
        await until(pilot, lambda: seen(app, r"\+17 lines"))
        assert seen(app, r"^line 997\b")
        await pilot.press("G")
        await until(pilot, lambda: seen(app, r"^line 1016\b") and seen(app, "following"))


async def test_scrolling_down_to_the_end_follows_again(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        await pilot.press("pageup")
        await until(pilot, lambda: seen(app, "paused"))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: seen(app, "following"))


async def test_top_and_bottom(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await pilot.press("g")
        await until(pilot, lambda: seen(app, r"^line 0\b"))
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: screen(app)[1].startswith("line 3 "))
        await pilot.press("end")
        await until(pilot, lambda: seen(app, r"^line 999\b"))


async def test_both_streams_are_seen_together(log: Path, tmp_path: Path) -> None:
    err = tmp_path / "38_2.err"
    err.write_text("Traceback (most recent call last):\n")
    async with shown(log, err) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        app.pane.stream = "err"
        await until(pilot, lambda: seen(app, "^Traceback") and not seen(app, "^line"))
        app.pane.stream = "both"
        await until(pilot, lambda: seen(app, "^Traceback") and seen(app, r"^line 999\b"))


# ---- searching ----


@pytest.fixture
def training_log(tmp_path: Path) -> Path:
    """Three epochs and an error, among many steps."""
    path = tmp_path / "38_2.out"
    lines = ["[INFO] Using custom classification optimizer with backbone_lr=2.00e-06, head_lr=2.00e-05"]
    for step in range(1, 601):
        lines.append(f"{{'loss': {1 / step:.4f}, 'epoch': {step / 200:.2f}, 'step': {step}}}")
        if step % 200 == 0:
            lines.append(f"{{'eval_loss': {1 / step:.4f}, 'eval_accuracy': 0.9, 'epoch': {step // 200}.0}}")
    lines.insert(300, "torch.OutOfMemoryError: CUDA out of memory")
    path.write_text("\n".join(lines) + "\n")
    return path


async def test_search_goes_from_match_to_match_and_counts(training_log: Path) -> None:
    async with shown(training_log) as (app, pilot):
        await until(pilot, lambda: seen(app, "'step': 600"))
        await pilot.press("slash", *"eval_loss")
        await until(pilot, lambda: seen(app, "3 lines"))
        await pilot.press("enter")
        await until(pilot, lambda: seen(app, "/eval_loss  3 of 3") and app.view.has_focus)
        await pilot.press("N")
        await until(pilot, lambda: seen(app, "/eval_loss  2 of 3") and seen(app, "'epoch': 2.0}"))
        await pilot.press("n", "n")
        await until(pilot, lambda: seen(app, "/eval_loss  1 of 3") and seen(app, "'epoch': 1.0}"))
        assert any("went round the end" in note.message for note in app._notifications)
        await pilot.press("escape")
        await until(pilot, lambda: not seen(app, "/eval_loss"))


async def test_regex_and_case_are_switched_while_typing(training_log: Path) -> None:
    async with shown(training_log) as (app, pilot):
        await pilot.press("slash", *"EVAL.LOSS")
        await until(pilot, lambda: seen(app, " 0 lines"))
        for letter in "rcc":  # with the letter, as terminals send it
            app.post_message(events.Key(f"alt+{letter}", letter))
            await pilot.pause()
        assert app.screen.query_one("#pattern", Input).value == "EVAL.LOSS"
        await until(pilot, lambda: seen(app, " 3 lines") or seen(app, " 0 lines"))
        await pilot.press("alt+c")
        await pilot.press(*["backspace"] * 9, *"eval.loss")
        await until(pilot, lambda: seen(app, " 3 lines"))
        await pilot.press("(")
        await until(pilot, lambda: seen(app, "no regular expression"))
        await pilot.press("escape")
        assert app.view.has_focus


async def test_a_filter_shows_matching_lines_only_and_follows(training_log: Path) -> None:
    async with shown(training_log) as (app, pilot):
        await pilot.press("ampersand", *"eval_", "enter")
        await until(pilot, lambda: sum("eval_loss" in row for row in screen(app)[1:]) == 3)
        assert not seen(app, "^{'loss'")
        with training_log.open("a") as file:
            file.write("{'loss': 1}\n{'eval_loss': 7}\n")
        await until(pilot, lambda: seen(app, "^{'eval_loss': 7}") and seen(app, "4 lines"))
        await pilot.press("escape")
        await until(pilot, lambda: seen(app, "^{'loss'"))


async def test_errors_and_epochs_are_one_key_away(training_log: Path) -> None:
    async with shown(training_log) as (app, pilot):
        await until(pilot, lambda: seen(app, "'step': 600"))
        await pilot.press("e")
        await until(pilot, lambda: seen(app, "^torch.OutOfMemoryError"))
        await pilot.press("right_curly_bracket")
        await until(pilot, lambda: seen(app, "'epoch': 2.0}"))
        await pilot.press("left_curly_bracket")
        await until(pilot, lambda: seen(app, "'epoch': 1.0}"))
        await pilot.press("E")
        await until(pilot, lambda: seen(app, "^torch.OutOfMemoryError"))


async def test_a_search_that_was_forgotten_is_marked_again_when_it_is_asked_for_again(
    training_log: Path,
) -> None:
    async with shown(training_log) as (app, pilot):
        await pilot.press("slash", *"eval_loss", "enter")
        await until(pilot, lambda: seen(app, "/eval_loss  3 of 3"))
        await pilot.press("escape")
        await until(pilot, lambda: not seen(app, "/eval_loss"))
        await pilot.press("slash", "enter")
        await until(pilot, lambda: seen(app, "/eval_loss  1 of 3"))
        await pilot.press("n")
        await until(pilot, lambda: seen(app, "/eval_loss  2 of 3") and not app.pane.prompt.display)


async def test_what_is_nowhere_is_said_to_be_nowhere(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: any("no error in stdout" in note.message for note in app._notifications))


async def test_a_line_that_a_progress_bar_overwrote_is_shown_when_it_is_found(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\r 10%|#   |\r[INFO] Using custom classification optimizer\r 20%|##  |\n")
    async with shown(path) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^ 20%"))
        await pilot.press("slash", *"optimizer", "enter")
        await until(pilot, lambda: seen(app, r"^\[INFO\] Using custom") and seen(app, "1 of 1"))


# ---- wrapping, scrolling sideways, copying, handing over ----


async def test_long_lines_are_cut_or_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{letter}" * 100 + "!\n" for letter in "abc"))
    async with shown(path, size=(40, 12)) as (app, pilot):
        await until(pilot, lambda: seen(app, "^a{39}") and not seen(app, "!"))
        await pilot.press("w")
        await until(pilot, lambda: sum("!" in row for row in screen(app)) == 3)
        await pilot.press("w", *["right"] * 9)
        await until(pilot, lambda: seen(app, "^a{28}!"))


async def test_wrapped_lines_scroll_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{number:02}" + "x" * 98 + "\n" for number in range(20)))
    async with shown(path, size=(40, 8)) as (app, pilot):
        await pilot.press("w", "g")
        await until(pilot, lambda: screen(app)[1].startswith("00x"))
        await pilot.press("j")
        await until(pilot, lambda: screen(app)[1].startswith("xxx") and screen(app)[3].startswith("01x"))
        await pilot.press("j", "j", "k")
        await until(pilot, lambda: screen(app)[1].startswith("xxx") and screen(app)[2].startswith("01x"))


async def test_copying_shows_what_it_copies(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        await pilot.press("y")
        await until(pilot, lambda: seen(app, "copy  y line line 999"))
        await pilot.press("k", "k")
        await until(pilot, lambda: seen(app, "y line line 997"))
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == "line 997" and app.view.has_focus)
        assert clipboard_file().read_text() == "line 997\n"
        for key, copied in [("p", str(log)), ("i", "38_2"), ("c", f"tail -f {log}")]:
            await pilot.press("y", key)
            await until(pilot, lambda copied=copied: app.clipboard == copied)  # type: ignore[misc]
        assert clipboard_file().stat().st_mode & 0o777 == 0o600
        await pilot.press("y", "escape")
        await until(pilot, lambda: app.view.has_focus and not seen(app, "copy  y line"))


def test_programs_are_handed_the_line_where_they_take_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "less -S")
    monkeypatch.setenv("EDITOR", "code --wait")
    monkeypatch.delenv("VISUAL", raising=False)
    path = Path("/logs/38_2.out")
    assert pager_command(path, 17) == ["less", "-S", "+17", "/logs/38_2.out"]
    assert editor_command(path, 17) == ["code", "--wait", "/logs/38_2.out"]
    monkeypatch.setenv("VISUAL", "/usr/bin/vim")
    assert editor_command(path, None) == ["/usr/bin/vim", "/logs/38_2.out"]
    monkeypatch.setenv("VISUAL", "vim 'unclosed")
    with pytest.raises(LogError, match="is no command line"):
        editor_command(path, None)


async def test_a_terminal_that_cannot_be_handed_over_says_so(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await pilot.press("L")
        await until(
            pilot, lambda: any("cannot be handed over" in note.message for note in app._notifications)
        )


# ---- bad input ----

MARKUP = "[bold red]boo[/] [@click=app.quit]click[/] [link=file:///etc/passwd]x[/link] $error {x} [/nothing]"


async def test_markup_is_text_everywhere(tmp_path: Path) -> None:
    folder = tmp_path / "[bold red]dir"
    folder.mkdir()
    path = folder / "38_2.out"
    path.write_text(MARKUP + "\n")
    async with shown(path, size=(160, 24)) as (app, pilot):
        app.pane.show(LogPaths(out=str(path)), "out", MARKUP[:20])
        await until(
            pilot, lambda: any(MARKUP in row for row in screen(app)) and seen(app, r"\[bold red\]boo\[/\]")
        )
        await pilot.press("slash", *"[bold red]", "enter")
        await until(pilot, lambda: seen(app, r"/\[bold red\]  1 of 1"))
        await pilot.press("y", "p")
        await until(pilot, lambda: app.clipboard == str(path))
        path.unlink()
        await until(pilot, lambda: seen(app, "the file was removed"))


async def test_escapes_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "log"
    hostile = b"\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x1b[2J\x1b[?1000h\x1b[31mred\x1b[0m \x00\x9b1m"
    path.write_bytes(hostile + b"\n" + b"\xc3\n" + b"\x1b[" * 1000 + b"\n")
    async with shown(path) as (app, pilot):
        await until(pilot, lambda: seen(app, "^red ␀"))
        written = "".join(
            segment.text for strip in app.screen._compositor.render_strips() for segment in strip
        )
        assert all(character.isprintable() for character in written)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "this is a directory, not a log file"),
        (os.mkfifo, "this is a FIFO, not a log file"),
        (lambda path: None, "no such file yet"),
        (lambda path: path.symlink_to("/dev/zero"), "this is a device or socket, not a log file"),
        (lambda path: path.write_bytes(b""), "nothing was written yet"),
    ],
    ids=["directory", "FIFO", "absent", "device", "empty"],
)
async def test_what_is_no_log_is_said(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    path = tmp_path / "log"
    make(path)
    async with shown(path, size=(160, 24)) as (app, pilot):
        await until(pilot, lambda: seen(app, words))
        await pilot.press("k", "g", "G", "e", "n", "escape", "y", "escape", "w", "o", "f", "space")
        await pilot.pause()


async def test_a_run_without_a_log(log: Path) -> None:
    async with shown(None) as (app, pilot):
        await until(pilot, lambda: seen(app, "no log: this run has not been started"))
        app.pane.show(LogPaths(out=str(log)), "out", "text 2")
        await until(pilot, lambda: seen(app, r"^line 999\b"))


async def test_ten_megabyte_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes((b"x" * 10_000_000 + b"\n") * 2 + b"the end\n")
    async with shown(path) as (app, pilot):
        await until(pilot, lambda: seen(app, "^the end"))
        await pilot.press("w", "pageup", "pageup", "g", "right", "slash", *"end", "enter")
        await until(pilot, lambda: seen(app, "1 of 1"))


async def test_a_storm_of_sizes(training_log: Path) -> None:
    async with shown(training_log) as (app, pilot):
        app.pane.stream = "both"
        for width, height in [(20, 5), (200, 60), (1, 1), (2, 2), (80, 24), (161, 3), (20, 5), (120, 40)]:
            await pilot.resize_terminal(width, height)
            await pilot.press("k", "w")
        await pilot.press("G")
        await until(pilot, lambda: seen(app, "'step': 600") and seen(app, "following"))


async def test_a_paste_does_nothing(log: Path) -> None:
    async with shown(log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 977\b") and seen(app, r"^line 999\b"))
        before = screen(app)
        app.post_message(events.Paste("cy"))
        await pilot.pause(0.3)
        assert screen(app) == before
        assert app.clipboard == ""


async def test_another_run_is_seen_at_its_end_and_the_search_stays(
    log: Path, training_log: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.out"
    other.write_text(numbered(50, first=5000))
    async with shown(other) as (app, pilot):
        await pilot.press("slash", *"line 50", "enter")
        await until(pilot, lambda: seen(app, "of 50"))
        app.pane.show(LogPaths(out=str(training_log)), "out", "text 1")
        await until(pilot, lambda: seen(app, "'step': 600") and seen(app, "0 lines"))
        app.pane.show(LogPaths(out=str(other)), "out", "text 2")
        await until(pilot, lambda: seen(app, "^line 5049") and seen(app, "/line 50  50 lines"))


async def test_a_file_system_that_does_not_answer_is_said_and_the_keys_go_on(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    look = LogViewer.look

    def slow_look(viewer: LogViewer, *arguments: Any) -> Page:
        if viewer.log.generation:
            answers.wait(30)
        return look(viewer, *arguments)

    async with shown(log, log) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 999\b"))
        monkeypatch.setattr(LogViewer, "look", slow_look)
        await until(pilot, lambda: seen(app, r"no answer from the file system for \d+ s"))
        assert seen(app, r"^line 999\b")
        await pilot.press("slash", *"abc")
        await until(pilot, lambda: seen(app, "/ abc"))
        await pilot.press("escape", "g")
        answers.set()
        await until(pilot, lambda: seen(app, r"^line 0\b") and not seen(app, "no answer"))
