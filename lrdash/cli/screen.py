"""`lrdash` without a command: the screen."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdash.scheduler.base import Scheduler
    from lrdash.sweep.spec import Sweep


def open_screen(arguments: argparse.Namespace) -> int:
    """Show the sweep until the user quits."""
    from lrdash.cli.context import the_monitor
    from lrdash.ui.app import LrdashApp

    LrdashApp(the_monitor(arguments), ascii_only=getattr(arguments, "ascii", False)).run()
    return 0


def open_sweep(sweep: Sweep, scheduler: Scheduler) -> int:
    """Show a sweep that is known already (the demo's)."""
    from lrdash.monitor.monitor import Monitor
    from lrdash.ui.app import LrdashApp

    LrdashApp(Monitor(sweep, scheduler)).run()
    return 0
