"""What the numbers of a comparison do not say, and must be said beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrdash.results import curves
from lrdash.results.candidates import Candidate
from lrdash.results.comparison import GroupComparison, RunSummary, Which
from lrdash.results.wording import counted, listed, named, points
from lrdash.sweep.labels import format_rate


def caveats_of(group: GroupComparison, candidates: Sequence[Candidate], epoch: Which) -> tuple[str, ...]:
    related = group.group is not None and len(candidates) > 1
    between = (
        _epochs(group, candidates, epoch),
        _seeds(candidates),
        _edge(group, candidates),
        _missing_cell(candidates),
    )
    parts = (
        *(between if related else ()),
        _collapsed(group),
        _selection(candidates, epoch),
        _rising_loss(candidates),
        _stopping(group, candidates),
        _unpaired(group),
    )
    return tuple(caveat for part in parts for caveat in part)


def _epochs(group: GroupComparison, candidates: Sequence[Candidate], epoch: Which) -> Iterator[str]:
    """How far the runs are; the best epochs of finished runs may well be different ones."""
    reached = {run.run: run.epoch for run in group.runs}
    if epoch == "best":
        reached = {one.run: (one.results.last or {}).get("epoch") for one in candidates}
    done = {named(run.label): where for run in group.runs if (where := reached[run.run]) is not None}
    if len(set(done.values())) > 1:
        at = listed(f"{label} at {where:g}" for label, where in done.items())
        yield f"The runs are at different epochs ({at}): not comparable yet."


def _collapsed(group: GroupComparison) -> Iterator[str]:
    if fallen := [named(run.label) for run in group.runs if run.collapsed]:
        predict = "predicts" if len(fallen) == 1 else "predict"
        yield f"{listed(fallen)} {predict} one class for every row: collapsed."
    if level := [named(run.label) for run in group.runs if run.has_not_learned and not run.collapsed]:
        yield f"{listed(level)}: the accuracy's interval reaches down to the majority class's share."


def _seeds(candidates: Sequence[Candidate]) -> Iterator[str]:
    if len(candidates) > 1 and len({one.seed for one in candidates} - {None}) <= 1:
        yield (
            "One seed: the tests cover the choice of test rows, not of the seed. Another seed may move "
            "each run by more than the differences seen here."
        )


def _selection(candidates: Sequence[Candidate], epoch: Which) -> Iterator[str]:
    if epoch == "best":
        rows = listed({one.results.labels.selected_on or "test" for one in candidates})
        yield (
            f"Selected on test: the best epoch is the best on the {rows} rows that it is scored on, so its "
            "accuracy is optimistic, by about a point for six epochs and 1,500 rows."
        )


def _edge(group: GroupComparison, candidates: Sequence[Candidate]) -> Iterator[str]:
    rates = sorted(
        {one.learning_rate for one in candidates if one.learning_rate and one.backbone_rate is None}
    )
    rated = [run for run in group.runs if run.accuracy]
    if len(rates) < 2 or not rated:
        return
    best = max(rated, key=_accuracy)
    if any(_accuracy(run) == _accuracy(best) and run.learning_rate != best.learning_rate for run in rated):
        return
    if best.cls_backbone_learning_rate is None and best.learning_rate in (rates[0], rates[-1]):
        factor = 2.5 if best.learning_rate == rates[-1] else 0.4
        side = "upper" if factor > 1 else "lower"
        beyond = format_rate(float(f"{best.learning_rate * factor:.1g}"))
        tried = f"{format_rate(rates[0])} to {format_rate(rates[-1])}"
        where = f"at the {side} edge of the rates tried ({tried})"
        yield f"{named(best.label)} is {where}; {beyond} may be better."


def _accuracy(run: RunSummary) -> float:
    return run.accuracy.value if run.accuracy else 0.0


def _missing_cell(candidates: Sequence[Candidate]) -> Iterator[str]:
    tried = {(one.learning_rate, one.backbone_rate or one.learning_rate) for one in candidates}
    separate = next((one for one in candidates if one.backbone_rate is not None), None)
    if separate and (separate.backbone_rate, separate.learning_rate) not in tried:
        head, backbone = separate.backbone_rate, separate.learning_rate
        yield (
            f"Head {format_rate(head or 0)} with backbone {format_rate(backbone or 0)} was not tried: the "
            "effect of the backbone's rate and that of the ratio cannot be told apart."
        )


def _rising_loss(candidates: Sequence[Candidate]) -> Iterator[str]:
    for one in candidates:
        epoch = curves.overfits_at(one.results.epochs)
        if epoch is not None:
            rose = f"eval_loss rose twice running up to epoch {epoch:g} while the training loss fell"
            yield f"{named(one.label)} overfits: {rose}."


def _stopping(group: GroupComparison, candidates: Sequence[Candidate]) -> Iterator[str]:
    for one in candidates:
        run = group.find(one.run)
        stop = curves.stopping(one.results, run.n, one.processes)
        if stop is None or stop.last - stop.epoch < 1:
            continue
        cost = _time(stop.hours)
        many = stop.last - stop.epoch > 1
        after = f"epochs {stop.epoch + 1:g} to {stop.last:g}" if many else f"epoch {stop.last:g}"
        yield (
            f"{named(one.label)}: {after} took {cost} for {points(stop.gain)} points, inside the noise of "
            f"{counted(run.n or 0, 'test row')} (± {100 * stop.noise:.1f})."
        )


def _time(hours: float | None) -> str:
    """Of all processes together: a run on two GPUs takes two GPU-hours an hour."""
    if hours is None:
        return "their time"
    return f"{hours:.1f} process-hours" if hours >= 1 else f"{60 * hours:.1f} process-minutes"


def _unpaired(group: GroupComparison) -> Iterator[str]:
    yield from (f"Not compared: {reason}." for reason in group.refused)
    for run in group.runs:
        yield from (f"{named(run.label)}: {note}." for note in run.notes)
