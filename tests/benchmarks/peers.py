"""The same work beside other programs that do it. One that is not installed is skipped, by name.

In a terminal: posting and harlequin (Textual apps), toolong and lnav (logs); ripgrep; plotext (`pip install
'plotext<6'`). A program that is found on PATH brings its own environment.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from statistics import median

from lrdash.logs.page import Viewport
from lrdash.logs.search import Matcher, Query
from lrdash.logs.viewer import LogViewer
from lrdash.ui.plot.figure import Figure, FigureOptions, Series
from lrdash.ui.plot.reduce import MinMaxPyramid
from lrdash.ui.series import SeriesLook
from tests.benchmarks.scanner import write_log
from tests.benchmarks.screen import LRDASH, ROUNDS, Row, Terminal
from tests.conftest import ROOT
from tests.end_to_end.test_log_pane import pane_command

LOG_BYTES = 1_000_000_000
LAST_LINE = b"the last line of all"
RARE = "custom classification optimizer"
POINTS = 100_000
COLUMNS, ROWS = 120, 40


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _screens(Path(folder))
        log = Path(folder) / "1_2.out"
        write_log(log, LOG_BYTES)
        with log.open("ab") as file:
            file.write(LAST_LINE + b"\n")
        yield from _ends_of_a_log(Path(folder), log)
        yield _search(log)
    yield _chart()


def _row(words: str, ours: float, peer: str, theirs: float, limit: float) -> Row:
    ratio = ours / theirs
    return (
        f"{words} <= {limit:g}x {peer}",
        f"{_time(ours)}; {peer} {_time(theirs)}",
        ratio,
        limit,
        ratio <= limit,
    )


def _skipped(words: str, peer: str, limit: float) -> Row:
    return f"{words} <= {limit:g}x {peer}", f"{peer} is not installed", None, limit, None


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


# In a terminal


def _screens(folder: Path) -> Iterator[Row]:
    """From the command to the whole of the first screen, of a sweep that was watched before."""
    lrdash = (*LRDASH, str(ROOT / "sbatch" / "final_sweep_v7" / "sweep.yaml"))
    environment = _environment(folder) | {"PYTHONPATH": str(ROOT)}
    subprocess.run([*lrdash[:-2], "status", *lrdash[-2:]], env=environment, check=True, capture_output=True)
    collection = folder / "collection"
    collection.mkdir()
    peers = (
        ("posting", ("--collection", str(collection)), b"Headers"),
        ("harlequin", ("--no-download-tzdata",), b"Run Query"),
    )
    ours = lambda: _seconds_to(lrdash, environment, b"accuracy by epoch")  # noqa: E731
    for peer, arguments, text in peers:
        yield _beside("all of Home", ours, peer, arguments, folder, text, 1.0)


def _ends_of_a_log(folder: Path, log: Path) -> Iterator[Row]:
    """From the command to the last line of a log of a gigabyte, which stays in memory."""
    environment = _environment(folder) | {"PYTHONPATH": str(ROOT)}
    ours = lambda: _seconds_to(tuple(pane_command(log)), environment, LAST_LINE)  # noqa: E731
    # toolong follows the end from the start on; lnav indexes everything before it shows it.
    for peer, arguments in (("tl", (str(log),)), ("lnav", (str(log),))):
        yield _beside("a log of 1 GB at its end", ours, peer, arguments, folder, LAST_LINE, 1.0)


def _beside(
    words: str,
    ours: Callable[[], float],
    peer: str,
    arguments: tuple[str, ...],
    folder: Path,
    text: bytes,
    limit: float,
) -> Row:
    """Both in turn; the median of each."""
    found = shutil.which(peer)
    if found is None:
        return _skipped(words, peer, limit)
    mine, its = [], []
    for _ in range(3):
        mine.append(ours())
        its.append(_seconds_to((found, *arguments), _environment(folder), text))
    return _row(words, median(mine), peer, median(its), limit)


def _environment(folder: Path) -> dict[str, str]:
    homes = {f"XDG_{name}_HOME": f"{folder}/{name.lower()}" for name in ("CACHE", "STATE", "CONFIG", "DATA")}
    return {**os.environ, **homes, "TERM": "xterm-256color"}


def _seconds_to(command: tuple[str, ...], environment: dict[str, str], text: bytes) -> float:
    terminal = Terminal(command, environment)
    try:
        return terminal.wait_for(text, 120)
    finally:
        terminal.close()


# In process


def _search(log: Path) -> Row:
    """All lines of a log of a gigabyte that hold a text, against a program that does nothing else."""
    words, limit = "all matches in 1 GB", 5.0
    if (ripgrep := shutil.which("rg")) is None:
        return _skipped(words, "ripgrep", limit)
    mine, its = [], []
    for _ in range(3):
        mine.append(_seconds(lambda: _find_all(log)))
        command = [ripgrep, "--text", "--count", "--fixed-strings", "--ignore-case", RARE, str(log)]
        its.append(_seconds(lambda: subprocess.run(command, check=True, capture_output=True)))  # noqa: B023
    return _row(words, median(mine), "ripgrep", median(its), limit)


def _find_all(log: Path) -> None:
    viewer = LogViewer(log)
    viewer.look(Viewport(COLUMNS, ROWS), None, 0)
    viewer.search(Matcher(Query(RARE)), is_filtered=False)
    assert viewer.matches is not None
    while not viewer.matches.is_complete(viewer.log):
        viewer.matches.advance(viewer.log)
    assert len(viewer.matches) == 1
    viewer.log.close()


def _chart() -> Row:
    """Six curves drawn anew; ours keep what a zoom needs, plotext is given the points each time."""
    words, limit = f"redraw 6 curves of {POINTS:,} points", 0.1
    if find_spec("plotext") is None:
        return _skipped(words, "plotext", limit)
    noise = random.Random(1)
    curves = [[1 / (1 + 9 * at / POINTS) + 0.05 * noise.random() for at in range(POINTS)] for _ in range(6)]
    series = [
        Series(str(at), str(at), SeriesLook(at), MinMaxPyramid(enumerate(values)), markers=False)
        for at, values in enumerate(curves)
    ]
    options = FigureOptions(COLUMNS, ROWS, whole_x=False)
    ours = median(_seconds(lambda: Figure(series, options)) for _ in range(ROUNDS))
    theirs = median(_seconds(lambda: _plotext(curves)) for _ in range(3))
    return _row(words, ours, "plotext", theirs, limit)


def _plotext(curves: list[list[float]]) -> None:
    import plotext

    plotext.clear_figure()
    plotext.plot_size(COLUMNS, ROWS)
    for values in curves:
        plotext.plot(values, marker="braille")
    with redirect_stdout(StringIO()):
        print(plotext.build())


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
