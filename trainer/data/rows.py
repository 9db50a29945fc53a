"""A row of any of the accepted shapes -> its messages, its images and its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.data.sources import Row, Source
from trainer.errors import DataError, listing

IMAGE_TOKEN = "<image>"  # LLaMA-Factory's placeholder: the i-th stands for the i-th image of the row
Label = str | int | bool
ImageRef = Path | bytes

_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


@dataclass(frozen=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True)
class Sample:
    """What is classified, and as what."""

    messages: tuple[Message, ...]
    images: tuple[ImageRef, ...]
    label: Label


@dataclass(frozen=True)
class Columns:
    """The columns of one data set that are input or label; all others are metadata."""

    text: str | None
    query: str | None
    messages: str | None
    system: str | None
    images: str | None
    label: str | None
    response: str | None


def find_columns(source: Source, rows: Sequence[Row], text_column: str, label_column: str) -> Columns:
    """Which columns hold what; raises DataError with the columns that are there."""
    there = set(rows[0])
    named = {role: column for role, column in source.columns.items() if column in there}

    def first(*candidates: str) -> str | None:
        return next((name for name in candidates if name in there), None)

    messages = named.get("messages") or first("messages", "conversations")
    text = named.get("prompt") or first("text", "instruction", "prompt")
    if text_column:
        text, messages = (
            (None, text_column) if _is_conversation(rows[0].get(text_column)) else (text_column, None)
        )
    label = named.get("label") or (label_column if label_column in there else None)
    response = named.get("response") or first("output", "response")
    if (text or messages) not in there:
        raise DataError(f"dataset {source.name!r} has no text column; its columns are: {listing(there)}")
    if label is None and response is None and messages is None:
        raise DataError(
            f"dataset {source.name!r} has no column {label_column!r}; its columns are: {listing(there)}"
        )
    query = named.get("query") or (first("input") if text == "instruction" else None)
    system = named.get("system") or first("system")
    images = named.get("images") or first("images", "image")
    return Columns(None if messages else text, query, messages, system, images, label, response)


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


class RowReader:
    """Reads the rows of one data set; an error names the row by its position, counted from 0."""

    def __init__(self, source: Source, columns: Columns, media_dirs: Sequence[Path]) -> None:
        self._name = source.name
        self._columns = columns
        self._tags = source.tags
        self._media_dirs = media_dirs

    def read(self, index: int, row: Row) -> Sample:
        messages = self._conversation(index, row) if self._columns.messages else self._single(index, row)
        label = self._label(index, row, messages)
        messages = [message for message in messages if message.content or message.role == "user"]
        images = self._images(index, row)
        return Sample(tuple(self._place_images(index, messages, len(images))), images, label)

    def _mistake(self, index: int, problem: str) -> DataError:
        return DataError(f"dataset {self._name!r}, row {index}: {problem}")

    def _single(self, index: int, row: Row) -> list[Message]:
        columns = self._columns
        parts = [row.get(column) for column in (columns.text, columns.query) if column]
        text = "\n".join(part for part in parts if isinstance(part, str) and part)
        if not text.strip():
            raise self._mistake(index, f"has no text in column {columns.text!r}")
        return [*self._system(row), Message("user", text)]

    def _system(self, row: Row) -> list[Message]:
        text = row.get(self._columns.system) if self._columns.system else None
        return [Message("system", text)] if isinstance(text, str) and text else []

    def _conversation(self, index: int, row: Row) -> list[Message]:
        turns = row.get(self._columns.messages or "")
        if not _is_conversation(turns):
            raise self._mistake(index, f"column {self._columns.messages!r} holds no list of messages")
        messages = self._system(row) + [self._turn(index, turn) for turn in turns or ()]
        if not any(message.role == "user" and message.content.strip() for message in messages):
            raise self._mistake(index, "has no user message with text")
        return messages

    def _turn(self, index: int, turn: Any) -> Message:
        tags = self._tags
        role = _first(turn, tags.get("role_tag"), "role", "from")
        content = _first(turn, tags.get("content_tag"), "content", "value")
        known = _ROLES | {
            tags[f"{name}_tag"]: name for name in ("user", "assistant", "system") if f"{name}_tag" in tags
        }
        if role not in known:
            raise self._mistake(
                index, f"has a message of role {role!r}; roles are user, assistant and system"
            )
        if not isinstance(content, str):
            raise self._mistake(index, "has a message whose content is not text")
        return Message(known[role], content)

    def _label(self, index: int, row: Row, messages: list[Message]) -> Label:
        """The label column, else the response, else the last turn of the assistant (which is then no input).
        The label column, else the response, else the last turn of the assistant (which is then no input)."""
        columns = self._columns
        column = columns.label or columns.response
        if column is not None:
            label = row.get(column)
        elif messages[-1].role == "assistant":
            column, label = "last assistant message", messages.pop().content.strip()
        else:
            column, label = "label", None
        if isinstance(label, float) and label.is_integer():
            label = int(label)  # pandas writes integers as floats where a column has gaps
        if isinstance(label, str | int) and label != "":
            return label
        raise self._mistake(index, f"{column!r} is {label!r}; a label is a class name or an integer")

    def _images(self, index: int, row: Row) -> tuple[ImageRef, ...]:
        value = row.get(self._columns.images) if self._columns.images else None
        if value is None:
            return ()
        values = value if isinstance(value, list) else [value]
        return tuple(self._image(index, item) for item in values)

    def _image(self, index: int, value: Any) -> ImageRef:
        """A path, bytes, or datasets' mapping of both."""
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str) or not value:
            raise self._mistake(index, f"an image is {type(value).__name__}; give a path or bytes")
        found = next(
            (path for path in (folder / value for folder in self._media_dirs) if path.is_file()), None
        )
        if found is None:
            raise self._mistake(index, f"image {value} does not exist in {listing(self._media_dirs)}")
        return found

    def _place_images(self, index: int, messages: list[Message], images: int) -> list[Message]:
        """Hold the number of <image> tokens against the images; without any they go before the text."""
        tokens = sum(message.content.count(IMAGE_TOKEN) for message in messages)
        if tokens == 0 and images:
            first = next(position for position, message in enumerate(messages) if message.role == "user")
            messages[first] = Message("user", IMAGE_TOKEN * images + messages[first].content)
        elif tokens != images and self._columns.images:
            raise self._mistake(index, f"has {tokens} {IMAGE_TOKEN} tokens and {images} images")
        return messages


def _first(turn: dict[str, Any], *keys: str | None) -> Any:
    return next((turn[key] for key in keys if key in turn), None)
