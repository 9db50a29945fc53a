"""The terminal that other tests drive does what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Terminal


def test_keys_are_typed_and_the_screen_is_read(tmp_path: Path) -> None:
    with Terminal(["cat"], width=40, height=6, cwd=tmp_path) as terminal:
        terminal.type("hello; [b]")
        terminal.keys("Enter")
        terminal.wait_for("hello; [b]\nhello; [b]")
        terminal.keys(";", "Enter")
        terminal.wait_for(re.compile(r"^hello; \[b\]\nhello; \[b\]\n;\n;$", re.MULTILINE))
        assert terminal.pressed == 13
        terminal.keys("C-d")
        assert terminal.wait_exit() == 0


def test_size_environment_and_exit_code(tmp_path: Path) -> None:
    program = (
        "import os; print(os.get_terminal_size(), os.environ['LRDASH_X'], os.getcwd()); raise SystemExit(3)"
    )
    with Terminal([sys.executable, "-c", program], 90, 7, env={"LRDASH_X": "a b"}, cwd=tmp_path) as terminal:
        terminal.wait_for("columns=90, lines=7")
        assert terminal.find("a b")
        assert terminal.wait_exit() == 3


def test_resizing_reaches_the_program() -> None:
    program = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size(), flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1)"
    )
    with Terminal([sys.executable, "-c", program]) as terminal:
        terminal.wait_for("ready")
        terminal.resize(61, 17)
        terminal.wait_for("columns=61, lines=17")


def test_what_never_comes_fails_with_the_screen() -> None:
    with Terminal(["sh", "-c", "echo there; exec sleep 60"]) as terminal:
        terminal.wait_for("there")
        with pytest.raises(pytest.fail.Exception, match=r"not seen after 0\.1 s: 'elsewhere' in\nthere"):
            terminal.wait_for("elsewhere", seconds=0.1)


def test_clipboard_and_title_are_seen() -> None:
    words = r"printf '\033]52;c;aGVsbG8=\007\033]2;a title\007done'; exec sleep 60"
    with Terminal(["sh", "-c", words]) as terminal:
        terminal.wait_for("done")
        assert terminal.clipboard() == "hello"
        assert terminal.title() == "a title"
