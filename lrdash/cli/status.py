"""`lrdash status`: one row a run, as text or as the status document."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lrdash.cli.context import the_monitor
from lrdash.cli.watching import watch

if TYPE_CHECKING:
    from lrdash.monitor.snapshot import Snapshot

_CONTROLS = re.compile(rb"\x7f|\xc2[\x80-\x9f]")


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = subparsers.add_parser("status", parents=[common], help="one row a run")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="runs without a sweep file")
    parser.add_argument("--json", action="store_true", help="the status document")
    parser.add_argument("--watch", action="store_true", help="again whenever something may have changed")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.folders:
        from lrdash.monitor.foreign import foreign_snapshot

        _print(foreign_snapshot(arguments.folders), arguments.json)
        return 0
    monitor = the_monitor(arguments)
    try:
        for snapshot in watch(monitor):
            _print(snapshot, arguments.json)
            if not arguments.watch:
                break
    finally:
        monitor.close()
    return 0


def _print(snapshot: Snapshot, as_json: bool) -> None:
    if as_json:
        from lrdash.monitor.document import encode

        # JSON allows DEL and C1 controls as they are, and some terminals obey them.
        plain = _CONTROLS.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), encode(snapshot))
        sys.stdout.buffer.write(plain + b"\n")
        sys.stdout.buffer.flush()
        return
    from lrdash.report.status_table import print_status

    print_status(snapshot)
