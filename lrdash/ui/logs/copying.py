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
from textual.message import Message
from textual.widget import Widget

from lrdash.ui.logs.highlight import foreground

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

    key: str
    name: str
    text: str


class CopyBar(Widget, can_focus=True):
    """`y`, then what: a line below the log that shows what each key would copy."""

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
        for choice in self.choices:
            text.append(choice.key, foreground(self, "copy--key")).append(f" {choice.name}")
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
        event.stop()
        event.prevent_default()
        if event.key in ("j", "down", "k", "up"):
            self.post_message(self.Moved(1 if event.key in ("j", "down") else -1))
            return
        for choice in self.choices:
            if event.key == choice.key or (event.key == "enter" and choice.name == "line"):
                self.post_message(self.Chosen(choice))
                return
        self.post_message(self.Left())

    def on_blur(self) -> None:
        self.display = False
