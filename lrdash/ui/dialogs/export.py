"""Writing the comparison to a file of the current directory, in the formats of `lrdash results`."""

from __future__ import annotations

import re
from pathlib import Path

from lrdash.errors import ConfigError
from lrdash.ui.results import Results
from lrdash.ui.state import ScreenState

_SUFFIXES = {"latex": "tex"}


def export(name: str, results: Results, state: ScreenState) -> Path:
    """Write the report; blocks. A file that is there is never overwritten."""
    from lrdash.report.document import make_report
    from lrdash.report.formats import render

    epoch = state.comparison.epoch if state.comparison else "last"
    report = make_report(results.compare(state.baselines, epoch), results.reported(), state.snapshot)
    return write_new(f"{state.snapshot.sweep}-comparison", _SUFFIXES.get(name, name), render(report, name))


def write_new(stem: str, suffix: str, text: str) -> Path:
    """Create `stem.suffix`, or `stem-2.suffix`… when there is one.

    Raises:
        ConfigError: the current directory does not take it.
    """
    stem = re.sub(r"[^\w.+-]", "_", stem)  # the name in a recording may be anything
    for number in range(1, 1000):
        path = Path(f"{stem}{f'-{number}' if number > 1 else ''}.{suffix}")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            return path.resolve()
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    raise ConfigError(f"{stem}.{suffix}: a thousand of them are here already")
