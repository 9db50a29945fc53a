"""Every byte of every log, once: the facts of each attempt.

The cursor of each file is kept in the cache directory, so that a second start reads only new bytes.
A log may be absent, come late, be truncated, replaced or deleted; what the present file says is what
is reported, and what was read of a file that is gone stays until another one appears.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from lrdash.logs.facts import AttemptFacts, Stream, StreamFacts
from lrdash.logs.reader import StreamReader
from lrdash.sweep.identity import Identity


class LogScanner:
    """Scans the logs of many runs; safe to call from several threads."""

    def __init__(self, cache_dir: Path | None = None) -> None:
        self._cache_dir = cache_dir
        self._readers: dict[tuple[Path, Stream], StreamReader] = {}
        self._joined: dict[tuple[Path, Path], tuple[object, tuple[AttemptFacts, ...]]] = {}
        self._lock = threading.Lock()

    @property
    def bytes_read(self) -> int:
        """Log bytes read since this scanner was made."""
        return sum(reader.bytes_read for reader in self._readers.values())

    def scan(self, out: Path, err: Path, *, budget: int | None = None) -> tuple[AttemptFacts, ...]:
        """Read what is new and return the facts of every attempt, the current one last.

        As long as nothing changes, every call returns the same object.
        With a `budget` at most about so many bytes of each file are read; the optimizer line of the
        rest is looked for first, and `unread_bytes` says how much is left for the next calls.
        """
        with self._lock:
            readers = [self._reader(out, "out"), self._reader(err, "err")]
            for reader in readers:
                reader.scan(budget)
            return self._join(*readers)

    def problems(self, out: Path, err: Path) -> tuple[str, ...]:
        """Why a log cannot be read (a directory, no permission); a log that is absent is no problem."""
        with self._lock:
            readers = (self._reader(out, "out"), self._reader(err, "err"))
            return tuple(reader.problem for reader in readers if reader.problem)

    def close(self) -> None:
        """Keep every cursor for the next start."""
        with self._lock:
            for reader in self._readers.values():
                reader.save()

    def _join(self, out: StreamReader, err: StreamReader) -> tuple[AttemptFacts, ...]:
        key, version = (out.path, err.path), (out.version, err.version)
        known = self._joined.get(key)
        if known is None or known[0] != version:
            known = self._joined[key] = (version, _join(out, err))
        return known[1]

    def _reader(self, path: Path, stream: Stream) -> StreamReader:
        key = (path, stream)
        if key not in self._readers:
            self._readers[key] = StreamReader(path, stream, self._cache_dir)
        return self._readers[key]


def _join(out: StreamReader, err: StreamReader) -> tuple[AttemptFacts, ...]:
    """Out and err of each attempt side by side."""
    pairs = pair_attempts(out.attempts(), err.attempts())
    outputs = [reader.last_output for reader in (out, err) if reader.last_output is not None]
    missing: tuple[Stream, ...] = tuple(reader.stream for reader in (out, err) if reader.is_missing)
    last = len(pairs) - 1
    return tuple(
        AttemptFacts(
            out=one,
            err=other,
            last_output=max(outputs, default=None) if position == last else None,
            missing=missing,
            unread_bytes=out.unread_bytes + err.unread_bytes if position == last else 0,
        )
        for position, (one, other) in enumerate(pairs)
    )


def pair_attempts(
    out: Sequence[StreamFacts], err: Sequence[StreamFacts]
) -> list[tuple[StreamFacts, StreamFacts]]:
    """Join two streams by job and restart; a stream that names no attempt belongs to the last one."""
    named = {_key(facts.identity): facts for facts in err if facts.identity}
    pairs = [(facts, named.pop(_key(facts.identity), StreamFacts())) for facts in out if facts.identity]
    pairs += [(StreamFacts(), facts) for facts in named.values()]
    pairs.sort(key=lambda pair: _order(pair[0].identity or pair[1].identity))
    unnamed_out = next((facts for facts in out if not facts.identity), None)
    unnamed_err = next((facts for facts in err if not facts.identity), None)
    if not pairs:
        return [(unnamed_out or StreamFacts(), unnamed_err or StreamFacts())]
    return [*pairs[:-1], _with_unnamed(pairs[-1], unnamed_out, unnamed_err)]


def _with_unnamed(
    pair: tuple[StreamFacts, StreamFacts], out: StreamFacts | None, err: StreamFacts | None
) -> tuple[StreamFacts, StreamFacts]:
    """A stream without any identity line stands in for the missing half of the last attempt."""
    one, other = pair
    if out and not one.identity and not out.is_empty:
        one = out
    if err and not other.identity and not err.is_empty:
        other = err
    return one, other


def _key(identity: Identity | None) -> tuple[str, int]:
    return (identity.job, identity.restart) if identity else ("", 0)


def _order(identity: Identity | None) -> tuple[tuple[int, ...], int]:
    """By job number, then restart: a later submission has a higher id."""
    job, restart = _key(identity)
    return tuple(int(part) for part in job.split("_") if part.isdecimal()), restart
