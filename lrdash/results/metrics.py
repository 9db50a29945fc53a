"""What a classifier's predictions are worth: from its confusion matrix, and from its probabilities.

A metric that is not defined for the rows at hand (AUROC of one class only) is None, never zero.
"""

from __future__ import annotations

import itertools
import math
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import compress, pairwise
from operator import eq, not_

import msgspec

ECE_BINS = 15
SMALLEST_PROBABILITY = 2.220446049250313e-16
"""Probabilities are kept this far from 0 and 1 in the log-loss, as scikit-learn does."""

Confusion = tuple[tuple[int, ...], ...]
"""Rows are true classes, columns predicted ones."""


class Bin(msgspec.Struct, frozen=True):
    """One bar of a reliability diagram: rows whose top probability lies in (low, high]."""

    low: float
    high: float
    count: int
    confidence: float | None
    """Mean top probability."""
    accuracy: float | None


class ProbabilityMetrics(msgspec.Struct, frozen=True):
    auroc: float | None = None
    """Of the positive class; the mean over classes, each against the rest, when there are more than two."""
    log_loss: float | None = None
    brier: float | None = None
    """Mean square of (probability of the positive class - truth); summed over classes beyond two."""
    ece: float | None = None
    bins: tuple[Bin, ...] = ()


def confusion_matrix(truths: Sequence[int], predicted: Sequence[int], classes: int) -> Confusion:
    counts = Counter(zip(truths, predicted, strict=True))
    return tuple(tuple(counts[truth, guess] for guess in range(classes)) for truth in range(classes))


def accuracy(confusion: Confusion) -> float | None:
    return _ratio(sum(row[at] for at, row in enumerate(confusion)), _total(confusion))


def precision(confusion: Confusion, positive: int | None) -> float | None:
    """Of the positive class; the mean over classes where there is none."""
    if positive is None:
        return _macro(precision, confusion)
    return _ratio(confusion[positive][positive], sum(row[positive] for row in confusion))


def recall(confusion: Confusion, positive: int | None) -> float | None:
    """Of the positive class; the mean over classes where there is none."""
    if positive is None:
        return _macro(recall, confusion)
    return _ratio(confusion[positive][positive], sum(confusion[positive]))


def f1_cells(confusion: Confusion, positive: int) -> tuple[int, int, int, int]:
    """True positives, false positives, false negatives, and all the rest."""
    hits = confusion[positive][positive]
    false_alarms = sum(row[positive] for row in confusion) - hits
    misses = sum(confusion[positive]) - hits
    return hits, false_alarms, misses, _total(confusion) - hits - false_alarms - misses


def f1_of_cells(cells: Sequence[int]) -> float:
    """F1 of (hits, false alarms, misses, ...); 0 where it is undefined, as scikit-learn has it."""
    hits, false_alarms, misses = cells[0], cells[1], cells[2]
    return 2 * hits / (2 * hits + false_alarms + misses) if hits else 0.0


def f1(confusion: Confusion, positive: int | None) -> float | None:
    """Of the positive class; macro-F1 where there is none.

    None when the class occurs neither in the truth nor in the predictions.
    """
    if positive is None:
        return macro_f1(confusion)
    cells = f1_cells(confusion, positive)
    return f1_of_cells(cells) if any(cells[:3]) else None


def macro_f1(confusion: Confusion) -> float | None:
    """The mean F1 of the classes that occur in truth or predictions."""
    return _macro(f1, confusion)


def _macro(score: Callable[[Confusion, int], float | None], confusion: Confusion) -> float | None:
    """Its mean over the classes that occur in truth or predictions; as in scikit-learn 0 where undefined."""
    occurring = [at for at in range(len(confusion)) if any(f1_cells(confusion, at)[:3])]
    return _mean([score(confusion, at) or 0.0 for at in occurring])


def macro_f1_of_cells(kinds: Sequence[tuple[int, int]], counts: Sequence[int]) -> float:
    """Macro-F1 of as many rows of each kind (truth, prediction); 0 without rows."""
    hits: Counter[int] = Counter()
    sums: Counter[int] = Counter()
    for (truth, guess), count in zip(kinds, counts, strict=True):
        hits[truth] += count if truth == guess else 0
        sums[truth] += count
        sums[guess] += count
    values = [2 * hits[at] / total for at, total in sums.items() if total]
    return sum(values) / len(values) if values else 0.0


def balanced_accuracy(confusion: Confusion) -> float | None:
    """The mean recall of the classes that occur in the truth."""
    return _mean([value for at in range(len(confusion)) if (value := recall(confusion, at)) is not None])


