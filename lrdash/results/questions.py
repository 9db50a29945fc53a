"""The comparison in words: the conclusion, and the experiment's three questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, isclose

from msgspec.structs import replace

from lrdash.results import curves
from lrdash.results.candidates import Candidate
from lrdash.results.comparison import Answer, GroupComparison, Pair, RunSummary
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

    @property
    def parts(self) -> tuple[str | None, ...]:
        """The configuration that plays each part."""
        return tuple(one.configuration if one else None for one in (self.fast, self.slow, self.separate))


def answers(group: GroupComparison, candidates: Sequence[Candidate]) -> tuple[Answer, ...]:
    """Those of the experiment's questions that this group's runs can be asked."""
    roles, seed = _roles_of_one_seed(group, candidates)
    every = (_slower(group, roles), _faster(group, roles), _separate(group, roles))
    return tuple(_with_seed(answer, seed) for answer in every if answer)


def _roles_of_one_seed(group: GroupComparison, candidates: Sequence[Candidate]) -> tuple[Roles, object]:
    """The parts, taken by runs of the baseline's seed where there are several; and that seed, to be said."""
    roles = find_roles(candidates)
    seeds = {one.seed for one in candidates} - {None}
    seed = next((one.seed for one in candidates if one.run == group.baseline), None)
    if len(seeds) < 2 or seed is None:
        return roles, None
    of_seed = find_roles([one for one in candidates if one.seed == seed])
    return (of_seed, seed) if of_seed.parts == roles.parts else (roles, None)


def _with_seed(answer: Answer, seed: object) -> Answer:
    text = answer.text if seed is None else f"Of the runs with seed {seed}: {answer.text}"
    return replace(answer, text=text)


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
    pairs = (_pair_in_words(group, pair) for pair in group.pairs)
    return (_standing(group) + _untested(group), *pairs)


def unrelated(group: GroupComparison) -> tuple[str, ...]:
    """Of runs that nobody says to be scored on the same rows: no order, no test."""
    if not any(run.accuracy for run in group.runs):
        return ("No results yet.",)
    if len(group.runs) == 1:
        return _without_pairs(group)
    return ("Not ranked: without predictions nothing says that these runs were scored on the same rows.",)


def _standing(group: GroupComparison) -> str:
    """The best of the tested runs against the others; what was not tested has no part in it."""
    names = _tested(group)
    tested = [run for run in group.runs if run.run in names]
    is_whole = not _left_out(group)
    found = [pair for pair in group.pairs if pair.significant]
    if not found:
        stands_out = ": none stands out" if is_whole else ""
        return f"No evidence of a difference between {_couples_in_words(group, tested)}{stands_out}."
    best = max(tested, key=_accuracy)
    against = [(run, group.between(best.run, run.run)) for run in tested]
    beaten = [named(run.label) for run, pair in against if pair and pair.significant]
    level = [named(run.label) for run, pair in against if pair and not pair.significant]
    first = "" if is_whole else "Of those tested, "
    first += f"{named(best.label)} has the highest accuracy, {fraction(_accuracy(best))}"
    if beaten and not level:
        return f"{first}: above {listed(beaten)}."
    if beaten:
        return f"{first}: above {listed(beaten)}; no evidence of a difference from {listed(level)}."
    others = listed([_above_in_words(group, pair) for pair in found])
    return f"{first}, without evidence of a difference from {listed(level)}; {others}."


def _couples_in_words(group: GroupComparison, tested: Sequence[RunSummary]) -> str:
    names = [named(run.label) for run in tested]
    if len(group.pairs) == comb(len(tested), 2):
        return listed(names) if len(names) < 3 else f"any of {listed(names)}"
    return f"the runs of any of the {len(group.pairs)} pairs tested"


def _above_in_words(group: GroupComparison, pair: Pair) -> str:
    upper, lower = (pair.run, pair.other) if pair.accuracy.value > 0 else (pair.other, pair.run)
    return f"{named(group.find(upper).label)} is above {named(group.find(lower).label)}"


def _untested(group: GroupComparison) -> str:
    """What the standing leaves out."""
    left = _left_out(group)
    if not left:
        return ""
    said = listed([f"{named(run.label)} ({_accuracy_in_words(run)})" for run in left])
    have = "it has" if len(left) == 1 else "they have"
    return f" Not tested: {said}; {have} no predictions of this epoch on the same rows."


def _left_out(group: GroupComparison) -> list[RunSummary]:
    """Runs with an accuracy that no pair has: still in training, or on other rows."""
    tested = _tested(group)
    return [run for run in group.runs if run.accuracy and run.run not in tested]


def _tested(group: GroupComparison) -> set[str]:
    """Runs that some pair has."""
    return {run for pair in group.pairs for run in (pair.run, pair.other)}


def _accuracy(run: RunSummary) -> float:
    return run.accuracy.value if run.accuracy else 0.0


def _accuracy_in_words(run: RunSummary) -> str:
    at = "" if run.epoch is None else f" at epoch {run.epoch:g}"
    return f"{fraction(_accuracy(run))}{at}"


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
    best = max(rated, key=_accuracy)
    accuracy = fraction(_accuracy(best))
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
    unlearned = [named(one.label) for one in (fast, slow) if group.find(one.run).has_not_learned]
    speed = "faster" if first < second else "slower" if first > second else "as fast"
    risen = curves.overfits_at(fast.results.epochs)
    overfits = "no overfitting seen" if risen is None else f"overfits by epoch {risen:g}"
    text = (
        f"{named(fast.label)} is within one point of its last accuracy from epoch {first:g}, "
        f"{named(slow.label)} from epoch {second:g}. {_loss_words(fast)}"
    )
    if unlearned:
        speed, end = CANNOT_SAY, "ends" if len(unlearned) == 1 else "end"
        text += f" {listed(unlearned)} {end} inside the interval of the majority class: no speed to compare."
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
    if (
        isclose(first.deviation, second.deviation, rel_tol=1e-9, abs_tol=1e-12)
        and first.rises == second.rises
    ):
        return "as steady", words
    if first.deviation < second.deviation and first.rises <= second.rises:
        return "steadier", words
    if first.deviation > second.deviation and first.rises >= second.rises:
        return "less steady", words
    return "mixed", words


def _better(group: GroupComparison, one: Candidate, other: Candidate) -> tuple[str, str]:
    pair = group.between(one.run, other.run)
    if pair is None:
        both = f"{named(one.label)} and {named(other.label)}"
        if {one.run, other.run} <= _tested(group):
            return CANNOT_SAY, f"{both} were not tested against each other: take one of them as the baseline."
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
