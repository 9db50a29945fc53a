"""The learning rates: the optimizer's own line, and the rates of every logged step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lrdash.logs.facts import OptimizerLine
from lrdash.monitor.evidence import RunEvidence, as_evidence
from lrdash.monitor.snapshot import Check, Evidence
from lrdash.results.history import TRAINER_LOG
from lrdash.results.values import number
from lrdash.sweep.labels import format_rate

LOGGED_DIGITS = 1e-3
"""Relative difference that rounding in a log explains: transformers 5 prints four significant digits."""
REACHED = 0.9
"""Share of the asked rate that a schedule must have reached, where its beginning is logged..."""
BEGINNING = 0.1
"""...that is this share of the training, after the warm-up..."""
JUDGED_FROM = 0.25
"""...and once this share is done: a warm-up that the sweep does not name is over by then."""
BELOW_ROUNDING = 1e-12
"""Rates below this end a schedule; their ratio is rounding."""


def check_optimizer(evidence: RunEvidence) -> Check:
    """A separate run prints its two rates before its first step; a uniform run never does."""
    backbone, head = evidence.backbone_learning_rate, evidence.learning_rate
    if backbone is None or head is None:
        return _check_uniform(evidence)
    lines = evidence.facts.optimizer
    expected = f"backbone_lr={backbone:.2e}, head_lr={head:.2e} before the first training step"
    if wrong := next((line for line in lines if not _matches(line, backbone, head)), None):
        return Check("optimizer", "WRONG_VALUE", expected, _rates_of(wrong), as_evidence(wrong.at))
    early = next((line for line in lines if evidence.facts.is_before_training(line)), None)
    if early:
        return Check("optimizer", "PASS", expected, _rates_of(early), as_evidence(early.at))
    if lines:
        observed = f"{_rates_of(lines[0])}, only after {_first_step(evidence)}"
        return Check("optimizer", "MISSING", expected, observed, as_evidence(lines[0].at))
    if evidence.is_training_seen:
        observed = f"no such line before {_first_step(evidence)}"
        return Check("optimizer", "MISSING", expected, observed, as_evidence(evidence.facts.first_step))
    return Check("optimizer", "WAITING", expected, "no training step yet")


def _check_uniform(evidence: RunEvidence) -> Check:
    expected = "uniform: no optimizer line"
    if lines := evidence.facts.optimizer:
        return Check("optimizer", "FORBIDDEN", expected, _rates_of(lines[0]), as_evidence(lines[0].at))
    if evidence.is_training_seen:
        observed = f"uniform: no line expected, none seen before {_first_step(evidence)}"
        return Check("optimizer", "PASS", expected, observed, as_evidence(evidence.facts.first_step))
    return Check("optimizer", "WAITING", expected, "no training step yet")


def _matches(line: OptimizerLine, backbone: float, head: float) -> bool:
    return _prints_as(backbone, line.backbone_lr) and _prints_as(head, line.head_lr)


def _prints_as(rate: float, printed: float) -> bool:
    """Whether a rate, exact or in the line's three digits, is the printed number."""
    return any(math.isclose(value, printed, rel_tol=1e-6) for value in (rate, float(f"{rate:.2e}")))


def _rates_of(line: OptimizerLine) -> str:
    return f"backbone_lr={line.backbone_lr:.2e}, head_lr={line.head_lr:.2e}"


def _first_step(evidence: RunEvidence) -> str:
    rows = evidence.facts.steps
    step = rows[0].step if rows else None
    return "the first training step" if step is None else f"step {step}"


class _Rates(Protocol):
    """The rates of one logged step: a StepRow of the log, or one made of the training curve."""

    @property
    def step(self) -> int | None: ...
    @property
    def epoch(self) -> float | None: ...
    @property
    def learning_rate(self) -> float | None: ...
    @property
    def cls_backbone_learning_rate(self) -> float | None: ...
    @property
    def line(self) -> int | None: ...


class _CurvePoint(NamedTuple):
    step: int
    learning_rate: float
    cls_backbone_learning_rate: float | None
    epoch: None = None
    line: None = None


def check_rates(evidence: RunEvidence) -> Check:
    """`initial_lr` of every optimizer group, and the ratio backbone/head at each logged step."""
    head = evidence.learning_rate
    if head is None:
        return Check("rates", "PASS", "", "no learning_rate in the sweep: nothing to compare with")
    backbone = evidence.backbone_learning_rate or head
    expected = f"head {format_rate(head)}, backbone {format_rate(backbone)}, ratio {backbone / head:.3g}"
    meta = evidence.results.meta
    initial = dict(meta.initial_lr) if meta else {}
    if wrong := _wrong_group(initial, head, backbone):
        return Check("rates", "WRONG_VALUE", expected, wrong, _evidence_of_meta(evidence))
    logged = _logged_rates(evidence)
    bad, pairs, singles = _compare(logged, head, backbone)
    if bad:
        return Check("rates", "WRONG_VALUE", expected, _describe(bad), _evidence_of(evidence, bad))
    if not initial and not pairs and not singles:
        return Check("rates", "WAITING", expected, "no rate logged yet")
    if not initial and (highest := _never_reached(evidence, logged, head if pairs else min(head, backbone))):
        observed = f"highest rate logged: {_describe(highest)}"
        return Check("rates", "WRONG_VALUE", expected, observed, _evidence_of(evidence, highest))
    place = _evidence_of_meta(evidence) if initial else _evidence_of(evidence, logged[0])
    return Check("rates", "PASS", expected, _summary(initial, pairs, singles), place)


