"""Screens of a log: filled while there are lines, and the same rows whichever way one comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdash.logs.page import Page, Place, Viewport, read_page
from lrdash.logs.window import LogFile


def opened(path: Path, content: bytes) -> LogFile:
    path.write_bytes(content)
    return LogFile(path)


def texts(page: Page) -> list[str]:
    return [row.text.plain for row in page.rows]


@pytest.mark.parametrize("wrap", [False, True])
def test_every_place_and_every_step_show_a_slice_of_all_rows(tmp_path: Path, wrap: bool) -> None:
    lines = [f"{number:03}" + "x" * (number * 7 % 50) for number in range(60)]
    log = opened(tmp_path / "log", "\n".join(lines).encode())
    everything = read_page(log, log, Viewport(20, 10_000, wrap))
    rows = texts(everything)
    assert "".join(rows) == "".join(lines)
    viewport = Viewport(20, 7, wrap)
    for position, row in enumerate(everything.rows):
        for scroll in (0, 1, 5, 100, -1, -3, -100):
            top = max(0, min(position + scroll, len(rows) - 7))
            page = read_page(log, log, viewport, row.place, scroll)
            assert texts(page) == rows[top : top + 7], (position, scroll)
            assert page.at_end == (top == len(rows) - 7)


def test_the_end_of_a_short_log_and_of_an_empty_one(tmp_path: Path) -> None:
    log = opened(tmp_path / "log", b"one\ntwo\n")
    assert texts(read_page(log, log, Viewport(80, 24))) == ["one", "two"]
    assert texts(read_page(log, log, Viewport(80, 24), Place(4), -5)) == ["one", "two"]
    nothing = opened(tmp_path / "empty", b"")
    empty = read_page(nothing, nothing, Viewport(80, 24))
    assert (empty.top, empty.end, empty.at_end) == (None, 0, True)


def test_wide_characters_are_wrapped_by_cells(tmp_path: Path) -> None:
    log = opened(tmp_path / "log", "漢字漢字漢\n".encode())
    assert texts(read_page(log, log, Viewport(5, 9, wrap=True))) == ["漢字", "漢字", "漢"]


def test_a_place_of_a_file_that_became_shorter_shows_its_end(tmp_path: Path) -> None:
    log = opened(tmp_path / "log", b"x\n" * 1000)
    place = read_page(log, log, Viewport(80, 5)).top
    log.path.write_bytes(b"new\n")
    page = read_page(log, log, Viewport(80, 5), place)
    assert (texts(page), page.generation) == (["new"], 2)


@given(
    st.lists(st.text("ab漢\t\r", max_size=30), max_size=12),
    st.integers(1, 30),
    st.integers(1, 9),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_walking_down_row_by_row_sees_every_row(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], width: int, height: int, wrap: bool
) -> None:
    log = opened(tmp_path_factory.getbasetemp() / "walked", "\n".join(lines).encode())
    everything = texts(read_page(log, log, Viewport(width, 10_000, wrap)))
    page = read_page(log, log, Viewport(width, height, wrap), Place(0))
    seen = texts(page)
    while not page.at_end:
        page = read_page(log, log, Viewport(width, height, wrap), page.top, 1)
        seen.append(texts(page)[-1])
    assert seen == everything
    log.close()
