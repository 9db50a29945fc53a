"""The characters of the screen, each one cell wide, and their ASCII stand-ins (`--ascii`)."""

from __future__ import annotations

import msgspec


class Glyphs(msgspec.Struct, frozen=True):
    """One set of characters; every field is a single cell, or one cell each."""

    running: str = "●"
    pending: str = "◌"
    done: str = "✓"
    failed: str = "✗"
    timed_out: str = "◷"
    cancelled: str = "⊘"
    preempted: str = "↺"
    ending: str = "◐"
    suspended: str = "‖"
    absent: str = "·"
    unknown: str = "?"
    waiting: str = "…"
    warning: str = "▲"
    folded: str = "▸"
    unfolded: str = "▾"
    marked: str = "◆"
    cursor: str = "▌"
    better: str = "▲"
    worse: str = "▼"
    same: str = "≈"
    bar: str = "━"
    half_bar: str = "╸"
    bar_track: str = "─"
    left_end: str = "├"
    right_end: str = "┤"
    point: str = "●"
    filled_markers: str = "●■▲◆▼★"
    hollow_markers: str = "○□△◇▽☆"
    horizontal: str = "─"
    vertical: str = "│"
    dashed: str = "┄"
    tick: str = "┤"
    corner: str = "└"
    foot: str = "┬"
    delta: str = "Δ"
    ellipsis: str = "…"
    separator: str = "·"
    minus: str = "−"
    plus_minus: str = "±"
    braille: bool = True

    def keys(self, shown: str) -> str:
        """Keys as they are printed on a keyboard; without arrows to draw, in words."""
        return shown if self.braille else shown.translate(_KEY_WORDS)


_KEY_WORDS = str.maketrans({"↑": "up", "↓": "down", "←": "left", "→": "right", "…": "to"})

UNICODE = Glyphs()
ASCII = Glyphs(
    running="*", pending="o", done="+", failed="x", timed_out="T", cancelled="/", preempted="R", ending="*",
    suspended="=", absent=".", unknown="?", waiting="~", warning="!", folded=">", unfolded="v", marked="#",
    cursor=">", better="^", worse="v", same="=", bar="=", half_bar="=", bar_track="-", left_end="[",
    right_end="]", point="*", filled_markers="ox^#v*", hollow_markers="0X+%V&", horizontal="-", vertical="|",
    dashed=".", tick="+", corner="+", foot="+", delta="d", ellipsis="~", separator="|", minus="-",
    plus_minus="+-", braille=False,
)  # fmt: skip
