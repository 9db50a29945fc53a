"""The log pane in a real terminal: what a log asks the terminal to do is not done, programs come and go."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Terminal

PROGRAM = """
import sys
from textual.app import App
from lrdash.monitor.snapshot import LogPaths
from lrdash.ui.logs.pane import LogPane

class PaneApp(App):
    def compose(self):
        yield LogPane()
    def on_mount(self):
        pane = self.query_one(LogPane)
        pane.show(LogPaths(out=sys.argv[1]), "out", "text 2")
        pane.focus()

PaneApp().run()
"""


def pane_command(log: Path) -> list[str]:
    return [sys.executable, "-c", PROGRAM, str(log)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "38_2.out"
    path.write_text("".join(f"line {number}\n" for number in range(200)))
    return path


def test_a_hostile_log_changes_nothing_in_the_terminal(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b"\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b[?1049l\x1b[2J\x1b[?1000l\x1bc\x1b[999B")
        file.write(b"\x1b[31mthe red end\x1b[0m \x9b1;1H\xc2\x9b2J \xe2\x80\xae[b]\x00\n")
    with Terminal(pane_command(log), width=80, height=24) as terminal:
        screen = terminal.wait_for("the red end")
        assert screen[0].startswith(" text 2 · out · ● following")
        assert screen[-2].startswith("line 199")
        assert terminal.title() != "owned"
        assert terminal.clipboard() == ""
        terminal.keys("y")
        terminal.wait_for("y line the red end")
        terminal.keys("y")
        terminal.wait_for("copied, also to")
        assert terminal.clipboard().startswith("the red end")


def test_pager_and_editor_are_handed_the_terminal_and_give_it_back(log: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "editing %s" "$*"; read answer\n')
    editor.chmod(0o755)
    with Terminal(
        pane_command(log), env={"PAGER": "less", "VISUAL": str(editor)}, width=100, height=20
    ) as terminal:
        terminal.wait_for("line 199")
        terminal.keys("g")
        terminal.wait_for("line 0")
        terminal.keys("L")
        terminal.wait_gone("text 2")
        terminal.wait_for(re.compile(r"^line 0$", re.MULTILINE))
        terminal.keys("F")
        terminal.wait_for("Waiting for data")
        terminal.keys("C-c")
        terminal.wait_gone("Waiting for data")
        terminal.keys("q")
        terminal.wait_for("text 2 · out")
        terminal.keys("v")
        terminal.wait_for(f"editing {log}")
        terminal.keys("Enter")
        terminal.wait_for("text 2 · out")


def test_a_program_that_is_not_there_is_named(log: Path) -> None:
    with Terminal(pane_command(log), env={"PAGER": "no-such-pager -x"}) as terminal:
        terminal.wait_for("line 199")
        terminal.keys("L")
        terminal.wait_for("no-such-pager: No such file or")  # broken to the next line in the corner
        terminal.wait_for("line 199")


def test_a_paste_into_the_log_does_nothing(log: Path) -> None:
    with Terminal(pane_command(log), width=80, height=24) as terminal:
        last_lines = r"\b.*\n".join(f"line {number}" for number in range(177, 200))
        at_the_end = re.compile(rf"following.* 200 lines .*\n{last_lines}")
        terminal.wait_for(at_the_end)
        terminal.paste("cyq\x1b")
        terminal.keys("Down")
        terminal.wait_for(at_the_end)
        terminal.keys("/")
        terminal.wait_for("/ search")
        terminal.paste("line 77")
        terminal.keys("Enter")
        terminal.wait_for("/line 77  1 of 1")


def test_the_wheel_scrolls_and_the_scroll_bar_jumps(log: Path) -> None:
    with Terminal(pane_command(log), width=80, height=24) as terminal:
        terminal.wait_for("line 199")
        terminal.click(79, 2)
        terminal.wait_for(re.compile(r"paused.*\n.*line (?:9|1\d)\b"))
        terminal.click(79, 23)
        terminal.wait_for("following")