def mcc(confusion: Confusion) -> float | None:
    """Matthews' correlation for any number of classes (J. Gorodkin, Comput. Biol. Chem. 28 (2004) 367).

    0 for a run that predicts one class only; None when the truth has one class only.
    """
    n = _total(confusion)
    truths = [sum(row) for row in confusion]
    guesses = [sum(column) for column in zip(*confusion, strict=True)]
    spread_truth, spread_guess = n * n - _squares(truths), n * n - _squares(guesses)
    if not spread_truth:
        return None
    hits = sum(row[at] for at, row in enumerate(confusion))
    covariance = hits * n - sum(t * g for t, g in zip(truths, guesses, strict=True))
    return covariance / math.sqrt(spread_truth * spread_guess) if spread_guess else 0.0


def majority_share(confusion: Confusion) -> float | None:
    """The accuracy of always saying the most frequent class."""
    return _ratio(max((sum(row) for row in confusion), default=0), _total(confusion))


def predicted_classes(confusion: Confusion) -> int:
    """How many classes were predicted at all; 1 is a collapsed run."""
    return sum(1 for column in zip(*confusion, strict=True) if any(column))


def probability_metrics(
    truths: Sequence[int],
    predicted: Sequence[int],
    probabilities: array[float],
    classes: int,
    positive: int | None,
) -> ProbabilityMetrics:
    """Metrics of a flat array with `classes` probabilities a row."""
    n = len(truths)
    if not n:
        return ProbabilityMetrics()
    columns = [probabilities[at::classes] for at in range(classes)]
    bins = reliability_bins(
        probabilities_of(predicted, probabilities, classes), list(map(eq, truths, predicted))
    )
    per_class = list(range(classes)) if positive is None else [positive]
    return ProbabilityMetrics(
        auroc=_mean_of_all([auroc([truth == at for truth in truths], columns[at]) for at in per_class]),
        log_loss=log_loss(truths, probabilities, classes),
        brier=sum(_squared_errors(truths, columns[at], at) for at in per_class) / n,
        ece=expected_calibration_error(bins),
        bins=bins,
    )


def probabilities_of(labels: Sequence[int], probabilities: Sequence[float], classes: int) -> list[float]:
    """The probability that each row's output gives to a label."""
    return [probabilities[start + label] for start, label in zip(itertools.count(0, classes), labels)]


def auroc(positives: Sequence[bool], scores: Sequence[float]) -> float | None:
    """The chance that a positive row scores above a negative one, ties counting half.

    H. B. Mann and D. R. Whitney, Ann. Math. Statist. 18 (1947) 50. None for one class only.
    """
    above, below = sorted(compress(scores, positives)), sorted(compress(scores, map(not_, positives)))
    lower = upto = twice_won = 0
    for score in above:
        while lower < len(below) and below[lower] < score:
            lower += 1
        upto = max(upto, lower)
        while upto < len(below) and below[upto] == score:
            upto += 1
        twice_won += lower + upto
    return twice_won / (2 * len(above) * len(below)) if above and below else None


def log_loss(truths: Sequence[int], probabilities: Sequence[float], classes: int) -> float | None:
    low, high = SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY
    given = probabilities_of(truths, probabilities, classes)
    if given and not (low <= min(given) and max(given) <= high):
        given = [min(max(p, low), high) for p in given]
    return -math.fsum(map(math.log, given)) / len(given) if given else None


def reliability_bins(
    confidences: Sequence[float], rights: Sequence[bool], bins: int = ECE_BINS
) -> tuple[Bin, ...]:
    """Equal-width bins of the predicted class's probability; C. Guo et al., ICML 2017."""
    hits, misses = sorted(compress(confidences, rights)), sorted(compress(confidences, map(not_, rights)))
    edges = [at / bins for at in range(1, bins)]
    found = []
    for at, (inside, outside) in enumerate(zip(_parts(hits, edges), _parts(misses, edges), strict=True)):
        count = len(inside) + len(outside)
        total = math.fsum(inside) + math.fsum(outside)
        bar = Bin(at / bins, (at + 1) / bins, count, _ratio(total, count), _ratio(len(inside), count))
        found.append(bar)
    return tuple(found)


def _parts(ordered: Sequence[float], edges: Sequence[float]) -> Iterator[Sequence[float]]:
    """Sorted values cut after each edge; a value on an edge lies before it."""
    cuts = [0, *(bisect_right(ordered, edge) for edge in edges), len(ordered)]
    return (ordered[low:high] for low, high in pairwise(cuts))


def expected_calibration_error(bins: Sequence[Bin]) -> float | None:
    """The mean distance of confidence and accuracy, weighted by the bins' counts."""
    n = sum(one.count for one in bins)
    gaps = [one.count * abs((one.accuracy or 0.0) - (one.confidence or 0.0)) for one in bins if one.count]
    return math.fsum(gaps) / n if n else None


def _squared_errors(truths: Sequence[int], scores: Sequence[float], positive: int) -> float:
    return math.fsum(
        [(score - (truth == positive)) ** 2 for score, truth in zip(scores, truths, strict=True)]
    )


def _total(confusion: Confusion) -> int:
    return sum(map(sum, confusion))


def _squares(values: Sequence[int]) -> int:
    return sum(value * value for value in values)


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _mean_of_all(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if len(known) == len(values) else None
