"""Ways in which transformers is silently wrong for this experiment; each test fails without its remedy.

Trap A, the loss multiplied by the number of processes, is in test_loss.py; of GPUs here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.trainings import train, words
from trainer.command_line import parse
from trainer.data.batches import Collator
from trainer.data.examples import Example, Labels
from trainer.data.images import ImageReader
from trainer.errors import ArgumentsError, ModelError
from trainer.model.folder import find_checkpoint
from trainer.model.load import load_classifier, load_image_processor, load_tokenizer, quiet_libraries
from trainer.training_arguments import remarks, training_arguments

LABELS = Labels(["class", "function"])


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_libraries()


def classifier(demo: Path, kind: str) -> Any:
    checkpoint = find_checkpoint(str(demo / "models" / kind))
    pad = load_tokenizer(checkpoint).pad_token_id
    return load_classifier(checkpoint, LABELS, pad, head_is_new=True, seed=1).eval()


def vision_batch(demo: Path) -> dict[str, torch.Tensor]:
    """Two pages with questions of different length."""
    checkpoint = find_checkpoint(str(demo / "models" / "vision"))
    tokenizer = load_tokenizer(checkpoint)
    images = ImageReader(load_image_processor(checkpoint), 32 * 32, 112 * 112)
    pages = sorted((demo / "data" / "python_pages_test" / "pages").glob("*.png"))[:2]
    start, pad, end, word = tokenizer.convert_tokens_to_ids(
        ["<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "a"]
    )
    examples = [
        Example([word, start, *[pad] * images.tokens(page), end, *[word] * (3 + 5 * number)], 0, (page,))
        for number, page in enumerate(pages)
    ]
    batch = Collator(tokenizer.pad_token_id, images)(examples)
    del batch["labels"]
    return batch


# A: one process that sees several GPUs trains on all (DataParallel), and multiplies the loss


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from accelerate.state import AcceleratorState

    for name, answer in {"is_available": True, "device_count": 2, "set_device": None}.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.usefixtures("two_gpus")
def test_one_process_trains_on_one_of_several_gpus(demo_data: Path) -> None:
    arguments = parse(words(demo_data, fsdp=True))
    training = training_arguments(arguments, has_images=False)
    assert (training.device.type, training.n_gpu, training.train_batch_size) == ("cuda", 1, 16)
    fsdp, gpus = remarks(arguments)
    assert fsdp == "--fsdp true has no effect: there is one process to shard over"
    assert gpus.startswith("2 GPUs are visible, 1 used: each process uses one;")


# B: for a class outside transformers the names of the hub are not translated: weights stay random


def test_the_vision_backbone_is_bit_equal_to_the_checkpoint(demo_data: Path) -> None:
    from transformers import Qwen2_5_VLForConditionalGeneration

    folder = demo_data / "models" / "vision"
    expected = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32
    ).model.state_dict()
    found = classifier(demo_data, "vision").model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_weights_whose_names_are_not_translated_are_refused(
    demo_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import conversion_mapping

    from trainer.model.vision import QwenVLForSequenceClassification

    translations = dict(conversion_mapping._checkpoint_conversion_mapping_cache)
    del translations[QwenVLForSequenceClassification.__name__]
    monkeypatch.setattr(conversion_mapping, "_checkpoint_conversion_mapping_cache", translations)
    with pytest.raises(ModelError, match="its files lack weights"):
        classifier(demo_data, "vision")


# C: without token types image tokens get the positions of text


def test_image_tokens_have_their_three_dimensional_positions(demo_data: Path) -> None:
    from transformers import Qwen2_5_VLForConditionalGeneration

    model = classifier(demo_data, "vision")
    folder = demo_data / "models" / "vision"
    reference = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).model.eval()
    batch = vision_batch(demo_data)
    types = (batch["input_ids"] == model.config.image_token_id).int()
    last = (batch["input_ids"] != model.config.pad_token_id).sum(1) - 1
    with torch.no_grad():
        logits = model(**batch).logits
        hidden = reference(**batch, mm_token_type_ids=types).last_hidden_state
        without = reference(**batch).last_hidden_state
    rows = torch.arange(len(last))
    # A processor may sum a matrix of other rows in another order: equal to the last bits.
    torch.testing.assert_close(logits, model.score(hidden[rows, last]), rtol=1e-5, atol=1e-6)
    assert not torch.allclose(logits, model.score(without[rows, last]), rtol=1e-2)


# D: taking down the process group at exit hangs


def runs_of_two_processes(demo: Path, folder: Path, runs: int) -> None:
    command = words(
        demo,
        max_steps=1,
        do_predict=None,
        eval_strategy=None,
        save_strategy="no",
        per_device_train_batch_size=8,
    )
    for number in range(runs):
        run = train(command, folder / str(number), processes=2)
        assert [process.exitcode for process in run.processes] == [0, 0]


@pytest.mark.training
def test_two_processes_end(demo_data: Path, tmp_path: Path) -> None:
    runs_of_two_processes(demo_data, tmp_path, 5)


@pytest.mark.soak
@pytest.mark.training
@pytest.mark.timeout(3600)
def test_two_processes_end_every_time(demo_data: Path, tmp_path: Path) -> None:
    runs_of_two_processes(demo_data, tmp_path, 50)


# E: rows of one batch must not see each other or their padding, though there is no attention mask


@pytest.mark.parametrize("kind", ["text", "vision"])
def test_a_padded_row_has_the_logits_it_has_alone(demo_data: Path, kind: str) -> None:
    model = classifier(demo_data, kind)
    if kind == "vision":
        batch = vision_batch(demo_data)
        sizes = batch["image_grid_thw"].prod(dim=1).tolist()
        pixels = batch.pop("pixel_values").split(sizes)
        alone = [
            {"pixel_values": pixels[row], "image_grid_thw": batch["image_grid_thw"][row : row + 1]}
            for row in (0, 1)
        ]
        together = {"pixel_values": torch.cat(pixels), "image_grid_thw": batch["image_grid_thw"]}
        ids = batch["input_ids"]
    else:
        examples = [Example([30, 31, 32], 0), Example(list(range(20, 60)), 1)]
        ids = Collator(model.config.pad_token_id)(examples)["input_ids"]
        alone, together = [{}, {}], {}
    assert (ids[0] == model.config.pad_token_id).any()
    with torch.no_grad():
        logits = model(input_ids=ids, **together).logits
        for row, inputs in enumerate(alone):
            own = ids[row][ids[row] != model.config.pad_token_id]
            single = model(input_ids=own[None], **inputs).logits[0]
            assert logits[row].tolist() == pytest.approx(single.tolist(), abs=1e-5)
    assert model.config.get_text_config().use_cache is False


# F: weights of 16 bits lose nearly every update at a rate of 2e-6


def test_weights_are_float32_whatever_the_checkpoint_holds(demo_data: Path) -> None:
    from safetensors import safe_open

    with safe_open(demo_data / "models" / "text" / "model.safetensors", framework="pt") as file:
        assert file.get_tensor("lm_head.weight").dtype == torch.bfloat16
    for kind in ("text", "vision"):
        assert {p.dtype for p in classifier(demo_data, kind).parameters()} == {torch.float32}


def test_sixteen_bit_weights_cannot_be_asked_for(demo_data: Path) -> None:
    with pytest.raises(ArgumentsError, match="write --bf16 true"):
        parse([*words(demo_data), "--pure_bf16", "true"])


@pytest.mark.training
def test_a_rate_of_2e6_moves_the_weights(demo_data: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    before = classifier(demo_data, "text").state_dict()
    train(words(demo_data, learning_rate=2e-6, do_predict=None, save_strategy="no"), tmp_path)
    after = load_file(tmp_path / "saves" / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    assert (after[name] != before[name]).float().mean() > 0.99


def compute_in_bfloat16(rank: int) -> None:
    """As accelerate does on GPUs; write what gradients are summed in, and if all are sharded after a pass."""
    from trainer.engine import Engine

    shard, ours = Engine._shard_on_cpu, Engine.create_accelerator_and_postprocess

    def prepare(self: Any) -> None:
        shard(self)
        self.accelerator.state.fsdp_plugin.set_mixed_precision("bf16")

    def note(self: Any) -> None:
        ours(self)
        policy = self.accelerator.state.fsdp_plugin.mixed_precision_policy
        Path(f"policy{rank}").write_text(f"{policy.param_dtype} {policy.reduce_dtype}")

    def step(self: Any, model: Any, *args: Any) -> Any:
        loss = train_step(self, model, *args)
        sharded = {hasattr(parameter.grad, "full_tensor") for parameter in model.parameters()}
        with Path(f"sharded{rank}").open("a") as file:
            file.write(f"{sharded}\n")
        return loss

    train_step, Engine.training_step = Engine.training_step, step  # type: ignore[method-assign]
    Engine._shard_on_cpu = prepare
    Engine.create_accelerator_and_postprocess = note


@pytest.mark.training
def test_gradients_are_summed_in_float32_and_sharded_after_every_pass(
    demo_data: Path, tmp_path: Path
) -> None:
    split = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    command = words(demo_data, fsdp=True, max_steps=2, do_predict=None, **split)
    run = train(command, tmp_path, processes=2, hook=compute_in_bfloat16)
    assert (tmp_path / "policy1").read_text() == "torch.bfloat16 torch.float32"
    assert len(run.rows("loss")) == 2
    assert (tmp_path / "sharded1").read_text() == "{True}\n" * 8  # no pass keeps gradients of all weights


# Loading and freezing


def test_exactly_the_head_is_new(demo_data: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "models" / "text"
    folder.mkdir(parents=True)
    for path in (demo_data / "models" / "text").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    weights = load_file(folder / "model.safetensors")
    lacking = {name: tensor for name, tensor in weights.items() if "up_proj" not in name}
    save_file(lacking, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lack weights: model\.layers\.0\.mlp\.up_proj\.weight"):
        classifier(tmp_path, "text")


def test_vision_tower_and_projector_are_frozen_and_the_rest_is_not(demo_data: Path) -> None:
    model = classifier(demo_data, "vision")
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in model.named_parameters() if name.startswith("model.visual.")}
    assert any(name.startswith("model.visual.merger.") for name in frozen)
