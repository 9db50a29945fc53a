"""Inference and metrics against scipy, statsmodels and scikit-learn, over random cases.

The largest relative difference of every function is printed with `-s`, and in any failure.
"""

from __future__ import annotations

import math
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from statsmodels.stats import multitest, proportion
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from lrdash.results import inference, metrics
from lrdash.results.pairing import Pairing, f1_difference_of_cells

TOLERANCE = 1e-12
RESIDUE = 1e-300
CASES = pytest.param(100, id="100")
ALL_CASES = pytest.param(1000, id="1000", marks=pytest.mark.acceptance)


@dataclass(frozen=True)
class Case:
    """A random classifier's output on a random test set."""

    truths: list[int]
    predicted: list[int]
    probabilities: array[float]
    classes: int

    @property
    def confusion(self) -> metrics.Confusion:
        return metrics.confusion_matrix(self.truths, self.predicted, self.classes)

    @property
    def table(self) -> Any:
        return np.array(self.probabilities).reshape(-1, self.classes)


def random_case(rng: random.Random, classes: int) -> Case:
    """Between 2 and 300 rows, sometimes unbalanced, with tied scores; every class occurs in the truth."""
    n = rng.randint(max(2, classes), 300)
    weights = [rng.choice((0.05, 1.0, 1.0, 3.0)) for _ in range(classes)]
    truths = [*range(classes), *rng.choices(range(classes), weights, k=n - classes)]
    digits = rng.choice((1, 2, 15))
    skill = rng.uniform(0.0, 2.0)
    probabilities = array("d")
    predicted = []
    for truth in truths:
        scores = [math.exp(rng.gauss(skill if at == truth else 0.0, 1.0)) for at in range(classes)]
        parts = [round(score / sum(scores), digits) for score in scores[:-1]]
        parts.append(max(0.0, 1.0 - sum(parts)))
        probabilities.extend(parts)
        predicted.append(max(range(classes), key=parts.__getitem__))
    return Case(truths, predicted, probabilities, classes)


def random_cases(count: int, classes: int = 2) -> Iterator[Case]:
    for at in range(count):
        yield random_case(random.Random(at), classes)


class Largest:
    """The largest relative difference of each function, printed at the end of a test."""

    def __init__(self) -> None:
        self.differences: dict[str, float] = {}

    def hold(self, name: str, ours: float | None, oracle: float) -> None:
        assert ours is not None, f"{name}: None, the oracle says {oracle}"
        # Where an oracle is itself the rest of a subtraction there is no relative precision left to hold to.
        difference = abs(ours - oracle) / (abs(oracle) if abs(oracle) > RESIDUE else 1.0)
        self.differences[name] = max(self.differences.get(name, 0.0), difference)

    def check(self) -> None:
        for name, difference in self.differences.items():
            print(f"  {name:28} largest relative difference {difference:.1e}")
        assert {name: value for name, value in self.differences.items() if value > TOLERANCE} == {}


@pytest.mark.parametrize("count", [CASES, ALL_CASES])
def test_intervals_and_tests_equal_scipys_and_statsmodels(count: int) -> None:
    largest = Largest()
    rng = random.Random(7)
    for _ in range(count):
        n = rng.choice((1, 5, 50, 1500, 100_000))
        k = rng.randint(0, n)
        low, high = inference.wilson_interval(k, n)
        oracle = scipy.stats.binomtest(k, n).proportion_ci(0.95, "wilson")
        largest.hold("wilson low", low, oracle.low)
        largest.hold("wilson high", high, oracle.high)
        stats_low, stats_high = proportion.proportion_confint(k, n, 0.05, "wilson")
        largest.hold("wilson low, statsmodels", low, stats_low)
        largest.hold("wilson high, statsmodels", high, stats_high)
        b, c = rng.randint(0, rng.choice((1, 10, 200))), rng.randint(0, rng.choice((1, 10, 200)))
        largest.hold("McNemar", inference.mcnemar_exact(b, c), _binomial_test(b, c))
        table = [[17, b], [c, 5]]
        largest.hold(
            "McNemar, statsmodels",
            inference.mcnemar_exact(b, c),
            statsmodels_mcnemar(table, exact=True).pvalue,
        )
    largest.check()