def _wrong_group(initial: dict[str, float], head: float, backbone: float) -> str | None:
    for name, rate in initial.items():
        asked = head if name.startswith("head") else backbone
        if not math.isclose(rate, asked, rel_tol=1e-6):
            return (
                f"optimizer group {name!r} started with {format_rate(rate)} instead of {format_rate(asked)}"
            )
    return None


def _logged_rates(evidence: RunEvidence) -> Sequence[_Rates]:
    """From the log, else from the training curve."""
    if rows := evidence.facts.steps:
        return rows
    columns = evidence.steps.columns
    heads = columns.get("learning_rate", ())
    backbones = columns.get("cls_backbone_learning_rate", [math.nan] * len(heads))
    return [
        _CurvePoint(step, rate, None if math.isnan(other) else other)
        for step, rate, other in zip(evidence.steps.steps, heads, backbones, strict=False)
        if not math.isnan(rate)
    ]


def _compare(logged: Sequence[_Rates], head: float, backbone: float) -> tuple[_Rates | None, int, int]:
    """The first step that does not fit, if any; how many steps told two rates, and how many one.

    It fits with no rate above the asked one and, where both are logged (transformers' own log has one), with
    the asked ratio. One plain loop: every logged step passes here at every look.
    """
    highest, highest_single = head * (1 + LOGGED_DIGITS), max(head, backbone) * (1 + LOGGED_DIGITS)
    ratio = backbone / head
    pairs = singles = 0
    for row in logged:
        rate, other = row.learning_rate, row.cls_backbone_learning_rate
        if rate is None:
            continue
        if other is None:
            singles += 1
            fits = rate <= highest_single
        else:
            pairs += 1
            rounding = max(BELOW_ROUNDING, 2 * LOGGED_DIGITS * abs(other))
            fits = rate <= highest and abs(other - ratio * rate) <= rounding
        if not fits:
            return row, pairs, singles
    return None, pairs, singles


def _never_reached(evidence: RunEvidence, logged: Sequence[_Rates], asked: float) -> _Rates | None:
    """The highest logged rate, where the schedule's beginning is logged and never came near the asked one."""
    warm_up = _warm_up(evidence)
    rated = [(row.learning_rate, _share(evidence, row), row) for row in logged]
    known = [(rate, share, row) for rate, share, row in rated if rate is not None and share is not None]
    if warm_up is None or not known:
        return None
    has_beginning = any(0 <= share - warm_up <= BEGINNING for _, share, _ in known)
    is_late = known[-1][1] >= warm_up + JUDGED_FROM * (1 - warm_up)
    rate, _, highest = max(known, key=lambda one: one[0])
    return highest if has_beginning and is_late and rate < REACHED * asked else None


def _warm_up(evidence: RunEvidence) -> float | None:
    """Its share of the training; None where the number of steps is not known."""
    steps, total = number(evidence.args.get("warmup_steps")) or 0.0, evidence.total_steps
    if steps >= 1:
        return steps / total if total else None
    return (
        steps or number(evidence.args.get("warmup_ratio")) or 0.0
    )  # transformers 5: a share as warmup_steps


def _share(evidence: RunEvidence, row: _Rates) -> float | None:
    """How much of the training was done at a row."""
    if row.step is not None and evidence.total_steps:
        return row.step / evidence.total_steps
    return row.epoch / evidence.epochs if row.epoch is not None and evidence.epochs else None


def _describe(row: _Rates) -> str:
    rate, other = row.learning_rate or 0.0, row.cls_backbone_learning_rate
    at = "" if row.step is None else f" at step {row.step}"
    if other is None:
        return f"learning_rate {format_rate(rate)}{at}"
    ratio = f"{other / rate:.3g}" if rate else "undefined"
    return f"head {format_rate(rate)}, backbone {format_rate(other)}{at}: ratio {ratio}"


def _evidence_of(evidence: RunEvidence, row: _Rates) -> Evidence:
    first = evidence.facts.first_step
    if row.line is None or first is None:
        return Evidence(text=f"{TRAINER_LOG}: {_describe(row)}")
    return Evidence(first.file, row.line, _describe(row))


def _evidence_of_meta(evidence: RunEvidence) -> Evidence:
    meta = evidence.results.meta
    return Evidence(text=f"run_meta.json: initial_lr {dict(meta.initial_lr) if meta else {}}")


def _summary(initial: dict[str, float], pairs: int, singles: int) -> str:
    parts = [f"initial_lr as asked in {len(initial)} optimizer groups"] if initial else []
    if pairs:
        parts.append(f"ratio as asked at {pairs} logged steps")
    elif singles:
        parts.append(f"one rate logged at {singles} steps, none above the asked one")
    return "; ".join(parts)
