"""Every check: passing, waiting, and with its fault planted in the log or in the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from lrdash.monitor.checks import run_checks
from lrdash.monitor.checks.setup import check_effective_batch
from lrdash.monitor.evidence import PredictionFacts, RunEvidence
from lrdash.monitor.snapshot import Check, CheckName
from lrdash.results.documents import RunMeta, RunResults
from lrdash.sweep.spec import Expect
from tests.monitor.logged import (
    BANNER,
    OPTIMIZER,
    PROCESSES,
    SEPARATE,
    SWEEP,
    UNIFORM,
    VISION,
    evidence_of,
    identity,
    row,
    script,
    task,
)  # fmt: skip

Look = Callable[..., Check]


@pytest.fixture
def look(tmp_path: Path) -> Callable[[CheckName], Look]:
    """`look("rates")(out=..., err=...)` is the verdict of that check on a run with these logs."""

    def of(name: CheckName) -> Look:
        def check(out: str = "", err: str = "", **known: Any) -> Check:
            checks = run_checks(evidence_of(tmp_path, out, err, **known))
            return next(check for check in checks if check.name == name)

        return check

    return of


def test_all_nine_in_the_order_of_the_status_document(tmp_path: Path) -> None:
    assert tuple(check.name for check in run_checks(evidence_of(tmp_path))) == get_args(CheckName)


def test_nothing_fails_before_anything_is_submitted(tmp_path: Path) -> None:
    for run in SWEEP.runs:
        checks = run_checks(evidence_of(tmp_path, run=run))
        assert {check.verdict for check in checks} <= {"WAITING", "PASS"}


def test_a_folder_without_a_sweep_has_no_checks() -> None:
    assert run_checks(RunEvidence(now=0.0)) == ()


# optimizer


def test_optimizer_line_before_the_first_step(look: Callable[[CheckName], Look]) -> None:
    check = look("optimizer")(identity() + OPTIMIZER + row())
    assert check.verdict == "PASS"
    assert check.evidence.file
    assert check.evidence.file.endswith("7_2.out")
    assert (check.evidence.line, check.evidence.text) == (2, OPTIMIZER.strip())


@pytest.mark.parametrize(
    "line",
    [
        "[INFO|2026-01-01 10:00:00] llamafactory.train.utils:157 >> {}.",
        "01/01/2026 10:00:00 - INFO - llamafactory.train - {}",
        "[INFO|trainer.py:2409] 2026-01-01 00:00:00,123 >> {}",
        "[rank0]: {}",
        "\x1b[32m[INFO]\x1b[0m {}",
        "  1%|          | 1/300 [00:01<05:00,  1.00s/it]{}",
    ],
)
def test_optimizer_line_of_any_logger_and_stream(look: Callable[[CheckName], Look], line: str) -> None:
    text = line.format(OPTIMIZER.strip().removeprefix("[INFO] ")) + "\n"
    assert look("optimizer")(row(), text).verdict == "PASS"


def test_optimizer_waits_until_a_step_is_seen_then_misses(look: Callable[[CheckName], Look]) -> None:
    assert look("optimizer")(identity() + PROCESSES).verdict == "WAITING"
    check = look("optimizer")(identity() + row(10))
    assert (check.verdict, check.observed) == ("MISSING", "no such line before step 10")
    assert check.evidence.line == 2


@pytest.mark.parametrize(
    "rates", ["backbone_lr=2.00e-05, head_lr=2.00e-06", "backbone_lr=2.00e-05, head_lr=2.00e-05"]
)
def test_optimizer_with_other_rates(look: Callable[[CheckName], Look], rates: str) -> None:
    check = look("optimizer")(f"[INFO] Using custom classification optimizer with {rates}\n" + row())
    assert (check.verdict, check.observed) == ("WRONG_VALUE", rates)


def test_optimizer_rates_are_compared_as_numbers(look: Callable[[CheckName], Look]) -> None:
    line = "Using custom classification optimizer with backbone_lr=0.000002, head_lr=2e-5\n"
    assert look("optimizer")(line + row()).verdict == "PASS"


def test_optimizer_line_after_the_first_step_proves_nothing(look: Callable[[CheckName], Look]) -> None:
    assert look("optimizer")(row(10) + OPTIMIZER).verdict == "MISSING"


def test_uniform_run_passes_at_its_first_step(look: Callable[[CheckName], Look]) -> None:
    assert look("optimizer")(identity(), run=UNIFORM).verdict == "WAITING"
    check = look("optimizer")(row(10, backbone=2e-5), run=UNIFORM)
    assert check.verdict == "PASS"
    assert check.observed == "uniform: no line expected, none seen before step 10"


def test_optimizer_line_in_a_uniform_run(look: Callable[[CheckName], Look]) -> None:
    check = look("optimizer")(OPTIMIZER + row(), run=UNIFORM)
    assert (check.verdict, check.evidence.line) == ("FORBIDDEN", 1)


def test_set_changes_what_is_expected(look: Callable[[CheckName], Look]) -> None:
    check = look("optimizer")(OPTIMIZER + row(), overrides={"cls_backbone_learning_rate": 1e-6})
    assert check.verdict == "WRONG_VALUE"


def test_an_earlier_attempt_proves_nothing_for_this_one(look: Callable[[CheckName], Look]) -> None:
    assert (
        look("optimizer")(identity() + OPTIMIZER + row() + identity(restart=1) + row()).verdict == "MISSING"
    )


# rates


def with_meta(**values: Any) -> RunResults:
    return RunResults(meta=RunMeta(job="7_2", **values))


def test_rates_as_asked(look: Callable[[CheckName], Look]) -> None:
    results = with_meta(initial_lr={"head (decay)": 2e-5, "backbone (decay)": 2e-6})
    check = look("rates")(row(10) + row(20, 1.1e-5, 1.1e-6) + row(300, 0.0, 0.0), results=results)
    assert check.verdict == "PASS"
    assert check.observed == "initial_lr as asked in 2 optimizer groups; ratio as asked at 3 logged steps"


def test_initial_rate_of_one_group_differs(look: Callable[[CheckName], Look]) -> None:
    check = look("rates")(results=with_meta(initial_lr={"head": 2e-5, "backbone": 2e-5}))
    assert check.verdict == "WRONG_VALUE"
    assert "'backbone' started with 2e-5 instead of 2e-6" in check.observed


def test_ratio_lost_at_one_step(look: Callable[[CheckName], Look]) -> None:
    check = look("rates")(row(10) + row(20, 2e-5, 2e-5) + row(30))
    assert (check.verdict, check.evidence.line) == ("WRONG_VALUE", 2)
    assert check.observed == "head 2e-5, backbone 2e-5 at step 20: ratio 1"


def test_swapped_rates(look: Callable[[CheckName], Look]) -> None:
    assert look("rates")(row(10, head=2e-6, backbone=2e-5)).verdict == "WRONG_VALUE"


def test_one_rate_only_is_held_against_the_larger(look: Callable[[CheckName], Look]) -> None:
    stock = "{{'loss': '0.6', 'grad_norm': '1.2', 'learning_rate': '{}', 'epoch': '0.2'}}\n"
    assert look("rates")(stock.format("1.9e-05")).verdict == "PASS"
    assert look("rates")(stock.format("5e-05")).verdict == "WRONG_VALUE"


def stock_rows(*rates: float, start: int = 1, of: int = 30) -> str:
    """As transformers prints them: without a step; of `of` rows in six epochs."""
    return "".join(
        f"{{'loss': 0.6, 'grad_norm': 1.2, 'learning_rate': {rate}, 'epoch': {6 * at / of}}}\n"
        for at, rate in enumerate(rates, start)
    )


def decaying(peak: float, warm_up: int, rows: int) -> list[float]:
    """A linear schedule over thirty rows."""
    return [
        peak * (at / warm_up if at < warm_up else (30 - at) / (30 - warm_up)) for at in range(1, rows + 1)
    ]


@pytest.mark.parametrize(
    ("rates", "known", "verdict"),
    [
        (decaying(2e-5, 1, 12), {}, "PASS"),
        (decaying(2e-6, 1, 12), {}, "WRONG_VALUE"),
        (decaying(2e-6, 1, 6), {}, "PASS"),
        (decaying(2e-5, 6, 12), {"overrides": {"warmup_steps": 60}}, "PASS"),
        (decaying(2e-6, 6, 15), {"overrides": {"warmup_steps": 60}}, "WRONG_VALUE"),
        (decaying(2e-6, 6, 15), {"overrides": {"warmup_steps": 0, "warmup_ratio": 0.2}}, "WRONG_VALUE"),
        (decaying(2e-5, 6, 12), {}, "PASS"),
        (decaying(2e-6, 1, 12), {"results": with_meta(initial_lr={"head": 2e-5})}, "PASS"),
    ],
    ids=[
        "as asked",
        "a tenth",
        "too early",
        "warm-up",
        "a tenth, warm-up",
        "a tenth, ratio",
        "unnamed warm-up",
        "meta",
    ],
)
def test_a_rate_that_was_never_reached(
    look: Callable[[CheckName], Look], rates: list[float], known: dict[str, Any], verdict: str
) -> None:
    """What another program than the bundled trainer really trained with, only its log tells."""
    known = {"overrides": {"warmup_steps": 0}, **known}
    check = look("rates")(stock_rows(*rates), BANNER, run=UNIFORM, **known)
    assert check.verdict == verdict
    if verdict == "WRONG_VALUE":
        assert check.observed.startswith("highest rate logged: learning_rate ")
        assert check.evidence.line == rates.index(max(rates)) + 1


def test_a_schedule_of_which_only_the_rest_is_logged_is_not_judged(look: Callable[[CheckName], Look]) -> None:
    assert look("rates")(stock_rows(4e-6, 3e-6, start=24), BANNER, run=UNIFORM).verdict == "PASS"


def test_rates_wait(look: Callable[[CheckName], Look]) -> None:
    assert look("rates")(identity()).verdict == "WAITING"


# effective batch, epochs, frozen, port


def test_effective_batch_of_sweep_script_and_banner(look: Callable[[CheckName], Look]) -> None:
    check = look("effective_batch")(PROCESSES + row(), BANNER, script=script())
    assert (check.verdict, check.expected) == ("PASS", "16")
    assert check.observed == "2 processes x 2 per device x 4 accumulation = 16; log: 16"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"err": BANNER.replace("= 16", "= 8")}, "log: 8"),
        ({"out": PROCESSES.replace("size: 2", "size: 1")}, "log: 1 processes, sweep: 2"),
        ({"script": script(gres="gpu:h200:1")}, "script: 1 GPUs for 2 processes"),
        ({"overrides": {"per_device_train_batch_size": 1}}, "= 8"),
    ],
    ids=["banner", "world size", "script", "--set"],
)
def test_effective_batch_fault(look: Callable[[CheckName], Look], changes: dict[str, Any], said: str) -> None:
    check = look("effective_batch")(**{"err": BANNER, **changes})
    assert check.verdict == "WRONG_VALUE"
    assert said in check.observed


def test_the_remedy_for_memory_keeps_the_effective_batch(look: Callable[[CheckName], Look]) -> None:
    smaller = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 8}
    assert look("effective_batch")(err=BANNER, overrides=smaller).verdict == "PASS"


def test_a_sweep_that_names_no_batch_size_is_held_against_none(tmp_path: Path) -> None:
    sweep = replace(SWEEP, expect=Expect())
    overrides = {"per_device_train_batch_size": None}
    for err, said in (
        (BANNER, "log: 16; no per_device_train_batch_size"),
        ("", "no per_device_train_batch_size"),
    ):
        evidence = evidence_of(tmp_path, row(), err, overrides=overrides)
        check = check_effective_batch(replace(evidence, sweep=sweep))
        assert (check.verdict, check.expected) == ("PASS", "")
        assert check.observed.startswith(said)


def test_effective_batch_without_a_banner(look: Callable[[CheckName], Look]) -> None:
    assert look("effective_batch")(identity()).verdict == "WAITING"
    assert look("effective_batch")(row()).verdict == "MISSING"


@pytest.mark.parametrize(
    ("out", "err", "known", "verdict"),
    [
        (row(300), BANNER, {"task": task("COMPLETED")}, "PASS"),
        (row(100), BANNER, {"task": task("RUNNING")}, "WAITING"),
        (row(100), BANNER, {"task": task("TIMEOUT")}, "MISSING"),
        (row(10), BANNER.replace("Epochs = 6", "Epochs = 3"), {}, "WRONG_VALUE"),
        (row(10), "", {"results": RunResults(epochs=({"epoch": 6.0},))}, "PASS"),
        ("{'loss': 0.2, 'epoch': 5.9992, 'step': 300}\n", BANNER, {"task": task("COMPLETED")}, "PASS"),
    ],
    ids=["done", "on the way", "ended early", "banner", "results", "5.9992"],
)
def test_epochs(
    look: Callable[[CheckName], Look], out: str, err: str, known: dict[str, Any], verdict: str
) -> None:
    assert look("epochs")(out, err, **known).verdict == verdict


FROZEN = "[INFO] Frozen {}: {:,} parameters\n"
TOWER = FROZEN.format("vision_tower", 631_989_760)
PROJECTOR = FROZEN.format("multi_modal_projector", 44_574_208)


@pytest.mark.parametrize(
    ("out", "verdict"),
    [
        (TOWER + PROJECTOR, "PASS"),
        (identity(), "WAITING"),
        (TOWER + row(), "MISSING"),
        (TOWER + FROZEN.format("multi_modal_projector", 0), "WRONG_VALUE"),
        (
            "[INFO|x] a:144 >> Set vision model not trainable: ['visual.patch_embed', 'visual.blocks'].\n"
            "[INFO|x] a:144 >> Set multi model projector not trainable: ['visual.merger'].\n" + row(),
            "PASS",
        ),
    ],
    ids=["both", "not yet", "one", "nothing", "LLaMA-Factory"],
)
def test_frozen(look: Callable[[CheckName], Look], out: str, verdict: str) -> None:
    assert look("frozen")(out, run=VISION).verdict == verdict


def test_frozen_against_the_arguments(look: Callable[[CheckName], Look]) -> None:
    assert look("frozen")(row()).observed == "nothing to freeze"
    check = look("frozen")(TOWER + PROJECTOR, run=VISION, overrides={"freeze_vision_tower": False})
    assert check.verdict == "FORBIDDEN"


def test_port(look: Callable[[CheckName], Look]) -> None:
    assert look("port")().verdict == "WAITING"
    assert look("port")(identity()).observed == "29702"
    moved = look("port")(identity() + identity(port=29802))
    assert (moved.verdict, moved.observed) == ("PASS", "29802, moved: 29702 was taken")


# data, predictions, same_rows

TRAIN, TEST = SEPARATE.args["dataset"], SEPARATE.args["eval_dataset"]
LOADED = (
    f"[INFO] Loading dataset {TRAIN}: 800 rows from /d\n[INFO] Loading dataset {TEST}: 100 rows from /d\n"
)
CUT = f"[INFO] Cut 12 of 800 inputs of {TRAIN} to cutoff_len=2048 tokens\n"
PREDICTIONS = PredictionFacts("p.jsonl", 100, 0.72, 0.71, ("id", b"k", b"t"))
REPORTED = {"predict_accuracy": 0.72, "predict_f1": 0.71}


def test_data(look: Callable[[CheckName], Look]) -> None:
    check = look("data")(LOADED + CUT, BANNER, predictions=PREDICTIONS)
    assert (check.verdict, check.evidence.line) == ("PASS", 1)
    assert check.observed == "800 training rows, 100 test rows; 12 of 800 cut to 2048 tokens"
    assert look("data")(identity()).verdict == "WAITING"


@pytest.mark.parametrize(
    ("out", "known", "said"),
    [
        (LOADED.replace("800", "790"), {}, "training rows differ: log 790, banner 800"),
        (LOADED, {"predictions": replace(PREDICTIONS, rows=99)}, "test rows differ: log 100, predictions 99"),
        (LOADED.replace(str(TEST), "another_test"), {}, "loaded another_test"),
    ],
    ids=["training rows", "lost prediction", "other data set"],
)
def test_data_fault(look: Callable[[CheckName], Look], out: str, known: dict[str, Any], said: str) -> None:
    check = look("data")(out, BANNER, **known)
    assert (check.verdict, check.observed) == ("WRONG_VALUE", said)


def test_predictions(look: Callable[[CheckName], Look]) -> None:
    assert look("predictions")().verdict == "WAITING"
    assert look("predictions")(task=task("COMPLETED")).verdict == "MISSING"
    reported = RunResults(predict=REPORTED)
    assert look("predictions")(results=reported, predictions=PREDICTIONS).verdict == "PASS"
    other = replace(PREDICTIONS, accuracy=0.73)
    check = look("predictions")(results=reported, predictions=other)
    assert check.verdict == "WRONG_VALUE"
    assert "0.730000" in check.observed


@pytest.mark.parametrize(
    "metrics", [{}, {"predict_accuracy": None, "predict_f1": None}, {"predict_loss": 0.5}]
)
def test_predictions_that_nothing_is_compared_with(
    look: Callable[[CheckName], Look], metrics: dict[str, float | None]
) -> None:
    check = look("predictions")(results=RunResults(predict=metrics), predictions=PREDICTIONS)
    assert check.verdict == "MISSING"
    assert "neither predict_accuracy nor predict_f1" in check.observed


@pytest.mark.parametrize("asked", [None, False])
def test_predictions_are_expected_only_where_they_are_asked_for(
    look: Callable[[CheckName], Look], asked: bool | None
) -> None:
    check = look("predictions")(overrides={"do_predict": asked}, task=task("COMPLETED"))
    assert (check.verdict, check.observed) == ("PASS", "no predictions asked for")
    wrong = RunResults(predict={"predict_accuracy": 0.5})
    check = look("predictions")(overrides={"do_predict": asked}, results=wrong, predictions=PREDICTIONS)
    assert check.verdict == "WRONG_VALUE"


def test_every_finding_has_its_evidence(look: Callable[[CheckName], Look]) -> None:
    """A file and a line where there is one, else the numbers."""
    for name, out, err, line in (
        ("rates", identity() + row(10), "", 2),
        ("epochs", row(100), BANNER, 1),
        ("epochs", row(300), BANNER, 1),
        ("epochs", row(350), BANNER, 1),
        ("data", LOADED.replace("800", "790"), BANNER, 1),
        ("frozen", TOWER + row(), "", 2),
    ):
        check = look(name)(out, err, run=VISION if name == "frozen" else SEPARATE)
        assert (check.evidence.line, bool(check.evidence.text)) == (line, True), check
        assert check.evidence.file
    ended = look("epochs")(row(100), BANNER, task=task("TIMEOUT"))
    assert (ended.evidence.line, ended.evidence.text) == (1, "ended TIMEOUT")
    results = with_meta(initial_lr={"head": 2e-5, "backbone": 2e-6})
    assert look("rates")(results=results).evidence.text.startswith("run_meta.json: initial_lr")


def test_rows_of_a_run_that_predicts_nothing_are_not_waited_for(look: Callable[[CheckName], Look]) -> None:
    check = look("same_rows")(overrides={"do_predict": False})
    assert (check.verdict, check.observed) == ("PASS", "no predictions asked for")


def test_same_rows(look: Callable[[CheckName], Look]) -> None:
    assert look("same_rows")().verdict == "WAITING"
    same = look("same_rows")(predictions=PREDICTIONS, peers={UNIFORM.name: PREDICTIONS})
    assert (same.verdict, same.observed) == ("PASS", "the same 100 rows in 2 runs")
    shuffled = replace(PREDICTIONS, identity=("id", b"other order", b"t"))
    check = look("same_rows")(predictions=PREDICTIONS, peers={UNIFORM.name: shuffled})
    assert check.verdict == "WRONG_VALUE"
    assert UNIFORM.name in check.observed