@pytest.mark.parametrize("count", [pytest.param(10, id="10"), ALL_CASES])  # statsmodels takes 0.1 s each
def test_holm_equals_statsmodels(count: int) -> None:
    largest = Largest()
    rng = random.Random(13)
    for _ in range(count):
        p_values = [rng.random() ** 3 for _ in range(rng.randint(1, 12))]
        oracle = multitest.multipletests(p_values, method="holm")[1]
        for ours, theirs in zip(inference.holm(p_values), oracle, strict=True):
            largest.hold("Holm", ours, float(theirs))
    largest.check()


def _binomial_test(b: int, c: int) -> float:
    return float(scipy.stats.binomtest(b, b + c).pvalue) if b + c else 1.0


@pytest.mark.parametrize("count", [CASES, ALL_CASES])
def test_binary_metrics_equal_scikit_learns(count: int) -> None:
    largest = Largest()
    for case in random_cases(count):
        confusion, y, guess = case.confusion, case.truths, case.predicted
        quality = metrics.probability_metrics(y, guess, case.probabilities, 2, 1)
        score = case.table[:, 1]
        assert confusion == tuple(map(tuple, sk.confusion_matrix(y, guess, labels=[0, 1]).tolist()))
        largest.hold("accuracy", metrics.accuracy(confusion), sk.accuracy_score(y, guess))
        largest.hold(
            "balanced accuracy", metrics.balanced_accuracy(confusion), sk.balanced_accuracy_score(y, guess)
        )
        largest.hold("F1", metrics.f1(confusion, 1), sk.f1_score(y, guess, zero_division=0))
        largest.hold("macro-F1", metrics.macro_f1(confusion), sk.f1_score(y, guess, average="macro"))
        largest.hold("recall", metrics.recall(confusion, 1), sk.recall_score(y, guess))
        if 1 in guess:
            largest.hold("precision", metrics.precision(confusion, 1), sk.precision_score(y, guess))
        largest.hold("MCC", metrics.mcc(confusion), sk.matthews_corrcoef(y, guess))
        largest.hold("AUROC", quality.auroc, sk.roc_auc_score(y, score))
        largest.hold("log-loss", quality.log_loss, sk.log_loss(y, case.table, labels=[0, 1]))
        largest.hold("Brier", quality.brier, sk.brier_score_loss(y, score))
        largest.hold("ECE", quality.ece, _ece(case))
    largest.check()


@pytest.mark.parametrize("count", [CASES, ALL_CASES])
def test_metrics_of_more_classes_equal_scikit_learns(count: int) -> None:
    largest = Largest()
    for case in random_cases(count, classes=4):
        confusion, y, guess = case.confusion, case.truths, case.predicted
        quality = metrics.probability_metrics(y, guess, case.probabilities, 4, None)
        kinds = [(truth, said) for truth in range(4) for said in range(4)]
        counts = [confusion[truth][said] for truth, said in kinds]
        macro = sk.f1_score(y, guess, average="macro")
        largest.hold("macro-F1", metrics.f1(confusion, None), macro)
        largest.hold("macro-F1 of cells", metrics.macro_f1_of_cells(kinds, counts), macro)
        largest.hold("MCC", metrics.mcc(confusion), sk.matthews_corrcoef(y, guess))
        largest.hold("recall", metrics.recall(confusion, None), sk.recall_score(y, guess, average="macro"))
        largest.hold("AUROC", quality.auroc, np.mean([_auroc_of(case, at) for at in range(4)]))
        largest.hold("log-loss", quality.log_loss, sk.log_loss(y, case.table, labels=range(4)))
        largest.hold("Brier", quality.brier, _brier(case))
    largest.check()


@pytest.mark.parametrize(
    ("y", "guess"),
    [([0, 0, 1, 2, 2], [0, 0, 1, 1, 1]), ([0, 1, 1], [0, 1, 3])],
    ids=["one is never predicted", "one is never true"],
)
def test_means_over_classes_that_do_not_all_occur_equal_scikit_learns(y: list[int], guess: list[int]) -> None:
    confusion = metrics.confusion_matrix(y, guess, 4)
    ours = [score(confusion, None) for score in (metrics.precision, metrics.recall, metrics.f1)]
    theirs = sk.precision_recall_fscore_support(y, guess, average="macro", zero_division=0)[:3]
    assert ours == pytest.approx(theirs)


def _auroc_of(case: Case, at: int) -> float:
    return float(sk.roc_auc_score([truth == at for truth in case.truths], case.table[:, at]))


def _brier(case: Case) -> float:
    truth = np.eye(case.classes)[case.truths]
    return float(np.mean(np.sum((case.table - truth) ** 2, axis=1)))


