"""`lrdash` without a command: the screen."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdash.scheduler.base import Scheduler
    from lrdash.sweep.spec import Sweep
    from lrdash.ui.source import SnapshotSource


def open_screen(arguments: argparse.Namespace) -> int:
    """Show the sweep, or a recording of one, until the user quits."""
    if arguments.replay is not None:
        from lrdash.ui.app import LrdashApp
        from lrdash.ui.recording import ReplaySource
        from lrdash.ui.settings import load_settings

        source = ReplaySource(arguments.replay, arguments.speed)
        LrdashApp(source, None, load_settings(), ascii_only=arguments.ascii).run()
        return 0
    from lrdash.cli.context import the_scheduler, the_sweep

    sweep = the_sweep(arguments)
    scheduler = the_scheduler(arguments, sweep)
    return open_sweep(sweep, scheduler, record=arguments.record, ascii_only=arguments.ascii)


def open_sweep(
    sweep: Sweep, scheduler: Scheduler | None, *, record: Path | None = None, ascii_only: bool = False
) -> int:
    """Show a sweep that is known already."""
    from lrdash.monitor.monitor import Monitor
    from lrdash.ui.app import LrdashApp
    from lrdash.ui.backend import Backend
    from lrdash.ui.saved_view import ViewFile
    from lrdash.ui.settings import load_settings

    settings = load_settings()
    source: SnapshotSource = Monitor(sweep, scheduler)
    if record is not None:
        from lrdash.ui.recording import RecordingSource

        source = RecordingSource(source, record)
    view_file = ViewFile(sweep.name, str(sweep.file))
    app = LrdashApp(source, Backend(sweep, scheduler), settings, view_file=view_file, ascii_only=ascii_only)
    app.run()
    return 0
