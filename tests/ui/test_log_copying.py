"""What is copied from a log is all of it, and what cannot be written is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.logs.command import printed_command
from lrdash.logs.window import PIECE
from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.logs import pane as pane_module
from lrdash.ui.logs.copying import CLIPBOARD_LIMIT, clipboard_file
from tests.ui import fakes
from tests.ui import screens as of_the_whole_screen
from tests.ui.test_log_pane import PaneApp, numbered, seen, shown, until

COMMAND = "cd /sweep && torchrun --nproc_per_node 2 -m trainer --stage cls --notes 'two\nlines'"


def told(app: PaneApp, words: str) -> bool:
    return any(words in note.message for note in app._notifications)


@pytest.fixture
def launched(tmp_path: Path) -> Path:
    """A log as `lrdash launch` begins it."""
    path = tmp_path / "38_2.out"
    printed = "".join(f"+ {line}\n" for line in COMMAND.splitlines())
    path.write_text("lrdash: sweep=s group=text index=2\n" + printed + numbered(300))
    return path


async def test_the_command_is_the_one_that_launch_printed(launched: Path) -> None:
    async with shown(launched) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 299\b"))
        await pilot.press("y", "c")
        await until(
            pilot, lambda: app.clipboard == COMMAND and told(app, "-m trainer --stage…` copied, also")
        )
        app.pane.show(LogPaths(out=str(launched)), "err", "text 2")
        assert app.pane.view.path is None


async def test_a_key_that_copies_nothing_leaves_and_does_nothing_else(launched: Path) -> None:
    async with shown(launched) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 299\b"))
        await pilot.press("y", "g")
        await until(pilot, lambda: not app.pane.copy_bar.display)
        assert app.view.has_focus
        await until(pilot, lambda: seen(app, r"^line 299\b"))
        assert app.clipboard == ""


def test_no_command_is_found_where_none_was_printed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert printed_command(path) is None
    path.write_text("+ echo no\nEpoch 1\n")
    assert printed_command(path) is None
    path.write_bytes(b"+ cd /x && python\x1b[31m a.py\x07\nEpoch 1\n")
    command = printed_command(path)
    assert command == "cd /x && python a.py␇"


async def test_a_long_line_is_copied_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x" * 20_000 + "\n")
    async with shown(path) as (app, pilot):
        await until(pilot, lambda: seen(app, "xxx"))
        await pilot.press("y", "y")
        await until(pilot, lambda: app.clipboard == "x" * 20_000 and told(app, "line copied"))


async def test_a_piece_of_a_line_of_megabytes_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x" * 2_000_000 + "\n")
    async with shown(path) as (app, pilot):
        await until(pilot, lambda: seen(app, "xxx"))
        await pilot.press("g", "y", "y")
        await until(pilot, lambda: told(app, "piece of a longer line too long for the clipboard; written to"))
        copied = clipboard_file().read_text()
        assert CLIPBOARD_LIMIT < PIECE // 2 < len(copied) <= 2 * PIECE
        assert app.clipboard == ""


async def test_a_state_folder_that_cannot_be_written_is_said(
    launched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    async with shown(launched) as (app, pilot):
        await until(pilot, lambda: seen(app, r"^line 299\b"))
        await pilot.press("y")
        # The line at the bottom takes a row from the view, which still does not follow.
        await until(pilot, lambda: seen(app, "copy  y line line 299") and not seen(app, "^line 277"))
        assert (app.view.following, app.view.current is None) == (False, False)
        await pilot.press("y")
        await until(
            pilot, lambda: told(app, "clipboard.txt cannot be written: ") and app.clipboard == "line 299"
        )
    screen = fakes.make_app()
    async with screen.run_test(size=(120, 40)) as pilot:
        await of_the_whole_screen.opened(pilot)
        await pilot.press("y", "n")
        await of_the_whole_screen.until(pilot, lambda: screen.clipboard == fakes.half_way().runs[0].run)


async def test_the_editor_opens_at_the_marked_line(launched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[list[str]] = []
    monkeypatch.setattr(pane_module, "hand_over", lambda app, command: handed.append(command))
    monkeypatch.setenv("VISUAL", "vim")
    async with shown(launched) as (app, pilot):
        await pilot.press("slash", *"line 299", "enter")
        await until(pilot, lambda: seen(app, "1 of 1"))
        await pilot.press("v")
        await until(pilot, lambda: handed)
        assert handed == [["vim", "+303", str(launched)]]
        await pilot.press("g")
        await until(pilot, lambda: seen(app, "^lrdash: sweep"))
        await pilot.press("v")
        await until(pilot, lambda: len(handed) == 2)
        assert handed[1] == ["vim", "+1", str(launched)]
