"""Submission records on disk."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import msgspec
import pytest

from lrdash.errors import ConfigError
from lrdash.scheduler.records import (
    SubmissionRecord,
    age_seconds,
    read_records,
    replace_record,
    submitting,
    utc_now,
    write_record,
)
from tests.sweeps import write_sweep


def record(**more: object) -> SubmissionRecord:
    fields = {
        "state": "intended", "time": "2026-11-23T08:15:00+00:00", "sweep": "tiny", "group": "text",
        "indices": (0, 1), "runs": ("text_0", "text_1"), "scheduler": "slurm", "command": ("sbatch", "x"),
        "script": "x", "script_sha256": "0", "user": "ann", "host": "login", "token": "0123abcd",
    }  # fmt: skip
    return SubmissionRecord(**{**fields, **more})  # type: ignore[arg-type]


def test_both_groups_of_one_submit_get_a_file(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    paths = [write_record(sweep, record(group=group)) for group in ("text", "vision")]
    assert [path.name for path in paths] == [
        "20261123T081500Z-0123abcd.json",
        "20261123T081501Z-0123abcd.json",
    ]
    assert [each.group for each in read_records(sweep)] == ["text", "vision"]


def test_the_answer_replaces_the_intention(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    path = write_record(sweep, record())
    replace_record(path, record(state="submitted", job="77"))
    assert [(each.state, each.job) for each in read_records(sweep)] == [("submitted", "77")]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_it_is_on_disk_before_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    path = write_record(write_sweep(tmp_path), record())
    assert synced == [str(path), str(path.parent)]


def test_a_file_that_is_no_record_is_passed_over(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    path = write_record(sweep, record())
    (path.parent / "20261123T081600Z-aaaaaaaa.json").write_bytes(path.read_bytes()[:40])
    (path.parent / "notes.json").write_text('{"state": 3}')
    assert len(read_records(sweep)) == 1


@pytest.mark.parametrize("time", ["2026-11-23T08:15:00", "yesterday", ""])
def test_a_record_without_a_moment_in_time_is_none(tmp_path: Path, time: str) -> None:
    sweep = write_sweep(tmp_path)
    path = write_record(sweep, record())
    path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(record()), "time": time}))
    assert read_records(sweep) == ()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_named(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: object, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    with (
        pytest.raises(ConfigError, match=rf"submissions/\.lock: cannot be locked: {os.strerror(number)}"),
        submitting(write_sweep(tmp_path)),
    ):
        pass


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    (tmp_path / "logs/tiny/submissions").write_text("a file in its place")
    with pytest.raises(ConfigError, match=r"logs/tiny/submissions: no submission record can be written"):
        write_record(sweep, record())


def test_records_of_a_newer_version_are_read(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path)
    path = write_record(sweep, record())
    path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(record()), "new_field": 1}))
    assert len(read_records(sweep)) == 1


def test_times_are_utc_with_offset() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", utc_now())
    assert 0 <= age_seconds(record(time=utc_now())) < 5
