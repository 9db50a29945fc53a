"""What was submitted, one file per array job, written before the scheduler is asked.

A record says `intended` until the answer came. One that stays so tells the next start that the answer
was lost: the job, if there is one, carries the record's token in its comment.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from lrdash.errors import AlreadyActiveError, ConfigError
from lrdash.sweep.paths import submissions_dir
from lrdash.sweep.spec import Scalar, Sweep

RecordState = Literal["intended", "submitted", "refused"]
JobId = Annotated[str, msgspec.Meta(pattern=r"\A\d{1,18}\Z")]
"""It becomes a word of commands, and a record may be anybody's: it can be no option."""


class SubmissionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One call of sbatch, or of the local scheduler's submit."""

    schema: int = 1
    state: RecordState
    time: str
    """Just before the scheduler was asked; ISO 8601, UTC."""
    sweep: str
    group: str
    indices: tuple[int, ...]
    runs: tuple[str, ...]
    """Names of the runs at these indices."""
    scheduler: str
    command: tuple[str, ...]
    script: str
    script_sha256: str
    git_commit: str | None = None
    user: str
    host: str
    token: str
    overrides: Mapping[str, Scalar] = {}
    """Arguments of `submit --set`."""
    fresh: bool = False
    job: JobId | None = None
    error: str | None = None
    """Why the scheduler refused, in its own words."""

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.time).tzinfo is None:
            raise ValueError(f"time {self.time} has no zone")

    @property
    def run_of_index(self) -> dict[int, str]:
        return dict(zip(self.indices, self.runs, strict=False))


@contextmanager
def submitting(sweep: Sweep) -> Iterator[None]:
    """Held from the look at the queue to the last answer: two submits at once would both find it empty.

    Raises:
        AlreadyActiveError: somebody else submits this sweep at this moment.
        ConfigError: the folder cannot be written to.
    """
    folder = submissions_dir(sweep)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise _cannot_write(folder, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyActiveError(
                f"another lrdash submits {sweep.name} at this moment; try again when it is done"
            ) from None
        except OSError as error:  # Lustre without the mount option flock, NFS without its lock daemon
            raise ConfigError(
                f"{lock.name}: cannot be locked: {error.strerror}; nothing was submitted, for two submits at "
                f"once would both run: ask for file locks (`flock`) on this file system"
            ) from None
        yield


def write_record(sweep: Sweep, record: SubmissionRecord) -> Path:
    """Create the file of a new record and wait until it is on disk.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    folder = submissions_dir(sweep)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _names(record):
            try:
                _write(folder / name, record, os.O_EXCL)
                return folder / name
            except FileExistsError:  # the other group of the same submit
                continue
    except OSError as error:
        raise _cannot_write(folder, error) from None
    raise AssertionError("names do not end")


def replace_record(path: Path, record: SubmissionRecord) -> None:
    """Put the answer in the place of the intention, at once or not at all."""
    new = path.with_suffix(".new")
    _write(new, record, os.O_TRUNC)
    new.rename(path)
    _sync(path.parent)


def read_records(sweep: Sweep, scheduler: str | None = None) -> tuple[SubmissionRecord, ...]:
    """The records that can be read, oldest first: all, or those of one scheduler, whose ids they hold."""
    records = stored_records(sweep).values()
    return tuple(record for record in records if scheduler in (None, record.scheduler))


def stored_records(sweep: Sweep) -> dict[Path, SubmissionRecord]:
    """Records by file, oldest first."""
    records = {}
    for path in sorted(submissions_dir(sweep).glob("*.json")):
        try:
            records[path] = msgspec.json.decode(path.read_bytes(), type=SubmissionRecord)
        except (OSError, msgspec.DecodeError):
            continue  # half-written by a machine that went down, or not ours
    return records


def age_seconds(record: SubmissionRecord) -> float:
    return datetime.now(UTC).timestamp() - asked_at(record)


def asked_at(record: SubmissionRecord) -> float:
    """When the scheduler was asked; Unix seconds."""
    return datetime.fromisoformat(record.time).timestamp()


def job_name(record: SubmissionRecord) -> str:
    return f"{record.sweep}_{record.group}"


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cannot_write(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{folder}: no submission record can be written: {error.strerror}; without one nothing is submitted"
    )


def _names(record: SubmissionRecord) -> Iterator[str]:
    """`20261123T081500Z-<token>.json`; a taken name gives way to the next second's."""
    moment = datetime.fromisoformat(record.time)
    while True:
        yield f"{moment:%Y%m%dT%H%M%SZ}-{record.token}.json"
        moment += timedelta(seconds=1)


def _write(path: Path, record: SubmissionRecord, flag: int) -> None:
    content = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o644)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:  # no space: half a record is none
        path.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