@pytest.mark.parametrize("count", [CASES, ALL_CASES])
def test_reliability_bins_equal_scikit_learns_calibration_curve(count: int) -> None:
    """The curve has the bins that are not empty."""
    largest = Largest()
    for case in random_cases(count):
        confidence = case.table[np.arange(len(case.truths)), case.predicted]
        right = np.array(case.truths) == np.array(case.predicted)
        bins = metrics.reliability_bins(confidence.tolist(), right.tolist())
        accuracies, confidences = calibration_curve(right, confidence, n_bins=metrics.ECE_BINS)
        filled = [one for one in bins if one.count]
        assert len(filled) == len(accuracies)
        for one, accuracy, mean in zip(filled, accuracies, confidences, strict=True):
            largest.hold("accuracy of a bin", one.accuracy, accuracy)
            largest.hold("confidence of a bin", one.confidence, mean)
        assert sum(one.count for one in bins) == len(right)
    largest.check()


def _ece(case: Case) -> float:
    """Guo et al. with numpy: bins (low, high], weighted by their counts."""
    confidence = case.table[np.arange(len(case.truths)), case.predicted]
    right = np.array(case.truths) == np.array(case.predicted)
    place = np.ceil(confidence * metrics.ECE_BINS).clip(1, metrics.ECE_BINS)
    total = 0.0
    for at in range(1, metrics.ECE_BINS + 1):
        inside = place == at
        if inside.any():
            total += inside.sum() * abs(right[inside].mean() - confidence[inside].mean())
    return total / len(right)


@pytest.mark.parametrize(
    ("cells", "published"),
    [
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((20, 12, 2, 16), (0.0562, 0.3292)),
        ((18, 12, 2, 18), (0.0562, 0.3290)),
        ((36, 14, 0, 0), (0.1528, 0.4167)),
        ((35, 14, 0, 1), (0.1461, 0.4175)),
        ((18, 14, 0, 18), (0.1441, 0.3963)),
        ((2, 97, 1, 0), (0.8721, 0.9854)),
        ((1, 97, 1, 1), (0.8736, 0.9850)),
        ((0, 30, 0, 0), (0.8395, 1.0)),
        ((54, 0, 0, 0), (-0.0664, 0.0664)),
        ((30, 0, 0, 24), (-0.0358, 0.0358)),
    ],
)
def test_newcombes_interval_equals_the_published_one(
    cells: tuple[int, int, int, int], published: tuple[float, float]
) -> None:
    """R. G. Newcombe, Stat. Med. 17 (1998) 2635, table III, method 10."""
    low, high = inference.paired_difference_interval(*cells)
    assert (low, high) == (pytest.approx(published[0], abs=1e-4), pytest.approx(published[1], abs=1e-4))


@pytest.mark.parametrize("count", [CASES, ALL_CASES])
def test_newcombes_interval_without_correlation_is_the_unpaired_one(count: int) -> None:
    """With phi = 0 method 10 is Newcombe's score interval for two samples, which statsmodels has."""
    largest = Largest()
    rng = random.Random(11)
    for _ in range(count):
        # Margins whose product table is whole: both x neither = only_first x only_second.
        a, b, c, d = (rng.randint(1, 30) for _ in range(4))
        both, only_first, only_second, neither = a * c, a * d, b * c, b * d
        n = both + only_first + only_second + neither
        low, high = inference.paired_difference_interval(both, only_first, only_second, neither)
        oracle = proportion.confint_proportions_2indep(
            both + only_first, n, both + only_second, n, method="newcomb", compare="diff"
        )
        largest.hold("Newcombe low", low, oracle[0])
        largest.hold("Newcombe high", high, oracle[1])
    largest.check()


def _standard_error(cells: list[int], statistic: Callable[[Any], Any], seed: int) -> float:
    """scipy's bootstrap over rows, each row being the number of its cell."""
    rows = np.repeat(np.arange(len(cells)), cells)
    counted = scipy.stats.bootstrap(
        (rows,),
        lambda sample, axis: statistic(np.stack([(sample == at).sum(axis=axis) for at in range(len(cells))])),
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=True,
        batch=2000,
        rng=np.random.default_rng(seed),
    )
    return float(counted.standard_error)


RESAMPLES = 8000


def _f1(cells: Any) -> Any:
    return 2 * cells[0] / np.maximum(2 * cells[0] + cells[1] + cells[2], 1)


