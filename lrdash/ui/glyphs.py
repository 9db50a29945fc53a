"""The characters of the screen, each one cell wide, and their ASCII stand-ins (`--ascii`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    """One set of characters; every field but `blocks` and the tuples is a single cell."""

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
    blocks: str = " ▏▎▍▌▋▊▉█"
    """Eighths of a cell, for bars."""
    track: str = "━"
    """What is left of a bar."""
    filled_markers: str = "●■▲◆▼★"
    hollow_markers: str = "○□△◇▽☆"
    horizontal: str = "─"
    vertical: str = "│"
    dashed: str = "┄"
    tick: str = "┤"
    corner: str = "└"
    foot: str = "┬"
    ellipsis: str = "…"
    separator: str = "·"
    minus: str = "−"
    plus_minus: str = "±"
    braille: bool = True


UNICODE = Glyphs()
ASCII = Glyphs(
    running="*", pending="o", done="+", failed="x", timed_out="T", cancelled="/", preempted="R", ending="*",
    suspended="=", absent=".", unknown="?", waiting="~", warning="!", folded=">", unfolded="v", marked="#",
    cursor=">", better="^", worse="v", same="=", blocks=" #", track=".", filled_markers="ox^#v*",
    hollow_markers="0X+%V&", horizontal="-", vertical="|", dashed=".", tick="+", corner="+", foot="+",
    ellipsis="~", separator="|", minus="-", plus_minus="+-", braille=False,
)  # fmt: skip
