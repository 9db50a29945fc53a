"""`lrdash` without a command: the screen."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrdash.errors import LrdashError, UsageError
from lrdash.sweep.find import find_sweep_files

if TYPE_CHECKING:
    from lrdash.scheduler.base import Scheduler
    from lrdash.sweep.spec import Sweep
    from lrdash.ui.results import Results
    from lrdash.ui.session import Session
    from lrdash.ui.source import SnapshotSource


def open_screen(arguments: argparse.Namespace) -> int:
    """Show the sweep, or a recording of one, until the user quits.

    A sweep that was watched before is painted from its cached status document, and everything else is
    imported and read after that; of any other one mistakes are told before the terminal is taken over.
    """
    if arguments.replay is not None:
        if arguments.folders or arguments.record:
            raise UsageError("--replay shows a recording: give neither folders nor --record with it")
        return _run(lambda: _replay(arguments.replay, arguments.speed), arguments)
    if arguments.folders:
        session = _foreign(arguments.folders, arguments.record)
        return _run(lambda: session, arguments)
    from lrdash.ui.first_frame import cached_document, first_frame, saved_theme

    files = [arguments.sweep.resolve()] if arguments.sweep else find_sweep_files(Path.cwd())
    document = cached_document(files[0]) if len(files) == 1 else None
    if document is not None and (text := first_frame(document)):
        return _run(lambda: _known(arguments, files[0], document), arguments, text, saved_theme(files[0]))
    session = _open(arguments)
    return _run(lambda: session, arguments)


def open_sweep(sweep: Sweep, scheduler: Scheduler | None) -> int:
    """Show a sweep that is known already (the demo's)."""
    session = live_session(sweep, scheduler)
    return _run(lambda: session)


def live_session(sweep: Sweep, scheduler: Scheduler | None, record: Path | None = None) -> Session:
    """A session that watches a sweep."""
    from lrdash.monitor.monitor import Monitor
    from lrdash.ui.backend import Backend
    from lrdash.ui.saved_view import ViewFile
    from lrdash.ui.session import Session
    from lrdash.ui.settings import load_settings

    settings, results = load_settings(), Backend(sweep, scheduler)
    source = _recorded(Monitor(sweep, scheduler), results, record)
    return Session(source, settings, results, ViewFile(sweep.file))


def _known(arguments: argparse.Namespace, file: Path, document: Path) -> Session:
    """What an earlier session kept, to be shown while the sweep itself is opened."""
    from lrdash.monitor.document import read_document
    from lrdash.ui.saved_view import ViewFile
    from lrdash.ui.session import Session
    from lrdash.ui.settings import load_settings
    from lrdash.ui.source import KnownSnapshot

    snapshot = read_document(document)
    if snapshot is None:
        return _open(arguments)
    return Session(
        KnownSnapshot(snapshot), load_settings(), view_file=ViewFile(file), connect=lambda: _open(arguments)
    )


def _open(arguments: argparse.Namespace) -> Session:
    from lrdash.cli.context import the_scheduler, the_sweep

    sweep = the_sweep(arguments)
    return live_session(sweep, the_scheduler(arguments, sweep), arguments.record)


def _foreign(folders: Sequence[Path], record: Path | None) -> Session:
    from lrdash.monitor.foreign import ForeignMonitor
    from lrdash.ui.results import FolderResults
    from lrdash.ui.session import Session
    from lrdash.ui.settings import load_settings

    monitor = ForeignMonitor(folders)
    settings, results = load_settings(), FolderResults(monitor.name, lambda: monitor.runs)
    return Session(_recorded(monitor, results, record), settings, results)


def _recorded(source: SnapshotSource, results: Results, folder: Path | None) -> SnapshotSource:
    """The same, written down where a folder is given."""
    if folder is None:
        return source
    from lrdash.ui.recording import Recorder, RecordingSource

    recorder = Recorder(folder)
    results.listener = recorder.keep_comparison
    return RecordingSource(source, recorder, results.curve_files)


def _replay(folder: Path, speed: float) -> Session:
    import msgspec

    from lrdash.ui.replay import ReplayResults, ReplaySource
    from lrdash.ui.session import Session
    from lrdash.ui.settings import load_settings

    source = ReplaySource(folder, speed)
    # How often somebody wants a queue to be asked is not how often a recording is looked at.
    settings = msgspec.structs.replace(load_settings(), queue_seconds=0.0, files_seconds=0.0)
    return Session(source, settings, ReplayResults(source, folder))


def _run(
    open_session: Callable[[], Session],
    arguments: argparse.Namespace | None = None,
    first_text: str = "",
    theme: str = "",
) -> int:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the screen needs a terminal; `lrdash status` and `lrdash results` do not")
    from lrdash.ui.app import LrdashApp

    ascii_only = bool(arguments and arguments.ascii)
    app = LrdashApp(open_session, first_text=first_text, theme=theme, ascii_only=ascii_only)
    error = app.run()
    if isinstance(error, LrdashError):
        raise error
    if app.is_open and (recorder := getattr(app.source, "recorder", None)) and recorder.problem:
        raise LrdashError(recorder.problem)
    return 0