def _f1_difference(cells: Any) -> Any:
    first = _f1((cells[6] + cells[7], cells[2] + cells[3], cells[4] + cells[5]))
    return first - _f1((cells[5] + cells[7], cells[1] + cells[3], cells[4] + cells[6]))


@pytest.mark.parametrize(
    "count", [pytest.param(4, id="4"), pytest.param(150, id="150", marks=pytest.mark.acceptance)]
)
def test_bootstrap_has_scipys_standard_error(count: int) -> None:
    worst = 0.0
    rng = random.Random(3)
    for at in range(count):
        f1_cells = [rng.randint(20, 60), rng.randint(3, 30), rng.randint(3, 30), rng.randint(20, 60)]
        pair_cells = [rng.randint(3, 30) for _ in range(8)]
        for cells, ours, theirs in (
            (f1_cells, metrics.f1_of_cells, _f1),
            (pair_cells, f1_difference_of_cells, _f1_difference),
        ):
            drawn = inference.bootstrap_counts(cells, ours, RESAMPLES, seed=at)
            oracle = _standard_error(cells, theirs, at)
            worst = max(worst, abs(float(np.std(drawn, ddof=1)) / oracle - 1))
    print(f"  bootstrap standard error: largest difference {100 * worst:.1f} %")
    assert worst <= 0.05


@pytest.mark.parametrize(
    ("n", "p"), [(5, 0.3), (40, 0.1), (40, 0.7), (1500, 0.02), (1500, 0.5), (100_000, 0.9)]
)
def test_binomial_draws_are_binomial(n: int, p: float) -> None:
    rng = random.Random(1)
    drawn = np.bincount([inference.binomial(rng, n, p) for _ in range(20_000)])
    expected = scipy.stats.binom(n, p).pmf(np.arange(len(drawn))) * 20_000
    common = expected >= 5
    observed = np.append(drawn[common], drawn[~common].sum())
    wanted = np.append(expected[common], 20_000 - expected[common].sum())
    kept = wanted >= 1
    statistic = float(np.sum((observed[kept] - wanted[kept]) ** 2 / wanted[kept]))
    assert scipy.stats.chi2(kept.sum() - 1).sf(statistic) > 1e-4


def test_smallest_detectable_gap_is_found_four_times_in_five() -> None:
    """Simulated: McNemar's test at the gap that is named, with the discordance that it was named for."""
    n, discordant = 1500, 150
    gap = inference.smallest_detectable_gap(n, discordant, 0.05)
    assert gap == pytest.approx(0.023, abs=0.001)
    draws = np.random.default_rng(5).multinomial(
        n, [(discordant / n + gap) / 2, (discordant / n - gap) / 2, 1 - discordant / n], 2000
    )
    found = np.mean([inference.mcnemar_exact(int(b), int(c)) < 0.05 for b, c, _ in draws])
    assert 0.75 < found < 0.85


def test_a_gap_below_six_rows_is_never_detectable() -> None:
    assert inference.smallest_detectable_gap(100, 0, 0.05) == 0.06
    assert inference.mcnemar_exact(6, 0) < 0.05 < inference.mcnemar_exact(5, 0)
    assert inference.smallest_detectable_gap(0, 0, 0.05) is None


def test_newcombes_interval_covers_the_truth() -> None:
    """The 95 % interval holds the true difference in 93 to 97.5 % of simulated test sets."""
    shares = [0.6, 0.12, 0.05, 0.23]
    draws = np.random.default_rng(9).multinomial(300, shares, 3000)
    inside = 0
    for cells in draws:
        low, high = inference.paired_difference_interval(*map(int, cells))
        inside += low <= shares[1] - shares[2] <= high
    assert 0.93 < inside / len(draws) < 0.975


def test_f1_of_a_pair_is_the_difference_of_the_two_runs() -> None:
    rng = random.Random(2)
    for case in random_cases(50):
        guesses = [rng.randint(0, 1) for _ in case.truths]
        pairing = Pairing(Counter(zip(case.truths, case.predicted, guesses, strict=True)), 1)
        expected = sk.f1_score(case.truths, case.predicted) - sk.f1_score(case.truths, guesses)
        assert f1_difference_of_cells(pairing.f1_cells) == pytest.approx(expected, abs=1e-12)
        assert pairing.both + pairing.only_first + pairing.only_second + pairing.neither == pairing.n
