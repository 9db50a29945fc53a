"""The action menu: what can be done to which runs (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from lrdash.control.remedy import read_remedy
from lrdash.monitor.snapshot import Diagnosis, RunStatus, Snapshot
from lrdash.ui.dialogs.menu import MenuItem
from lrdash.ui.format import fit, plain

HINT_WIDTH = 46


def to_submit(snapshot: Snapshot, *, only_failed: bool = False) -> list[str]:
    """Whatever is neither queued, running nor done."""
    if only_failed:
        return [run.key for run in snapshot.runs if _has_failed(run)]
    return [run.key for run in snapshot.runs if not run.is_active and run.state != "COMPLETED"]


def _has_failed(run: RunStatus) -> bool:
    return run.state not in (None, "COMPLETED") and not run.is_active


def affected(name: str, snapshot: Snapshot, targets: Sequence[RunStatus]) -> list[RunStatus]:
    """The runs that an item of the menu is about."""
    match name:
        case "submit" | "submit_failed":
            keys = set(to_submit(snapshot, only_failed=name == "submit_failed"))
            return [run for run in snapshot.runs if run.key in keys]
        case "cancel" | "time_limit":
            return [run for run in targets if run.is_active]
        case "hold" | "release":
            return [run for run in targets if run.state == "PENDING"]
        case "requeue":
            return [run for run in targets if run.task]
        case _:
            return list(targets)


def action_items(snapshot: Snapshot, targets: Sequence[RunStatus]) -> list[MenuItem]:
    """Everything, with the reason where something cannot be done just now."""
    rest, failed, active, pending, ran = (
        affected(name, snapshot, targets) for name in ("submit", "submit_failed", "cancel", "hold", "requeue")
    )
    idle = "" if active else "not in the queue"
    waiting = "" if pending else "not pending"
    remedy = targets[0].diagnosis if len(targets) == 1 else None
    again = f"{_names(ran)} from the last checkpoint"
    return [
        MenuItem("submit", _counted(len(rest), "left"), "" if rest else "all active or done"),
        MenuItem("submit_these", _names(targets), "queued or running" if active else ""),
        MenuItem("submit_failed", _counted(len(failed), "failed"), "" if failed else "nothing has"),
        MenuItem("remedy", _short(remedy.remedy) if remedy else "", _obstacle(remedy)),
        MenuItem("cancel", _names(active), idle),
        MenuItem("requeue", again, "" if ran else "never ran"),
        MenuItem("hold", _names(pending), waiting),
        MenuItem("release", _names(pending), waiting),
        MenuItem("time_limit", _names(active), idle),
    ]


def _obstacle(remedy: Diagnosis | None) -> str:
    """Why a remedy cannot be applied from here."""
    if remedy is None or not remedy.command:
        return "there is none"
    return "" if read_remedy(remedy.command) else _short(f"by hand: {remedy.command}")


def _short(text: str) -> str:
    words = plain(text)
    return fit(words, min(cell_len(words), HINT_WIDTH))


def _counted(count: int, what: str) -> str:
    return f"{count} run{'s' if count != 1 else ''} {what}"


def _names(runs: Sequence[RunStatus]) -> str:
    return ", ".join(run.key for run in runs[:4]) + ("…" if runs[4:] else "")
