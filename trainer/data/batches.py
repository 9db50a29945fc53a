"""Which rows stand in which batch of which process, and how a batch is padded.

One optimizer step takes one *effective batch* of rows. Its rows are drawn at random, the same for any number
of processes, accumulation steps and rows per pass; only then are they dealt out, sorted by length, so that
rows of one forward pass are of like length and the passes of all processes at one moment take about equally
long. A sum over the rows does not depend on how they were dealt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from trainer.data.examples import Example, Examples
from trainer.data.images import ImageReader

IGNORED = -100  # cross entropy's ignore_index
Filler = tuple[int, bool]
"""A row's position, and whether it only fills a place: its label is ignored."""


def deal(
    rows: Sequence[int], lengths: Sequence[int], passes: int, processes: int, rank: int
) -> list[list[Filler]]:
    """The `passes` batches of one process out of one effective batch.

    Places are dealt by descending length. When there are fewer rows than places (the end of an epoch), a
    process without a row gets the shortest one as a filler: every process runs as many passes as the others.
    """
    ordered = sorted(rows, key=lambda row: (-lengths[row], row))
    chunks = np.array_split(np.asarray(ordered), passes * processes)
    mine = chunks[rank::processes]
    return [[(int(row), False) for row in chunk] or [(ordered[-1], True)] for chunk in mine]


class TrainingBatches(Sampler[list[Filler]]):
    """The batches of one process; `set_epoch` chooses the shuffle, so that any step can be resumed."""

    def __init__(
        self,
        lengths: Sequence[int],
        effective: int,
        passes: int,
        seed: int,
        processes: int = 1,
        rank: int = 0,
    ) -> None:
        self._lengths = lengths
        self._effective = effective
        self._passes = passes
        self._seed = seed
        self._processes = processes
        self._rank = rank
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    @property
    def steps(self) -> int:
        """Optimizer steps of one epoch; the last may have fewer rows."""
        return -(-len(self._lengths) // self._effective)

    def __len__(self) -> int:
        return self.steps * self._passes

    def effective_batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """The rows of every optimizer step of an epoch."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._lengths))
        return [order[start : start + self._effective] for start in range(0, len(order), self._effective)]

    def __iter__(self) -> Iterator[list[Filler]]:
        for rows in self.effective_batches(self._epoch):
            yield from deal(rows.tolist(), self._lengths, self._passes, self._processes, self._rank)


class EvaluationBatches(Sampler[list[Filler]]):
    """All rows once, as many in each process, longest first: memory runs out at once or not at all."""

    def __init__(self, lengths: Sequence[int], size: int, processes: int = 1, rank: int = 0) -> None:
        self._lengths = lengths
        self._size = size
        self._processes = processes
        self._rank = rank

    def __len__(self) -> int:
        return -(-len(self._lengths) // (self._size * self._processes))

    def _batches(self, rank: int) -> list[list[Filler]]:
        order = sorted(range(len(self._lengths)), key=lambda row: (-self._lengths[row], row))
        places: list[Filler] = [(row, False) for row in order]
        places += [(order[-1], True)] * (len(self) * self._size * self._processes - len(places))
        chunks = [places[start : start + self._size] for start in range(0, len(places), self._size)]
        return chunks[rank :: self._processes]

    def __iter__(self) -> Iterator[list[Filler]]:
        return iter(self._batches(self._rank))

    def gathered_rows(self) -> list[int]:
        """The row of every place, process after process as a gather lays them out; -1 for a filler."""
        every = (self._batches(rank) for rank in range(self._processes))
        return [-1 if filler else row for batches in every for batch in batches for row, filler in batch]


class RowPicker:
    """The data set as a DataLoader sees it: a place of a batch -> an example."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: Filler) -> Example:
        row, filler = place
        example = self.examples[row]
        return Example(example.input_ids, IGNORED, example.images) if filler else example


class Collator:
    """Pads on the right, without an attention mask.

    With causal attention no row sees the padding after it, and the head reads the last token that is none;
    without a mask PyTorch may choose its fastest attention kernel.
    """

    def __init__(self, pad_token_id: int, images: ImageReader | None = None, multiple: int = 1) -> None:
        self._pad = pad_token_id
        self._images = images
        self._multiple = multiple

    def __call__(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        longest = max(len(example.input_ids) for example in examples)
        width = -(-longest // self._multiple) * self._multiple
        input_ids = torch.full((len(examples), width), self._pad, dtype=torch.long)
        for row, example in enumerate(examples):
            input_ids[row, : len(example.input_ids)] = torch.tensor(example.input_ids)
        batch = {"input_ids": input_ids, "labels": torch.tensor([example.label for example in examples])}
        if self._images is not None:
            batch |= self._pixels(examples, self._images)
        return batch

    def _pixels(self, examples: Sequence[Example], images: ImageReader) -> dict[str, torch.Tensor]:
        read = [images.patches(image) for example in examples for image in example.images]
        return {
            "pixel_values": torch.from_numpy(np.concatenate([pixels for pixels, _ in read])),
            "image_grid_thw": torch.tensor([grid for _, grid in read]),
        }


class EpochLoader(DataLoader[Example]):
    """A DataLoader whose sampler learns the epoch from transformers' training loop."""

    def set_epoch(self, epoch: int) -> None:
        sampler: Any = self.batch_sampler
        sampler.set_epoch(epoch)
