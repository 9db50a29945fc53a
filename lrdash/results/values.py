"""Numbers and JSON as training tools really write them: NaN, numbers as text, half a file."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

import msgspec

Row = dict[str, float | None]
"""Metric name -> number; None for what is not a finite number. Named as in transformers' log_history."""

TOO_LARGE = 256 * 2**20
"""A summary file is kilobytes, a trainer_state.json of 100,000 steps 18 MB; bytes."""


class UnreadableError(ValueError):
    """A file that is there and is not (yet) what it should be; half-written ones are normal."""


def number(value: object) -> float | None:
    """A finite number, also one written as text (`'6.112'`); None for anything else.

    >>> number("2e-05"), number(True), number(float("nan")), number("1,234")
    (2e-05, None, None, 1234.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value.replace(",", "") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) else None


def numbers(raw: object) -> Row:
    """The entries of a mapping that are numbers or null; text and nested values are left out.

    Integers stay integers, so that counts read as such.
    """
    if not isinstance(raw, dict):
        return {}
    return {str(key): _number_or_null(value) for key, value in raw.items() if _is_metric(value)}


def parse_json(data: bytes) -> Any:
    """JSON as Python writes it: strict JSON, and NaN and Infinity, which msgspec refuses.

    Raises:
        UnreadableError: it is neither.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(" ".join(str(error).split())) from None


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: there is none.
        UnreadableError: it cannot be read or is not JSON.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a device may have no end
            raise UnreadableError(f"{path.name} is no regular file")
        if status.st_size > TOO_LARGE:
            size = status.st_size / 2**20
            raise UnreadableError(f"{path.name} has {size:.0f} MiB; a results file has a few KiB")
        return parse_json(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(f"{path.name}: {error.strerror}") from None
    except UnreadableError as error:
        raise UnreadableError(f"{path.name}: {error}") from None


def _is_metric(value: object) -> bool:
    return value is None or isinstance(value, int | float) or number(value) is not None


def _number_or_null(value: object) -> float | None:
    parsed = number(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and parsed is not None else parsed
