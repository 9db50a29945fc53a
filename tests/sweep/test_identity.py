"""The line by which a log says whose it is."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdash.sweep.identity import Identity, parse_identity

names = st.text(string.ascii_letters + string.digits + "._+=-", min_size=1, max_size=20)
roots = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).map(
    lambda text: f"/{text}"
)
jobs = st.from_regex(r"-|[0-9]{1,18}(_[0-9]{1,9})?", fullmatch=True)
identities = st.builds(
    Identity,
    sweep=names, group=names, index=st.integers(0, 10**6), run=names, job=jobs, restart=st.integers(0, 99),
    port=st.integers(1, 65535), host=names, scheduler=names, root=roots,
)  # fmt: skip


@given(
    identities,
    st.sampled_from(["", "[rank0]: ", "2026-11-23 08:00:00 INFO "]),
    st.sampled_from(["", "\n", "\r\n"]),
)
def test_what_is_printed_is_read_back(identity: Identity, prefix: str, end: str) -> None:
    assert parse_identity(f"{prefix}{identity}{end}") == identity


@given(st.text())
def test_no_other_line_is_one(line: str) -> None:
    assert parse_identity(line) is None
    assert parse_identity(f"lrdash: sweep={line} group=") is None


def test_numbers_that_are_too_long_are_no_identity() -> None:
    line = str(Identity("s", "g", 1, "r", "1_1", 0, 29701, "h", "slurm", "/"))
    assert parse_identity(line) is not None
    assert parse_identity(line.replace("index=1", "index=" + "9" * 5000)) is None


@pytest.mark.parametrize("index", ["\N{ARABIC-INDIC DIGIT THREE}", "007", "-1", "1.0"])
def test_numbers_in_another_notation_are_no_identity(index: str) -> None:
    line = str(Identity("s", "g", 1, "r", "1_1", 0, 29701, "h", "slurm", "/"))
    assert parse_identity(line.replace("index=1", f"index={index}")) is None


@pytest.mark.fuzz
@settings(max_examples=20_000, deadline=None)
@given(identities, st.integers(0, 200), st.text(max_size=5))
def test_fuzz_a_line_that_was_damaged(identity: Identity, at: int, text: str) -> None:
    line = str(identity)
    parsed = parse_identity(line[:at] + text + line[at + 1 :])
    assert parsed is None or str(parsed).startswith("lrdash: sweep=")
