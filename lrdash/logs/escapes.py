"""Terminal escape sequences in the bytes of a log."""

from __future__ import annotations

import re

ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
"""ECMA-48's CSI, OSC and two-byte ones."""


def without_escapes(line: bytes) -> bytes:
    """A line without colours and other escape sequences."""
    return ESCAPES.sub(b"", line) if b"\x1b" in line else line
