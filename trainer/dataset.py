"""The training and test data of a run, read, checked and encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.arguments import Arguments
from trainer.data.examples import Examples, Labels, encode_samples, labels_of_training
from trainer.data.images import ImageReader
from trainer.data.prompts import PromptEncoder
from trainer.data.rows import Label, RowReader, Sample, find_columns
from trainer.data.sources import Row, Source, find_source, fingerprint, read_rows
from trainer.log import info
from trainer.model.folder import Checkpoint
from trainer.model.load import classes_of, load_image_processor


@dataclass(frozen=True)
class Datasets:
    """What a run trains and tests on."""

    train: Examples | None
    test: Examples | None
    test_rows: Sequence[Row]
    test_truth: Sequence[Label]
    labels: Labels
    images: ImageReader | None
    image_processor: Any
    about: dict[str, Any]
    """Name, path, rows and fingerprint of each, for run_meta.json."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must have been trained on to go on from it."""
        parts = {part: about["fingerprint"] for part, about in self.about.items() if about is not None}
        return {**parts, "label_names": self.labels.names}


@dataclass(frozen=True)
class _Read:
    source: Source
    rows: list[Row]
    samples: list[Sample]

    @property
    def about(self) -> dict[str, Any]:
        source = self.source
        return {
            "name": source.name,
            "path": str(source.path),
            "rows": len(self.rows),
            "fingerprint": fingerprint(source),
        }


def load_datasets(arguments: Arguments, start: Checkpoint, tokenizer: Any) -> Datasets:
    """Raises DataError naming the data set and the row."""
    train = read_dataset(arguments, arguments.dataset) if arguments.do_train else None
    test = read_dataset(arguments, arguments.eval_dataset) if arguments.eval_dataset else None
    if train is not None:
        labels = labels_of_training(train.source.name, train.samples)
    else:
        labels = Labels.of_model(classes_of(start), [s.label for s in test.samples] if test else [])
    processor = load_image_processor(start) if start.is_vision else None
    images = (
        ImageReader(processor, arguments.image_min_pixels, arguments.image_max_pixels)
        if processor is not None
        else None
    )
    prompts = PromptEncoder(tokenizer, arguments.cutoff_len)
    encoded = {
        read.source.name: _encode(read, labels, prompts, images, arguments.cutoff_len)
        for read in (train, test)
        if read is not None
    }
    return Datasets(
        train=encoded[train.source.name] if train else None,
        test=encoded[test.source.name] if test else None,
        test_rows=test.rows if test else (),
        test_truth=[sample.label for sample in test.samples] if test else (),
        labels=labels,
        images=images,
        image_processor=processor,
        about={"train": train.about if train else None, "eval": test.about if test else None},
    )


def read_dataset(arguments: Arguments, name: str) -> _Read:
    source = find_source(name, Path(arguments.dataset_dir))
    rows = read_rows(source, arguments.max_samples)
    info(f"Loading dataset {name}: {len(rows)} rows from {source.path}")
    columns = find_columns(source, rows, arguments.text_column, arguments.label_column)
    media = (
        [Path(arguments.media_dir)] if arguments.media_dir else [source.folder, Path(arguments.dataset_dir)]
    )
    reader = RowReader(source, columns, media)
    samples = [reader.read(index, row) for index, row in enumerate(rows)]
    if reader.answers_left_out:
        left = f"{reader.answers_left_out} of {len(rows)} conversations of {name} lose their last answer"
        info(f"{left}: their label is column {columns.label!r}")
    return _Read(source, rows, samples)


def _encode(
    read: _Read, labels: Labels, prompts: PromptEncoder, images: ImageReader | None, cutoff_len: int
) -> Examples:
    examples = encode_samples(read.source.name, read.samples, labels, prompts, images)
    if examples.cut:
        cut = f"Cut {examples.cut} of {len(examples)} inputs of {read.source.name}"
        info(f"{cut} to cutoff_len={cutoff_len} tokens")
    return examples
