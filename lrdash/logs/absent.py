"""A file that does not exist -> what it was of: the data set or the model.

Python names the file (errno 2); programs name what they have looked for in their own words.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_GONE = (
    rb"(?:do(?:es)?(?: not|n't) exist|not exist|not (?:been )?found"
    rb"|(?:can ?not|can't|could(?: not|n't)) be found|is not a (?:valid )?(?:file|director|folder|path))"
)
_SOUGHT = (
    rb"(?i:not found|no files? (?:found|matching|with name)|not exist|no such file"
    rb"|(?:can ?not|can't|could not|couldn't|unable to) find)"
)
_PATH = rb"(?P<path>[\w.~*-]*/[\w./~*-]+|[\w.-]+\.\w{2,11}\b)"
_NAMED = (
    re.compile(rb"No such file or directory: b?(?P<quote>['\"])(?P<path>.{1,1000}?)(?P=quote)"),
    re.compile(rb"(?:Error|Exception): .{0,200}?" + _PATH + rb"['\"`]?,? (?:file |folder )?" + _GONE),
    re.compile(rb"(?:Error|Exception): .{0,80}\b" + _SOUGHT + rb"[^/]{0,40}?['\"`:( ]" + _PATH),
)
"""errno 2, and a path before and after the words that it is not there."""

_WRITTEN_TO = frozenset({"output", "outputs", "result", "results", "log", "logs", "runs", "saves", "plots"})
"""Folders that programs write to: what is missed there is neither."""

_MODEL_FILES = re.compile(
    r".*\.(?:safetensors|pth?|ckpt|gguf)|pytorch_model.*\.bin|(?:\w*config|tokenizer\w*|vocab)\.json|merges\.txt|.*\.index\.json|\w+\.model"
)
_DATA_FILES = re.compile(
    r".*\.(?:jpe?g|png|bmp|webp|tiff?|wav|flac|mp3|mp4|np[yz]|h5|hdf5|lmdb|mdb|arrow|parquet|[ct]sv|jsonl|idx"
    r"|tfrecords?|tar)"
    r"|(?:train|val|valid|validation|dev|test)(?:_all|\d{4})?(?:\.(?:json|txt))?"
)
"""Files that hold rows, images or sounds, and the folders and files of one split."""
_DATA_FOLDER = re.compile(
    r"(?:\w+[-_.])?(?:data(?:sets?)?|images?|annotations?|corpus|corpora)(?:[-_]\w+)?|dataset_info\.json"
)

_NOT_OF_FILES = rb"(?!.{0,200}\b(?:[Cc]olumn|[Ff]eature|[Kk]ey|[Ff]ield|attribute|class|modules?|keys?)s?\b)"
_NOUN = rb"(?:[_ ]?(?:files?|folder|path|root|dir\w*))?\b"
_DATA = rb".{0,200}\b(?i:data(?:_?sets?)?|train(?:ing)?[_ ](?:file|data)|images?|annotations?)"
_MODEL = rb".{0,80}\b(?i:model|checkpoint|weights|tokenizer)"
DATA_WORDS = rb"Error: " + _NOT_OF_FILES + _DATA + _NOUN + rb".{0,120}\b" + _GONE
MODEL_WORDS = rb"Error: " + _NOT_OF_FILES + _MODEL + _NOUN + rb"(?![.\w]).{0,120}\b" + _GONE
"""Without a path of which the class can be told."""


def class_of_absent_file(line: bytes) -> str | None:
    """The class of a line that names a file which does not exist; None for any other line or file.

    >>> class_of_absent_file(b"FileNotFoundError: [Errno 2] No such file or directory: 'my/dataset/a.json'")
    'dataset_not_found'
    """
    matches = (pattern.search(line) for pattern in _NAMED)
    path = next((match["path"] for match in matches if match), None)
    return None if path is None else _class_of(PurePosixPath(path.decode("utf-8", "replace")))


def _class_of(path: PurePosixPath) -> str | None:
    name = path.name.lower()
    folders = [part.lower() for part in path.parts[:-1]]
    if _WRITTEN_TO & set(folders):
        return None
    if _MODEL_FILES.fullmatch(name):
        return "missing_model"
    # The first folder of an absolute path is where something is mounted.
    within = folders[2:] if path.is_absolute() else folders
    if _DATA_FILES.fullmatch(name) or any(map(_DATA_FOLDER.fullmatch, [*within, name])):
        return "dataset_not_found"
    return None
