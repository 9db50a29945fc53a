"""Rows -> examples ready for batches: token ids, label ids, images. Rows in = examples out, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.data.prompts import PromptEncoder, TooLongError
from trainer.data.rows import ImageRef, Label, Sample
from trainer.errors import DataError, listing

if TYPE_CHECKING:
    from trainer.data.images import ImageReader


@dataclass(frozen=True)
class Example:
    input_ids: list[int]
    label: int
    images: tuple[ImageRef, ...] = ()


@dataclass(frozen=True)
class Examples(Sequence[Example]):
    """The examples of one data set, in its order."""

    items: tuple[Example, ...]
    cut: int
    """How many inputs lost their end."""

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        return self.items[index]

    @property
    def lengths(self) -> list[int]:
        return [len(example.input_ids) for example in self.items]


class Labels:
    """The classes in sorted order; their positions are the model's label ids."""

    def __init__(self, values: Sequence[Label]) -> None:
        self.values = tuple(values)
        self._ids = {value: position for position, value in enumerate(self.values)}

    @classmethod
    def of_training(cls, labels: Iterable[Label]) -> Labels:
        return cls(sorted(set(labels), key=lambda value: (isinstance(value, str), value)))

    @classmethod
    def of_model(cls, id2label: Mapping[int, str], labels: Iterable[Label]) -> Labels:
        """A trained model's classes, in the type that the data set writes them in."""
        written = {str(label): label for label in labels}
        return cls([written.get(id2label[position], id2label[position]) for position in sorted(id2label)])

    @property
    def names(self) -> list[str]:
        return [str(value) for value in self.values]

    @property
    def positive(self) -> str | None:
        """The last of two classes; with more there is no positive one."""
        return self.names[-1] if len(self.values) == 2 else None

    def id_of(self, label: Label) -> int | None:
        return self._ids.get(label)


def labels_of_training(name: str, samples: Sequence[Sample]) -> Labels:
    labels = Labels.of_training(sample.label for sample in samples)
    if len(labels.values) < 2:
        raise DataError(
            f"dataset {name!r} has one class only, {listing(labels.names)}; a classifier needs two"
        )
    return labels


def encode_samples(
    name: str, samples: Sequence[Sample], labels: Labels, prompts: PromptEncoder, images: ImageReader | None
) -> Examples:
    """Token ids of every row; raises DataError naming the row that cannot be encoded."""
    items = []
    cut = 0
    every_size = _image_tokens(name, samples, images)
    for index, (sample, sizes) in enumerate(zip(samples, every_size, strict=True)):
        label = labels.id_of(sample.label)
        if label is None:
            raise DataError(
                f"dataset {name!r}, row {index}: label {sample.label!r} does not occur in the training data;"
                f" its labels are: {listing(labels.names)}"
            )
        try:
            prompt = prompts.encode(sample.messages, sizes)
        except TooLongError as error:
            what = f"{len(sizes)} images and the chat frame take" if sizes else "the chat frame takes"
            raise DataError(
                f"dataset {name!r}, row {index}: {what} {error.tokens} tokens, more than --cutoff_len;"
                f" raise it{' or lower --image_max_pixels' if sizes else ''}"
            ) from None
        items.append(Example(prompt.input_ids, label, sample.images))
        cut += prompt.was_cut
    return Examples(tuple(items), cut)


def _image_tokens(name: str, samples: Sequence[Sample], images: ImageReader | None) -> Iterator[list[int]]:
    """Row after row; files are read by several threads, for Pillow holds no lock while it decodes."""

    def tokens_of(index: int) -> list[int]:
        return _tokens_of(name, index, samples[index], images)

    if images is None:
        yield from map(tokens_of, range(len(samples)))
        return
    pool = ThreadPoolExecutor()
    try:
        yield from pool.map(tokens_of, range(len(samples)))
    finally:
        pool.shutdown(cancel_futures=True)


def _tokens_of(name: str, index: int, sample: Sample, images: ImageReader | None) -> list[int]:
    if images is None:
        if sample.images:
            raise DataError(f"dataset {name!r}, row {index}: has images, but the model is a text model")
        return []
    if not sample.images:
        raise DataError(
            f"dataset {name!r}, row {index}: has no image, and a vision model needs one in every row"
        )
    try:
        return [images.tokens(image) for image in sample.images]
    except DataError as error:
        raise DataError(f"dataset {name!r}, row {index}: {error}") from None
