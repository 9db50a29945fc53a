"""The comparison in words: the conclusion, and the experiment's three questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrdash.results import curves
from lrdash.results.candidates import Candidate
from lrdash.results.comparison import Answer, GroupComparison, Pair
from lrdash.results.wording import counted, fraction, listed, named, p_value, points

NO_EVIDENCE = "no evidence of a difference"
CANNOT_SAY = "cannot say"

Q_SLOWER = "Does the slower learning rate improve stability and performance?"
Q_FASTER = "Does the faster learning rate converge faster without overfitting?"
Q_SEPARATE = "Do separate learning rates give the best balance?"

RULE_SLOWER = (
    "steadier = smaller standard deviation of the epoch-to-epoch change of eval_loss and no more rises; "
    "better = higher test accuracy by McNemar's exact test, Holm-adjusted"
)
RULE_FASTER = (
    "faster = an earlier first epoch within one point of the run's own last accuracy; "
    "overfits = eval_loss up in two successive epochs while the training loss falls"
)
RULE_SEPARATE = "best balance = the separate run tested against both uniform ones on the same test rows"


@dataclass(frozen=True)
class Roles:
    """Which run plays which part in the questions."""

    fast: Candidate | None = None
    slow: Candidate | None = None
    separate: Candidate | None = None


def answers(group: GroupComparison, candidates: Sequence[Candidate]) -> tuple[Answer, ...]:
    """Those of the experiment's questions that this group's runs can be asked."""
    roles = find_roles(candidates)
    every = (_slower(group, roles), _faster(group, roles), _separate(group, roles))
    return tuple(answer for answer in every if answer)


def find_roles(candidates: Sequence[Candidate]) -> Roles:
    """Among uniform runs the largest and the smallest rate; the first run with a backbone rate of its own."""
    uniform = [one for one in candidates if one.learning_rate is not None and one.backbone_rate is None]
    by_rate = sorted(uniform, key=lambda one: one.learning_rate or 0.0)
    separate = next((one for one in candidates if one.backbone_rate is not None), None)
    if len({one.learning_rate for one in uniform}) < 2:
        return Roles(fast=by_rate[0] if by_rate else None, separate=separate)
    return Roles(fast=by_rate[-1], slow=by_rate[0], separate=separate)


def conclusion(group: GroupComparison) -> tuple[str, ...]:
    """The pairs in words, the standing first."""
    if not group.pairs:
        return _without_pairs(group)
    return (_standing(group), *(_pair_in_words(group, pair) for pair in group.pairs))


def _standing(group: GroupComparison) -> str:
    rated = [run for run in group.runs if run.accuracy]
    best = max(rated, key=lambda run: run.accuracy.value if run.accuracy else 0.0)
    against = [(run, group.between(best.run, run.run)) for run in rated if run is not best]
    beaten = [named(run.label) for run, pair in against if pair and pair.significant]
    level = [named(run.label) for run, pair in against if pair and not pair.significant]
    first, accuracy = named(best.label), fraction(best.accuracy.value if best.accuracy else None)
    if not beaten:
        return f"No evidence of a difference between {listed([first, *level])}: none stands out."
    if not level:
        return f"{first} has the highest accuracy, {accuracy}: above {listed(beaten)}."
    return (
        f"{first} has the highest accuracy, {accuracy}: above {listed(beaten)}; no evidence of a difference "
        f"from {listed(level)}."
    )


def _pair_in_words(group: GroupComparison, pair: Pair) -> str:
    run, other = named(group.find(pair.run).label), named(group.find(pair.other).label)
    low, high = points(pair.accuracy.low or 0.0), points(pair.accuracy.high or 0.0)
    numbers = f"{points(pair.accuracy.value)} points, {low} to {high}; Holm {p_value(pair.p_holm)}"
    if pair.significant:
        return f"{run} is {'above' if pair.accuracy.value > 0 else 'below'} {other} ({numbers})."
    gap = pair.detectable_gap
    power = f" A gap of {100 * gap:.1f} points would be found in four of five such test sets." if gap else ""
    return f"{run} against {other}: {NO_EVIDENCE} ({numbers}).{power}"


def _without_pairs(group: GroupComparison) -> tuple[str, ...]:
    rated = [run for run in group.runs if run.accuracy]
    if not rated:
        return ("No results yet.",)
    best = max(rated, key=lambda run: run.accuracy.value if run.accuracy else 0.0)
    accuracy = fraction(best.accuracy.value if best.accuracy else None)
    why = "their rows cannot be paired" if group.refused else "the predictions of this epoch do not exist"
    if len(rated) == 1:
        return (f"Only {named(best.label)} has results: accuracy {accuracy}.",)
    return (f"Highest accuracy so far: {named(best.label)}, {accuracy}. Not tested: {why}.",)


def _slower(group: GroupComparison, roles: Roles) -> Answer | None:
    if not (roles.slow and roles.fast):
        return None
    steady, steady_words = _steadier(roles.slow, roles.fast)
    better, better_words = _better(group, roles.slow, roles.fast)
    verdict = f"stability: {steady}; performance: {better}"
    return Answer(Q_SLOWER, verdict, f"{steady_words} {better_words}", RULE_SLOWER)


def _faster(group: GroupComparison, roles: Roles) -> Answer | None:
    if not (roles.slow and roles.fast):
        return None
    fast, slow = roles.fast, roles.slow
    first, second = curves.arrival(fast.results.epochs), curves.arrival(slow.results.epochs)
    if first is None or second is None:
        return Answer(Q_FASTER, CANNOT_SAY, "Accuracy by epoch is not known for both runs yet.", RULE_FASTER)
    speed = "faster" if first < second else "slower" if first > second else "as fast"
    risen = curves.overfits_at(fast.results.epochs)
    overfits = "no overfitting seen" if risen is None else f"overfits by epoch {risen:g}"
    text = (
        f"{named(fast.label)} is within one point of its last accuracy from epoch {first:g}, "
        f"{named(slow.label)} from epoch {second:g}. {_loss_words(fast)}"
    )
    unlearned = [named(one.label) for one in (fast, slow) if group.find(one.run).has_not_learned]
    if unlearned:
        text += (
            f" {listed(unlearned)} ends inside the interval of the majority class: its speed says nothing."
        )
    return Answer(Q_FASTER, f"{speed}; {overfits}", text, RULE_FASTER)


def _separate(group: GroupComparison, roles: Roles) -> Answer | None:
    if not (roles.separate and roles.fast):
        return None
    separate = roles.separate
    uniform = [one for one in (roles.fast, roles.slow) if one]
    tests = [(one, _better(group, separate, one)) for one in uniform]
    text = " ".join(words for _, (_, words) in tests)
    verdicts = {verdict for _, (verdict, _) in tests}
    if CANNOT_SAY in verdicts:
        verdict = CANNOT_SAY
    elif verdicts == {"better"}:
        verdict = "yes: better than " + listed([named(one.label) for one in uniform])
    elif "worse" in verdicts:
        verdict = "no: worse than " + listed(
            [named(one.label) for one, (said, _) in tests if said == "worse"]
        )
    else:
        verdict = NO_EVIDENCE
    return Answer(Q_SEPARATE, verdict, text, RULE_SEPARATE)


def _steadier(one: Candidate, other: Candidate) -> tuple[str, str]:
    first, second = curves.steadiness(one.results.epochs), curves.steadiness(other.results.epochs)
    if first is None or second is None:
        return CANNOT_SAY, "Steadiness needs three epochs of both runs."
    words = (
        f"The change of eval_loss from epoch to epoch has a standard deviation of {first.deviation:.4f} "
        f"({counted(first.rises, 'rise')}) in {named(one.label)}, {second.deviation:.4f} "
        f"({counted(second.rises, 'rise')}) in {named(other.label)}."
    )
    if first.deviation < second.deviation and first.rises <= second.rises:
        return "steadier", words
    if first.deviation > second.deviation and first.rises >= second.rises:
        return "less steady", words
    return "mixed", words


def _better(group: GroupComparison, one: Candidate, other: Candidate) -> tuple[str, str]:
    pair = group.between(one.run, other.run)
    if pair is None:
        both = f"{named(one.label)} and {named(other.label)}"
        return CANNOT_SAY, f"{both} have no predictions of this epoch on the same rows."
    numbers = f"{points(pair.accuracy.value)} points of accuracy, {p_value(pair.p_holm)} after Holm"
    if not pair.significant:
        return NO_EVIDENCE, f"{named(one.label)} against {named(other.label)}: {NO_EVIDENCE} ({numbers})."
    said = "better" if pair.accuracy.value > 0 else "worse"
    return said, f"{named(one.label)} is {said} than {named(other.label)} ({numbers})."


def _loss_words(one: Candidate) -> str:
    losses = [
        (row["epoch"], loss) for row in one.results.epochs if (loss := row.get("eval_loss")) is not None
    ]
    if len(losses) < 2:
        return ""
    lowest = min(losses, key=lambda item: item[1])
    last = losses[-1]
    return f"Its eval_loss is lowest at epoch {lowest[0]:g} ({lowest[1]:.4f}) and ends at {last[1]:.4f}."
