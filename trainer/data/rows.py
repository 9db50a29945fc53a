"""A row of any of the accepted shapes -> its messages, its images and its label."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.data.sources import Row, Source
from trainer.errors import DataError, listing

IMAGE_TOKEN = "<image>"  # LLaMA-Factory's placeholder: the i-th stands for the i-th image of the row
Label = str | int | bool
ImageRef = Path | bytes

ROLES = frozenset({"prompt", "query", "response", "messages", "system", "images", "label"})
"""What dataset_info.json may name columns for; `label` is new, the others are LLaMA-Factory's."""
_SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


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
    """None: the last assistant message is the label."""


def find_columns(
    source: Source, rows: Sequence[Row], text_column: str = "", label_column: str = ""
) -> Columns:
    """Which columns hold what; raises DataError with the columns that are there.

    A flag goes before dataset_info.json, and both before the usual names. Conversations go before text: a
    column of text beside them often holds the whole conversation, with its answer.
    """
    there = {column for row in rows for column in row}  # a row may lack any of them
    _check_named(source, there, {"--text_column": text_column, "--label_column": label_column})
    named = source.columns

    def first(*candidates: str) -> str | None:
        return next((name for name in candidates if name in there), None)

    text = text_column or named.get("messages") or named.get("prompt")
    text = text or first("messages", "conversations", "text", "instruction", "prompt")
    label = label_column or named.get("label") or named.get("response")
    label = label or first("label", "output", "response")
    is_conversation = text is not None and _holds_conversations(rows, text)
    for kind, is_there in (("text", text), ("label", label or is_conversation)):
        if not is_there:
            raise DataError(
                f"dataset {source.name!r} has no {kind} column; its columns are: {listing(there)};"
                f" --{kind}_column names it"
            )
    return Columns(
        text=None if is_conversation else text,
        query=named.get("query") or (first("input") if text == "instruction" else None),
        messages=text if is_conversation else None,
        system=named.get("system") or first("system"),
        images=named.get("images") or first("images", "image"),
        label=label,
    )


def _check_named(source: Source, there: Collection[str], flags: Mapping[str, str]) -> None:
    """A column that somebody named is there: another one in its place would be another experiment."""
    if unknown := source.columns.keys() - ROLES:
        raise DataError(
            f"dataset_info.json: {source.name}: columns for {listing(unknown)} are not read here, only for"
            f" {listing(ROLES)}"
        )
    roles = {f"dataset_info.json for {role}": column for role, column in source.columns.items()}
    for where, column in {**flags, **roles}.items():
        if column and column not in there:
            raise DataError(
                f"dataset {source.name!r} has no column {column!r}, which {where} names;"
                f" its columns are: {listing(there)}"
            )


def _holds_conversations(rows: Sequence[Row], column: str) -> bool:
    """By the first row that has anything there."""
    return isinstance(next((row[column] for row in rows if row.get(column) is not None), None), list)


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


class RowReader:
    """Reads the rows of one data set; an error names the row by its position, counted from 0."""

    def __init__(self, source: Source, columns: Columns, media_dirs: Sequence[Path]) -> None:
        self._name = source.name
        self._columns = columns
        self._tags = source.tags
        self._media_dirs = media_dirs
        self.answers_left_out = 0
        """Rows whose last assistant message is neither input nor label."""

    def read(self, index: int, row: Row) -> Sample:
        messages = self._conversation(index, row) if self._columns.messages else self._single(index, row)
        label = self._label(index, row, _take_answer(messages))
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
        known = _SPEAKERS | {
            tags[f"{name}_tag"]: name for name in ("user", "assistant", "system") if f"{name}_tag" in tags
        }
        if role not in known:
            raise self._mistake(
                index, f"has a message of role {role!r}; roles are user, assistant and system"
            )
        if not isinstance(content, str):
            raise self._mistake(index, "has a message whose content is not text")
        return Message(known[role], content)

    def _label(self, index: int, row: Row, answer: str | None) -> Label:
        """The label column's, else the answer of the conversation, which is never part of the input."""
        column = self._columns.label
        label = row.get(column) if column else answer
        self.answers_left_out += column is not None and answer is not None
        if isinstance(label, float) and label.is_integer():
            label = int(label)  # pandas writes integers as floats where a column has gaps
        if isinstance(label, str | int) and label != "":
            return label
        column = column or "last assistant message"
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


def _take_answer(messages: list[Message]) -> str | None:
    """Remove what the assistant says at the end; its last words, or None."""
    answer = None
    while messages[-1].role == "assistant":
        last = messages.pop().content.strip()
        answer = last if answer is None else answer
    return answer


def _first(turn: dict[str, Any], *keys: str | None) -> Any:
    return next((turn[key] for key in keys if key in turn), None)
