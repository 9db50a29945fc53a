"""Copying from a log: to the terminal's clipboard, and into a file for terminals that have none."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
from platformdirs import user_state_path
from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from lrdash.ui.bindings import bindings, first_keys
from lrdash.ui.logs.highlight import foreground, keymap_of

CLIPBOARD_LIMIT = 64 * 1024
"""Bytes; terminals drop longer OSC 52 sequences, tmux without a word."""


def copy(app: App[object], text: str) -> str:
    """Copy, and say where to in words. The clipboard never answers, so there is always a file too."""
    file, fits = clipboard_file(), len(text.encode()) <= CLIPBOARD_LIMIT
    if fits:
        app.copy_to_clipboard(text)
    try:
        _write(file, text + "\n")
    except OSError as error:
        done = "copied, but" if fits else "not copied: too long for the clipboard, and"
        return f"{done} {file} cannot be written: {error.strerror}"
    return f"copied, also to {file}" if fits else f"too long for the clipboard; written to {file}"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def clipboard_file() -> Path:
    return user_state_path("lrdash") / "clipboard.txt"


class Choice(msgspec.Struct, frozen=True):
    """Something that can be copied."""

    row: str
    """Of the binding table, by name."""
    text: str

    @property
    def name(self) -> str:
        return self.row.replace("_", " ")


class CopyBar(Widget, can_focus=True):
    """`y`, then what: a line below the log that shows what each key would copy."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("copy_log")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"copy--key", "copy--text"}
    DEFAULT_CSS = """
    CopyBar {
        height: 1;
        display: none;
        background: $panel;
        & .copy--key { color: $accent; text-style: bold; }
        & .copy--text { color: $foreground 60%; }
    }
    """

    @dataclass
    class Chosen(Message):
        choice: Choice

    @dataclass
    class Moved(Message):
        """Another line is to be copied."""

        rows: int

    class Left(Message):
        """Never mind."""

    choices: tuple[Choice, ...] = ()

    def open(self, choices: tuple[Choice, ...]) -> None:
        self.choices, self.display = choices, True
        self.focus()
        self.refresh()

    def render(self) -> Text:
        text = Text(" copy  ", no_wrap=True, overflow="ellipsis")
        shown = max(8, self.size.width - 12 - sum(len(choice.name) + 5 for choice in self.choices))
        keys = first_keys("copy_log", keymap_of(self))
        for choice in self.choices:
            text.append(keys[choice.row], foreground(self, "copy--key")).append(f" {choice.name}")
            if choice.name == "line":
                part = (
                    choice.text.strip()[: shown - 1] + "…"
                    if len(choice.text) > shown
                    else choice.text.strip()
                )
                text.append(f" {part}", foreground(self, "copy--text"))
            text.append("   ")
        return text

    def on_key(self, event: events.Key) -> None:
        """A key of the log, or of the whole screen, leaves and does nothing else."""
        bound = self.screen.active_bindings.get(event.key)
        if bound is None or bound.node is not self:
            event.stop()
            event.prevent_default()
            self.action_leave()

    def action_pick(self, row: str) -> None:
        chosen = next((choice for choice in self.choices if choice.row == row), None)
        self.post_message(self.Chosen(chosen) if chosen else self.Left())

    def action_line(self, rows: int) -> None:
        self.post_message(self.Moved(rows))

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def on_blur(self) -> None:
        self.display = False
