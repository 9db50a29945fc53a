"""The loss of an effective batch is the plain mean over its rows, however it is dealt out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.trainer.trainings import Training, train, words
from trainer.command_line import parse
from trainer.data.batches import IGNORED, EvaluationBatches, TrainingBatches, deal
from trainer.loss import EpochLoss, batch_loss
from trainer.optimizer import make_optimizer, rates

GRADIENTS = "gradients.pt"


def dump_gradients(rank: int) -> None:
    """Write the gradients of the first step, as the optimizer would see them, before they are clipped."""
    from trainer.engine import Engine

    clip = Engine._clip_grad_norm

    def dump(self: Any, model: Any) -> Any:
        gradients = {
            name.removeprefix("module."): _whole(parameter.grad).clone()
            for name, parameter in model.named_parameters()
            if parameter.grad is not None
        }
        if rank == 0 and not Path(GRADIENTS).exists():
            torch.save(gradients, GRADIENTS)
        return clip(self, model)

    Engine._clip_grad_norm = dump


def _whole(gradient: Any) -> Any:
    return gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient


@pytest.fixture(scope="module")
def uneven(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen rows, of one word and of three hundred."""
    folder = tmp_path_factory.mktemp("uneven")
    for part in ("train", "test"):
        rows = [{"text": " ".join(["return"] * 20 * i or ["x"]), "label": "ab"[i % 2]} for i in range(16)]
        data = folder / "data" / f"python_docstrings_{part}" / "data.jsonl"
        data.parent.mkdir(parents=True)
        data.write_text("\n".join(map(json.dumps, rows)))
    (folder / "models").symlink_to(demo_data / "models")
    return folder


def plain_gradients(folder: Path) -> dict[str, torch.Tensor]:
    """One row at a time, without padding, without the trainer's engine: sum of cross entropy / 16."""
    from transformers import AutoTokenizer

    from trainer.data.examples import Labels
    from trainer.data.prompts import PromptEncoder
    from trainer.data.rows import Message
    from trainer.model.folder import find_checkpoint
    from trainer.model.load import load_classifier

    tokenizer = AutoTokenizer.from_pretrained(folder / "models" / "text")
    checkpoint = find_checkpoint(str(folder / "models" / "text"))
    model = load_classifier(checkpoint, Labels("ab"), tokenizer.pad_token_id, head_is_new=True, seed=42)
    prompts = PromptEncoder(tokenizer, 512)
    rows = map(json.loads, (folder / "data/python_docstrings_train/data.jsonl").read_text().splitlines())
    for row in rows:
        ids = prompts.encode([Message("user", row["text"])], []).input_ids
        logits = model(input_ids=torch.tensor([ids])).logits
        (cross_entropy(logits, torch.tensor(["ab".index(row["label"])])) / 16).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.training
@pytest.mark.parametrize(
    ("processes", "accumulation", "fsdp"), [(1, 1, None), (1, 4, None), (2, 4, None), (2, 4, True)]
)
def test_the_gradient_is_the_plain_mean_for_any_split(
    uneven: Path, tmp_path: Path, processes: int, accumulation: int, fsdp: bool | None
) -> None:
    command = words(
        uneven,
        max_steps=1,
        do_predict=None,
        eval_strategy=None,
        eval_dataset=None,
        cutoff_len=512,
        per_device_train_batch_size=16 // processes // accumulation,
        gradient_accumulation_steps=accumulation,
        fsdp=fsdp,
    )
    run = train(command, tmp_path, processes=processes, hook=dump_gradients)
    assert ("sharded over 2" in run.out) == bool(fsdp)
    expected = plain_gradients(uneven)
    found = torch.load(tmp_path / GRADIENTS)
    assert found.keys() == expected.keys()
    largest = max(float((found[name] - expected[name]).abs().max()) for name in expected)
    print(f"{processes} x {accumulation}: largest difference of a gradient {largest:.1e}")
    assert largest < 1e-5
    assert max(float(gradient.abs().max()) for gradient in expected.values()) > 1e-2


def same_metrics(run: Training, other: Training) -> None:
    """Every number of every epoch, printed side by side, to what float32 can keep."""
    momentary = ("runtime", "per_second", "wall_time")
    one, two = (
        json.loads((each.folder / "results/run/all_results.json").read_text())["epochs"]
        for each in (run, other)
    )
    assert len(one) == len(two) > 0
    for row, row_of_other in zip(one, two, strict=True):
        print({key: (row[key], row_of_other[key]) for key in ("epoch", "loss", "eval_loss", "eval_accuracy")})
        for key in row:
            if not key.endswith(momentary):
                assert row[key] == pytest.approx(row_of_other[key], abs=2e-5), key


@pytest.mark.training
@pytest.mark.parametrize(("kind", "fsdp"), [("text", True), ("vision", None)])
def test_two_processes_give_the_metrics_of_one(
    demo_data: Path, tmp_path: Path, kind: str, fsdp: bool | None
) -> None:
    """Forty rows: the last effective batch of an epoch has eight, some processes get a filler."""
    split = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "fsdp": fsdp}
    one = train(words(demo_data, kind), tmp_path / "one")
    two = train(words(demo_data, kind, **split), tmp_path / "two", processes=2)
    same_metrics(one, two)


