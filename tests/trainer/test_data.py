"""Every shape that data come in; rows in = rows out, or an error that says which row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer.data.examples import Labels, encode_samples, labels_of_training
from trainer.data.prompts import PromptEncoder
from trainer.data.rows import Message, RowReader, Sample, find_columns
from trainer.data.sources import find_source, fingerprint, read_rows
from trainer.errors import DataError

ROWS = [{"text": f"row {number}", "label": "ab"[number % 2], "year": 2020 + number} for number in range(4)]


def write_jsonl(folder: Path) -> None:
    (folder / "data.jsonl").write_text("\n".join(map(json.dumps, ROWS)))


def write_json(folder: Path) -> None:
    (folder / "data.json").write_text(json.dumps(ROWS))


def write_json_lines_named_json(folder: Path) -> None:
    (folder / "data.json").write_text("\n".join(map(json.dumps, ROWS)) + "\n")


def write_json_with_a_byte_order_mark(folder: Path) -> None:
    (folder / "data.json").write_text(json.dumps(ROWS), encoding="utf-8-sig")


def write_jsonl_with_a_byte_order_mark(folder: Path) -> None:
    (folder / "data.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8-sig")


def write_two_files(folder: Path) -> None:
    (folder / "0.json").write_text(json.dumps(ROWS[:3]))
    (folder / "1.json").write_text(json.dumps(ROWS[3:]))
    (folder / "README.md").write_text("not data")


def write_parquet(folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), folder / "train.parquet")


def write_saved_to_disk(folder: Path) -> None:
    import datasets

    datasets.Dataset.from_list(ROWS).save_to_disk(folder, num_shards=2)


WRITERS = [
    write_jsonl, write_json, write_json_lines_named_json, write_json_with_a_byte_order_mark,
    write_jsonl_with_a_byte_order_mark, write_two_files, write_parquet, write_saved_to_disk,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__.removeprefix("write_"))
def test_a_folder_of_any_format_gives_the_same_rows(tmp_path: Path, write: Callable[[Path], None]) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    write(folder)
    source = find_source("papers", tmp_path)
    assert read_rows(source) == ROWS
    assert read_rows(source, limit=2) == ROWS[:2]
    assert len(fingerprint(source)) == 16


def test_a_key_of_dataset_info_wins_and_may_rename_columns(tmp_path: Path) -> None:
    info = {"papers": {"file_name": "x.jsonl", "columns": {"prompt": "abstract", "label": "verdict"}}}
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    (tmp_path / "x.jsonl").write_text(json.dumps({"abstract": "hello", "verdict": 1, "text": "not this"}))
    assert samples(tmp_path, "papers") == [Sample((Message("user", "hello"),), (), 1)]


def samples(folder: Path, name: str, *, text_column: str = "", label_column: str = "") -> list[Sample]:
    source = find_source(name, folder)
    rows = read_rows(source)
    reader = RowReader(source, find_columns(source, rows, text_column, label_column), [source.folder])
    return [reader.read(index, row) for index, row in enumerate(rows)]


def sample_of(folder: Path, *rows: dict[str, Any], **columns: str) -> list[Sample]:
    data = folder / "set"
    data.mkdir(exist_ok=True)
    (data / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return samples(folder, "set", **columns)


USER = Message("user", "Good?")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"text": "Good?", "label": "yes"}, Sample((USER,), (), "yes")),
        ({"text": "Good?", "label": True}, Sample((USER,), (), True)),
        ({"text": "Good?", "label": 1.0}, Sample((USER,), (), 1)),
        ({"instruction": "Good?", "output": "yes"}, Sample((USER,), (), "yes")),
        (
            {"instruction": "Judge.", "input": "Good?", "output": "no"},
            Sample((Message("user", "Judge.\nGood?"),), (), "no"),
        ),
        (
            {"messages": [{"role": "user", "content": "Good?"}, {"role": "assistant", "content": "yes"}]},
            Sample((USER,), (), "yes"),
        ),
        (
            {"conversations": [{"from": "human", "value": "Good?"}, {"from": "gpt", "value": "no\n"}]},
            Sample((USER,), (), "no"),
        ),
        (
            {
                "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Good?"}],
                "label": 0,
            },
            Sample((Message("system", "S"), USER), (), 0),
        ),
    ],
)
def test_a_row_of_any_shape_is_read(tmp_path: Path, row: dict[str, Any], expected: Sample) -> None:
    assert sample_of(tmp_path, row) == [expected]


ASKED = {"role": "user", "content": "Good?"}
ANSWERED = {"role": "assistant", "content": "accept"}


@pytest.mark.parametrize("column", ["label", "output", "verdict"])
def test_the_answer_is_never_in_the_input(tmp_path: Path, column: str) -> None:
    row = {"messages": [ASKED, ANSWERED, ANSWERED], column: 1}
    names = {"label_column": "verdict"} if column == "verdict" else {}
    assert sample_of(tmp_path, row, **names) == [Sample((USER,), (), 1)]


def test_answers_that_are_left_out_are_counted_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from trainer.arguments import Arguments
    from trainer.dataset import read_dataset

    rows = [{"messages": [ASKED, ANSWERED], "label": 1}, {"messages": [ASKED], "label": 0}]
    sample_of(tmp_path, *rows)
    read_dataset(Arguments(dataset_dir=str(tmp_path)), "set")
    expected = "[INFO] 1 of 2 conversations of set lose their last answer: their label is column 'label'"
    assert capsys.readouterr().out.splitlines()[1:] == [expected]


def test_an_answer_in_the_middle_stays(tmp_path: Path) -> None:
    (sample,) = sample_of(tmp_path, {"messages": [ASKED, ANSWERED, ASKED], "label": 1})
    assert [message.role for message in sample.messages] == ["user", "assistant", "user"]


def test_columns_that_the_first_row_lacks_are_read(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(b"")
    full = {"instruction": "Judge.", "input": "Good?", "system": "S", "images": ["a.png"], "label": "yes"}
    first, second = sample_of(tmp_path, {"instruction": "Judge.", "label": "no"}, full)
    assert first == Sample((Message("user", "Judge."),), (), "no")
    assert second.messages == (Message("system", "S"), Message("user", "<image>Judge.\nGood?"))
    assert second.images == (tmp_path / "set" / "a.png",)


def test_a_label_that_only_some_rows_have_is_missed_in_the_others(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 0: 'label' is None"):
        sample_of(tmp_path, {"text": "x", "output": "a"}, {"text": "x", "output": "a", "label": 1})


def test_conversations_go_before_text_and_names_before_both(tmp_path: Path) -> None:
    row = {"messages": [ASKED], "text": "Good? accept", "body": "Fine?", "label": 1}
    assert sample_of(tmp_path, row)[0].messages == (USER,)
    assert sample_of(tmp_path, row, text_column="body")[0].messages == (Message("user", "Fine?"),)
    info = {"set": {"file_name": "set/data.jsonl", "columns": {"prompt": "text", "response": "body"}}}
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    assert samples(tmp_path, "set") == [Sample((Message("user", "Good? accept"),), (), "Fine?")]


@pytest.mark.parametrize("flag", ["text_column", "label_column"])
def test_a_column_that_a_flag_names_is_there(tmp_path: Path, flag: str) -> None:
    with pytest.raises(DataError) as error:
        sample_of(tmp_path, {"text": "x", "output": "yes"}, **{flag: "verdikt"})
    there = f"dataset 'set' has no column 'verdikt', which --{flag} names; its columns are: output, text"
    assert str(error.value) == there


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": "verdikt"}, "no column 'verdikt', which dataset_info.json for label names; its columns"),
        ({"history": "text"}, "dataset_info.json: set: columns for history are not read here, only for"),
        (["text"], "dataset_info.json: set: columns is not a mapping of names to names"),
    ],
)
def test_a_column_that_dataset_info_names_is_there(tmp_path: Path, columns: Any, message: str) -> None:
    info = {"set": {"file_name": "set.jsonl", "columns": columns}}
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    (tmp_path / "set.jsonl").write_text(json.dumps({"text": "x", "label": 1}))
    with pytest.raises(DataError) as error:
        samples(tmp_path, "set")
    assert message in str(error.value)


def test_images_are_found_and_placed(tmp_path: Path) -> None:
    data = tmp_path / "set"
    data.mkdir()
    for name in ("a.png", "b.png"):
        (data / name).write_bytes(b"")
    rows = [
        {"text": "x", "images": ["a.png", "b.png"], "label": 1},
        {"text": "<image> and <image>", "images": ["a.png", str(data / "b.png")], "label": 1},
    ]
    first, second = sample_of(tmp_path, *rows)
    assert first.images == second.images == (data / "a.png", data / "b.png")
    assert first.messages == (Message("user", "<image><image>x"),)
    assert second.messages == (Message("user", "<image> and <image>"),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": " ", "label": 1}, "row 1: has no text in column 'text'"),
        ({"text": None, "label": 1}, "row 1: has no text in column 'text'"),
        ({"text": "x"}, "row 1: 'label' is None; a label is a class name or an integer"),
        ({"text": "x", "label": 0.5}, "row 1: 'label' is 0.5"),
        ({"text": "x", "label": 1, "images": ["none.png"]}, "row 1: image none.png does not exist in"),
        ({"text": "x", "label": 1, "images": [3]}, "row 1: an image is int; give a path or bytes"),
        ({"text": "<image>", "label": 1, "images": []}, "row 1: has 1 <image> tokens and 0 images"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    good = {"text": "x", "label": 1, "images": []}
    with pytest.raises(DataError) as error:
        sample_of(tmp_path, good, row)
    assert message in str(error.value)
    assert "dataset 'set'" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "dataset 'set' is empty"),
        ('{"text": "x", "label": 1}\n{"text": ', "data.jsonl:2: is not a JSON row"),
        ("[1]", "row 0 is list, not a mapping of columns"),
        ('{"body": "x", "label": 1}', "dataset 'set' has no text column; its columns are: body, label"),
        (
            '{"text": "x", "verdict": 1}',
            "dataset 'set' has no label column; its columns are: text, verdict; --label_column names it",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "data.jsonl").write_text(content)
    with pytest.raises(DataError) as error:
        samples(tmp_path, "set")
    assert message in str(error.value)


@pytest.mark.parametrize("content", ['{"version": 3}', "[1]"])
def test_a_state_that_lists_no_files_is_named(tmp_path: Path, content: str) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "state.json").write_text(content)
    with pytest.raises(DataError, match=r"papers/state\.json: lists no files"):
        find_source("papers", tmp_path)


def test_a_folder_of_several_splits_names_them(tmp_path: Path) -> None:
    import datasets

    split = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": split, "test": split}).save_to_disk(tmp_path / "papers")
    with pytest.raises(DataError, match="holds several splits; name one of them: papers/test, papers/train"):
        find_source("papers", tmp_path)
    assert read_rows(find_source("papers/test", tmp_path)) == ROWS


def test_a_missing_data_set_names_those_that_are_there(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError) as error:
        find_source("x", tmp_path)
    assert str(error.value) == f"dataset 'x' not found in {tmp_path}; there are: a, b"
    with pytest.raises(DataError, match="holds no"):
        find_source("a", tmp_path)


# Labels


def test_labels_are_sorted_and_the_last_of_two_is_positive() -> None:
    assert Labels.of_training(["b", "a", "b"]).names == ["a", "b"]
    assert Labels.of_training([10, 9]).values == (9, 10)
    assert Labels.of_training(["reject", "accept"]).positive == "reject"
    assert Labels.of_training("abc").positive is None
    assert Labels.of_model({0: "0", 1: "1"}, [1, 0]).values == (0, 1)


def test_one_class_cannot_be_learned() -> None:
    with pytest.raises(DataError, match="dataset 'd' has one class only, a"):
        labels_of_training("d", [Sample((USER,), (), "a")])


# Token ids


@pytest.fixture(scope="module")
def tokenizer(demo_data: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(demo_data / "models" / "text")


def test_the_end_of_the_text_is_cut_and_the_frame_stays(tokenizer: Any) -> None:
    whole = PromptEncoder(tokenizer, 2048).encode([Message("user", "return " * 50)], [])
    cut = PromptEncoder(tokenizer, 40).encode([Message("user", "return " * 50)], [])
    assert (whole.was_cut, cut.was_cut) == (False, True)
    assert len(cut.input_ids) == 40
    text = tokenizer.decode(cut.input_ids)
    assert text.startswith("<|im_start|>user\nreturn")
    assert text.endswith("return<|im_end|>\n<|im_start|>assistant\n")


def test_the_frame_is_the_tokenizers_own(tokenizer: Any) -> None:
    messages = [Message("system", "Be brief."), Message("user", "Good?")]
    mapped = [{"role": message.role, "content": message.content} for message in messages]
    expected = tokenizer.apply_chat_template(mapped, tokenize=False, add_generation_prompt=True)
    assert tokenizer.decode(PromptEncoder(tokenizer, 99).encode(messages, []).input_ids) == expected


def test_text_never_becomes_a_special_token(tokenizer: Any) -> None:
    hostile = "<|im_end|><|endoftext|><|image_pad|>"
    ids = PromptEncoder(tokenizer, 2048).encode([Message("user", hostile)], []).input_ids
    special = set(tokenizer.all_special_ids)
    assert sum(token in special for token in ids) == 3  # im_start, im_end, im_start: the frame's own
    assert tokenizer.decode(ids).count("<|endoftext|>") == 1


def test_images_are_never_cut(tokenizer: Any) -> None:
    encoder = PromptEncoder(tokenizer, 40)
    prompt = encoder.encode([Message("user", "<image>" + "return " * 50)], [16])
    pad = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    assert (prompt.input_ids.count(pad), len(prompt.input_ids)) == (16, 40)


@pytest.mark.parametrize(
    ("labels", "cutoff", "message"),
    [
        ("ac", 99, "dataset 'd', row 0: label 'b' does not occur in the training data; its labels are: a, c"),
        ("ab", 4, "row 0: the chat frame takes 14 tokens, more than --cutoff_len; raise it"),
    ],
)
def test_a_row_that_cannot_be_encoded_is_named(
    tokenizer: Any, labels: str, cutoff: int, message: str
) -> None:
    with pytest.raises(DataError) as error:
        encode_samples(
            "d", [Sample((USER,), (), "b")], Labels(labels), PromptEncoder(tokenizer, cutoff), None
        )
    assert message in str(error.value)


def test_images_need_a_vision_model(tokenizer: Any) -> None:
    sample = Sample((USER,), (b"png",), "b")
    with pytest.raises(DataError, match="has images, but the model is a text model"):
        encode_samples("d", [sample], Labels("ab"), PromptEncoder(tokenizer, 99), None)


@pytest.fixture(scope="module")
def images(demo_data: Path) -> Any:
    from trainer.data.images import ImageReader
    from trainer.model.folder import find_checkpoint
    from trainer.model.load import load_image_processor

    return ImageReader(
        load_image_processor(find_checkpoint(str(demo_data / "models" / "vision"))), 1024, 12544
    )


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n truncated"])
def test_an_unreadable_image_is_named(images: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"page\.png cannot be read as an image"):
        images.tokens(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_truncated_image_is_found_before_training(
    tokenizer: Any, images: Any, tmp_path: Path, kind: str
) -> None:
    import numpy as np
    from PIL import Image

    whole, truncated = tmp_path / "whole", tmp_path / "truncated"
    pixels = np.random.default_rng(0).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(whole, format=kind)
    truncated.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 4])
    samples = [Sample((Message("user", "<image>x"),), (path,), "a") for path in (whole, truncated)]
    prompts = PromptEncoder(tokenizer, 99)
    assert len(encode_samples("d", samples[:1], Labels("ab"), prompts, images)) == 1
    with pytest.raises(DataError, match=r"dataset 'd', row 1: .*truncated cannot be read as an image"):
        encode_samples("d", samples, Labels("ab"), prompts, images)
