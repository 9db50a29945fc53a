"""The action menu: what can be done to which runs, and how a remedy becomes a submission (pure)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lrdash.monitor.snapshot import RunStatus, Snapshot
from lrdash.ui.dialogs.menu import MenuItem
from lrdash.ui.format import plain

if TYPE_CHECKING:
    from lrdash.control.actions import ActionName
    from lrdash.sweep.spec import Scalar

ACTIONS: dict[str, ActionName] = {"c": "cancel", "q": "requeue", "h": "hold", "l": "release"}


def to_submit(snapshot: Snapshot, letter: str) -> list[str]:
    """`s`: whatever is neither queued, running nor done; `f`: what failed."""
    if letter == "f":
        return [run.key for run in snapshot.runs if _has_failed(run)]
    return [run.key for run in snapshot.runs if not run.is_active and run.state != "COMPLETED"]


def _has_failed(run: RunStatus) -> bool:
    return run.state not in (None, "COMPLETED") and not run.is_active


def action_items(snapshot: Snapshot, targets: Sequence[RunStatus]) -> list[MenuItem]:
    """Everything, with the reason where something cannot be done just now."""
    rest, failed = len(to_submit(snapshot, "s")), len(to_submit(snapshot, "f"))
    active = [run for run in targets if run.is_active]
    pending = [run for run in targets if run.state == "PENDING"]
    idle = "" if active else "not in the queue"
    remedy = targets[0].diagnosis if len(targets) == 1 else None
    can_apply = remedy is not None and remedy_overrides(remedy.command)
    ran = any(run.task for run in targets)
    advice = plain(remedy.remedy)[:60] if remedy else ""
    return [
        MenuItem("s", "submit the sweep", _counted(rest, "left"), "" if rest else "all active or done"),
        MenuItem("S", "submit this", _names(targets), "queued or running" if active else ""),
        MenuItem("f", "submit what failed", _counted(failed, "failed"), "" if failed else "nothing has"),
        MenuItem("r", "apply the remedy", advice, "" if can_apply else "there is none"),
        MenuItem("c", "cancel", _names(active), idle),
        MenuItem("q", "requeue", "start again from the last checkpoint", "" if ran else "never ran"),
        MenuItem("h", "hold", "", "" if pending else "not pending"),
        MenuItem("l", "release", "", "" if pending else "not pending"),
        MenuItem("t", "time limit", "", idle),
    ]


def _counted(count: int, what: str) -> str:
    return f"{count} run{'s' if count != 1 else ''} {what}"


def remedy_overrides(command: str | None) -> dict[str, Scalar]:
    """The `--set KEY=VALUE` of a remedy's command; empty when the remedy is something else."""
    words = shlex.split(command) if command else []
    if words[:2] != ["lrdash", "submit"]:
        return {}
    pairs = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--set"]
    return {key: _scalar(value) for key, _, value in (pair.partition("=") for pair in pairs)}


def _scalar(text: str) -> Scalar:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _names(runs: Sequence[RunStatus]) -> str:
    return ", ".join(run.key for run in runs[:4]) + ("…" if runs[4:] else "")