@pytest.mark.acceptance
@pytest.mark.training
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fsdp", [None, True], ids=["ddp", "fsdp2"])
@pytest.mark.parametrize("kind", ["text", "vision"])
def test_two_processes_give_the_metrics_of_one_for_six_epochs(
    demo_data: Path, tmp_path: Path, kind: str, fsdp: bool | None
) -> None:
    changes = {"num_train_epochs": 6, "cls_backbone_learning_rate": 2e-6}
    split = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "fsdp": fsdp}
    one = train(words(demo_data, kind, **changes), tmp_path / "one")
    two = train(words(demo_data, kind, **changes, **split), tmp_path / "two", processes=2)
    same_metrics(one, two)


def test_fillers_weigh_nothing() -> None:
    class Outputs:
        logits = torch.tensor([[1.0, -1.0], [5.0, 0.0]])

    with_filler = batch_loss(Outputs, torch.tensor([0, IGNORED]), torch.tensor(1))
    assert with_filler == cross_entropy(Outputs.logits[:1], torch.tensor([0]))


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("passes", [1, 4])
@pytest.mark.parametrize("rows", [1, 5, 16])
def test_every_row_of_an_effective_batch_is_dealt_once(processes: int, passes: int, rows: int) -> None:
    lengths = [(7 * row) % 23 + 1 for row in range(rows)]
    dealt = [deal(range(rows), lengths, passes, processes, rank) for rank in range(processes)]
    real = [row for batches in dealt for batch in batches for row, filler in batch if not filler]
    assert sorted(real) == list(range(rows))
    assert all(len(batches) == passes and all(batches) for batches in dealt)
    sizes = [len(batch) for batches in dealt for batch in batches]
    assert max(sizes) <= -(-rows // (passes * processes)) or max(sizes) == 1


def test_rows_of_one_pass_are_of_like_length() -> None:
    lengths = [row % 16 + 1 for row in range(160)]
    batches = TrainingBatches(lengths, effective=16, passes=8, seed=0)
    padded = sum(max(lengths[row] for row, _ in batch) * len(batch) for batch in batches)
    assert padded < 1.12 * sum(lengths)


def test_the_shuffle_is_the_same_for_every_split_and_another_in_every_epoch() -> None:
    def rows(processes: int, passes: int, epoch: int) -> list[set[int]]:
        steps: list[set[int]] = []
        for rank in range(processes):
            batches = TrainingBatches([1] * 50, 16, passes, 42, processes, rank)
            batches.set_epoch(epoch)
            for number, batch in enumerate(batches):
                step = number // passes
                steps += [set()] if step == len(steps) else []
                steps[step] |= {row for row, filler in batch if not filler}
        return steps

    assert rows(1, 1, 0) == rows(1, 4, 0) == rows(2, 4, 0)
    assert rows(1, 1, 0) != rows(1, 1, 1)
    assert [len(step) for step in rows(2, 4, 3)] == [16, 16, 16, 2]


@pytest.mark.parametrize(("rows", "size", "processes"), [(20, 8, 1), (20, 8, 2), (3, 8, 2), (17, 4, 3)])
def test_every_row_is_evaluated_once(rows: int, size: int, processes: int) -> None:
    lengths = [(5 * row) % 11 + 1 for row in range(rows)]
    ranks = [EvaluationBatches(lengths, size, processes, rank) for rank in range(processes)]
    assert len({len(list(batches)) for batches in ranks}) == 1
    seen = [row for row in ranks[0].gathered_rows() if row >= 0]
    assert sorted(seen) == list(range(rows))


def test_the_epoch_loss_is_gathered_where_the_training_is() -> None:
    """NCCL refuses tensors of the CPU: also before the first step of a resumed run."""
    gathered: list[str] = []

    def gather(value: torch.Tensor) -> torch.Tensor:
        gathered.append(value.device.type)
        return torch.tensor([1.0, 2.0])

    loss = EpochLoss(3, torch.device("meta"), gather)
    loss.resume(4, 1.5)
    assert loss.mean(4) == loss.total() == 1.5
    loss.add(4, torch.ones((), device="meta"))
    assert loss.mean(5) == 0.75
    assert gathered == ["meta"] * 3


def test_the_epoch_loss_begins_anew_with_every_epoch() -> None:
    loss = EpochLoss(2, torch.device("cpu"), lambda value: value)
    for step, value in enumerate([8.0, 6.0, 4.0]):
        loss.add(step, torch.tensor(value))
    assert (loss.total(), loss.mean(3)) == (4.0, 4.0)
    loss.resume(2, 14.0)
    assert loss.mean(2) == 7.0
    loss.add(2, torch.tensor(4.0))
    assert loss.total() == 4.0


@pytest.mark.parametrize("backbone_rate", [None, 2e-6])
def test_a_polynomial_schedule_ends_at_1e7_of_the_head(demo_data: Path, backbone_rate: float | None) -> None:
    """Its end is absolute: transformers reads its beginning from the optimizer's default, 1e-3 if not set."""
    from transformers import get_scheduler

    changes = {"lr_scheduler_type": "polynomial", "cls_backbone_learning_rate": backbone_rate}
    arguments = parse(words(demo_data, **changes))
    model = torch.nn.ModuleDict({"model": torch.nn.Linear(2, 2), "score": torch.nn.Linear(2, 2)})
    made = make_optimizer(model, arguments, frozenset())
    schedule = get_scheduler("polynomial", made, num_warmup_steps=0, num_training_steps=4)
    for _ in range(4):
        made.step()
        schedule.step()
    assert rates(made)["head"] == pytest.approx(1e-7)
    assert rates(made)["backbone"] == pytest.approx(1e-7 * (backbone_rate or 2e-5) / 2e-5)
