"""Files that are written to the current directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdash.errors import ConfigError
from lrdash.ui.dialogs.export import write_new


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr.csv").symlink_to("elsewhere")
    written = [write_new("lr", "csv", text) for text in ("a\n", "b\n")]
    assert [(path.name, path.read_text()) for path in written] == [("lr-2.csv", "a\n"), ("lr-3.csv", "b\n")]


def test_a_directory_that_takes_no_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match=r"^lr\.csv: cannot be written: No such file or directory$"):
        write_new("lr", "csv", "a\n")
    monkeypatch.chdir(tmp_path)
