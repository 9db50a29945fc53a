"""Messages -> token ids, by the tokenizer's own chat template.

The template's frame is kept whole and may hold special tokens; the text of a row never turns into one,
whatever it contains. When a row is too long the text loses its end, the last message first; frame and images
stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.data.rows import IMAGE_TOKEN, Message

_SENTINEL = "\x02{}\x03"
VISION_START, IMAGE_PAD, VISION_END = "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"


@dataclass(frozen=True)
class Prompt:
    """The token ids of one row."""

    input_ids: list[int]
    was_cut: bool


class TooLongError(Exception):
    """Frame and images alone exceed the limit; holds their number of tokens."""

    def __init__(self, tokens: int) -> None:
        super().__init__(tokens)
        self.tokens = tokens


class PromptEncoder:
    """Encodes rows for one tokenizer; frames are encoded once per sequence of roles."""

    def __init__(self, tokenizer: Any, cutoff_len: int) -> None:
        self._tokenizer = tokenizer
        self._cutoff_len = cutoff_len
        self._frames: dict[tuple[str, ...], list[list[int]]] = {}

    def encode(self, messages: Sequence[Message], image_tokens: Sequence[int]) -> Prompt:
        """`image_tokens` are the numbers of tokens of the row's images, in order."""
        frame = self._frame(tuple(message.role for message in messages))
        images = iter(image_tokens)
        contents = [self._content(message.content, images) for message in messages]
        fixed = sum(map(len, frame)) + sum(
            len(ids) for parts in contents for ids, is_image in parts if is_image
        )
        room = self._cutoff_len - fixed
        if room < 0:
            raise TooLongError(fixed)
        was_cut = False
        input_ids = list(frame[0])
        for parts, after in zip(contents, frame[1:], strict=True):
            for ids, is_image in parts:
                kept = ids if is_image else ids[:room]
                room -= 0 if is_image else len(kept)
                was_cut = was_cut or len(kept) < len(ids)
                input_ids += kept
            input_ids += after
        return Prompt(input_ids, was_cut)

    def _content(self, text: str, images: Any) -> list[tuple[list[int], bool]]:
        """Pieces of text and images, each with whether it is an image."""
        pieces: list[tuple[list[int], bool]] = []
        for position, piece in enumerate(text.split(IMAGE_TOKEN)):
            if position:
                count = next(images, None)
                pieces.append((self._image(count), True) if count else (self._text(IMAGE_TOKEN), False))
            pieces.append((self._text(piece), False))
        return pieces

    def _image(self, count: int) -> list[int]:
        start, pad, end = self._tokenizer.convert_tokens_to_ids([VISION_START, IMAGE_PAD, VISION_END])
        return [start, *[pad] * count, end]

    def _text(self, text: str) -> list[int]:
        if not text:
            return []
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids

    def _frame(self, roles: tuple[str, ...]) -> list[list[int]]:
        """Token ids before, between and after the contents of messages with these roles."""
        if roles not in self._frames:
            self._frames[roles] = [
                self._tokenizer.encode(piece, add_special_tokens=False) if piece else []
                for piece in self._frame_text(roles)
            ]
        return self._frames[roles]

    def _frame_text(self, roles: tuple[str, ...]) -> list[str]:
        if not self._tokenizer.chat_template:
            return [""] * (len(roles) + 1)
        messages = [{"role": role, "content": _SENTINEL.format(i)} for i, role in enumerate(roles)]
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        pieces = []
        for number in range(len(roles)):
            before, _, text = text.partition(_SENTINEL.format(number))
            pieces.append(before)
        return [*pieces, text]
