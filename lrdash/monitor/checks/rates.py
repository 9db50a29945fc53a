"""The learning rates: the optimizer's own line, and the rates of every logged step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from lrdash.logs.facts import OptimizerLine
from lrdash.monitor.evidence import RunEvidence, as_evidence
from lrdash.monitor.snapshot import Check, Evidence
from lrdash.sweep.labels import format_rate

LOGGED_DIGITS = 1e-3
"""Relative difference that rounding in a log explains: transformers 5 prints four significant digits."""
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


class _Logged(NamedTuple):
    """The rates of one logged step."""

    step: int | None
    head: float
    backbone: float | None
    line: int | None


def check_rates(evidence: RunEvidence) -> Check:
    """`initial_lr` of every optimizer group, and the ratio backbone/head at each logged step."""
    head = evidence.learning_rate
    if head is None:
        return Check("rates", "PASS", "", "no learning_rate in the sweep: nothing to compare with")
    backbone = evidence.backbone_learning_rate or head
    expected = f"head {format_rate(head)}, backbone {format_rate(backbone)}, ratio {backbone / head:.3g}"
    logged = list(_logged_rates(evidence))
    meta = evidence.results.meta
    initial = dict(meta.initial_lr) if meta else {}
    if wrong := _wrong_group(initial, head, backbone):
        return Check(
            "rates", "WRONG_VALUE", expected, wrong, Evidence(text=f"run_meta.json: initial_lr {initial}")
        )
    if bad := next((row for row in logged if not _fits(row, head, backbone)), None):
        return Check("rates", "WRONG_VALUE", expected, _describe(bad), _evidence_of(evidence, bad))
    if not initial and not logged:
        return Check("rates", "WAITING", expected, "no rate logged yet")
    return Check("rates", "PASS", expected, _summary(initial, logged))


def _wrong_group(initial: dict[str, float], head: float, backbone: float) -> str | None:
    for name, rate in initial.items():
        asked = head if name.startswith("head") else backbone
        if not math.isclose(rate, asked, rel_tol=1e-6):
            return (
                f"optimizer group {name!r} started with {format_rate(rate)} instead of {format_rate(asked)}"
            )
    return None


def _logged_rates(evidence: RunEvidence) -> Iterator[_Logged]:
    """From the log, else from the training curve."""
    for row in evidence.facts.steps:
        if row.learning_rate is not None:
            yield _Logged(row.step, row.learning_rate, row.cls_backbone_learning_rate, row.line)
    if evidence.facts.steps:
        return
    columns = evidence.steps.columns
    heads = columns.get("learning_rate", ())
    backbones = columns.get("cls_backbone_learning_rate", [math.nan] * len(heads))
    for step, rate, other in zip(evidence.steps.steps, heads, backbones, strict=False):
        if not math.isnan(rate):
            yield _Logged(step, rate, None if math.isnan(other) else other, None)


def _fits(row: _Logged, head: float, backbone: float) -> bool:
    """No rate above the asked one, and the asked ratio; transformers' own log has one rate only."""
    if row.backbone is None:
        return row.head <= max(head, backbone) * (1 + LOGGED_DIGITS)
    if row.head > head * (1 + LOGGED_DIGITS):
        return False
    if abs(row.head) < BELOW_ROUNDING:
        return abs(row.backbone) < BELOW_ROUNDING
    return math.isclose(row.backbone / row.head, backbone / head, rel_tol=2 * LOGGED_DIGITS)


def _describe(row: _Logged) -> str:
    at = "" if row.step is None else f" at step {row.step}"
    if row.backbone is None:
        return f"learning_rate {format_rate(row.head)}{at}"
    ratio = f"{row.backbone / row.head:.3g}" if row.head else "undefined"
    return f"head {format_rate(row.head)}, backbone {format_rate(row.backbone)}{at}: ratio {ratio}"


def _evidence_of(evidence: RunEvidence, row: _Logged) -> Evidence:
    first = evidence.facts.first_step
    file = first.file if first and row.line is not None else None
    return Evidence(file=file, line=row.line, text=_describe(row))


def _summary(initial: dict[str, float], logged: list[_Logged]) -> str:
    parts = [f"initial_lr as asked in {len(initial)} optimizer groups"] if initial else []
    both = sum(row.backbone is not None for row in logged)
    if both:
        parts.append(f"ratio as asked at {both} logged steps")
    elif logged:
        parts.append(f"one rate logged at {len(logged)} steps, none above the asked one")
    return "; ".join(parts)
