"""Image files or bytes -> the patches that Qwen2.5-VL's vision tower takes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from trainer.data.rows import ImageRef
from trainer.errors import DataError, TrainingError

CACHE_BYTES = 1 << 29
"""Preprocessed images are kept in memory up to this size, so that small data sets are decoded once."""

_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)

Grid = tuple[int, int, int]
Patches = tuple[np.ndarray[Any, np.dtype[np.float32]], Grid]


class ImageReader:
    """Sizes at the start, pixels when a batch needs them.

    Always the PIL processor: torchvision's resizes slightly differently, and must not be needed.
    """

    def __init__(self, processor: Qwen2VLImageProcessorPil, min_pixels: int, max_pixels: int) -> None:
        self._processor = processor
        self._size = {"shortest_edge": min_pixels, "longest_edge": max_pixels}
        self._merge: int = processor.merge_size
        self._factor: int = processor.patch_size * processor.merge_size
        self._cache: dict[ImageRef, Patches] = {}
        self._cached_bytes = 0

    def tokens(self, image: ImageRef) -> int:
        """Tokens of the image in the language model, from its header; the rest of the file is checked."""
        try:
            with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
                width, height = opened.size
                _check_whole(opened)
            height, width = smart_resize(
                height, width, self._factor, self._size["shortest_edge"], self._size["longest_edge"]
            )
        except _UNREADABLE as error:
            raise DataError(f"{_name(image)} cannot be read as an image: {error}") from None
        return int(height * width) // self._factor**2

    def patches(self, image: ImageRef) -> Patches:
        """`[patches, channels x time x height x width]` and the grid (time, height, width) in patches."""
        if image in self._cache:
            return self._cache[image]
        try:
            with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
                made = self._processor(images=[opened.convert("RGB")], size=self._size, return_tensors="np")
        except _UNREADABLE as error:
            raise TrainingError(
                f"{_name(image)} cannot be read as an image any more: {error};"
                " restore it and start again: training goes on from the last checkpoint"
            ) from None
        time, height, width = (int(side) for side in made["image_grid_thw"][0])
        result = made["pixel_values"].astype(np.float32, copy=False), (time, height, width)
        if self._cached_bytes + result[0].nbytes <= CACHE_BYTES:
            self._cache[image] = result
            self._cached_bytes += result[0].nbytes
        return result


def _check_whole(opened: ImageFile) -> None:
    """A truncated file is found at the start, not in the middle of the night.

    PNG has checksums (0.2 ms for a page of 850 x 1100 pixels), and WebP's length is checked when it is
    opened. Other formats do not say where they end and are decoded, a JPEG to an eighth of its size (2.4 ms,
    not 5.6).
    """
    if opened.format in ("PNG", "WEBP"):
        opened.verify()
    else:
        opened.draft("L", (opened.width // 8, opened.height // 8))
        opened.load()


def _name(image: ImageRef) -> str:
    return f"image of {len(image)} bytes" if isinstance(image, bytes) else str(image)
