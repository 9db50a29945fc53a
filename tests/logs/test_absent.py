"""What a file that does not exist was of."""

from __future__ import annotations

import pytest

from lrdash.logs.absent import class_of_absent_file

CASES = """
dataset_not_found | FileNotFoundError: [Errno 2] No such file or directory: '/data/llava_data/images/7.jpg'
dataset_not_found | FileNotFoundError: [Errno 2] No such file or directory: './training-data/bo/positive.json'
dataset_not_found | ValueError: data/protos is not a file or directory
dataset_not_found | FileNotFoundError: No files matching "datasets/fineweb/*.ds" found in /opt/data/x
dataset_not_found | FileNotFoundError: Audio file not found: /scratch/wav/0001.wav
missing_model | FileNotFoundError: [Errno 2] No such file or directory: '/data/llama/model-00001.safetensors'
missing_model | FileNotFoundError: [Errno 2] No such file or directory: 'dataset/tokenizer_config.json'
missing_model | FileNotFoundError: /models/resnet50.pth can not be found.
missing_model | ValueError: No file with name: consolidated.00.pth found in /scratch/Meta-Llama-3-8B.
None | FileNotFoundError: [Errno 2] No such file or directory: 'output/plots/loss.png'
None | FileNotFoundError: [Errno 2] No such file or directory: '/data/user/train.py'
None | FileNotFoundError: [Errno 2] No such file or directory: 'nvcc'
None | FileNotFoundError: [Errno 2] No such file or directory: ''
None | OSError: [Errno 13] Permission denied: 'data/train.json'
None | Loading data/train.json
"""


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_the_name_of_a_file_tells_what_it_was_of(case: str) -> None:
    failure, _, line = case.partition(" | ")
    assert str(class_of_absent_file(line.encode())) == failure
