"""The conclusion in words: true of every run that it names."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from lrdash.results.candidates import Candidate
from lrdash.results.caveats import caveats_of
from lrdash.results.comparison import Estimate, GroupComparison, Pair, RunSummary
from lrdash.results.documents import RunResults
from lrdash.results.questions import answers, conclusion
from tests.results.making import epoch_row


def a_run(name: str, accuracy: float, epoch: float = 6.0) -> RunSummary:
    return RunSummary(run=name, label=name, epoch=epoch, accuracy=Estimate(accuracy))


def a_pair(run: str, other: str, difference: float, p: float) -> Pair:
    return Pair(
        run=run, other=other, n=1500, only_run=50, only_other=50, accuracy=Estimate(difference, -0.1, 0.1),
        f1=Estimate(0.0), p=p, p_holm=p, detectable_gap=0.02,
    )  # fmt: skip


def said_of(*runs: RunSummary, pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    return conclusion(GroupComparison(group="text", runs=runs, pairs=pairs))


def test_a_run_without_a_test_has_no_part_in_the_standing() -> None:
    first, *_ = said_of(
        a_run("A", 0.95, epoch=3), a_run("B", 0.9), a_run("C", 0.625), pairs=(a_pair("C", "B", -0.275, 1e-9),)
    )
    left = "Not tested: A (0.950 at epoch 3); it has no predictions of this epoch on the same rows."
    assert first == f"Of those tested, B has the highest accuracy, 0.900: above C. {left}"
    first, *_ = said_of(
        a_run("A", 0.95, epoch=3), a_run("B", 0.62), a_run("C", 0.625), pairs=(a_pair("C", "B", 0.005, 0.9),)
    )
    assert first == f"No evidence of a difference between B and C. {left}"


def test_a_difference_between_two_others_is_named() -> None:
    pairs = (a_pair("B", "A", -0.005, 1.0), a_pair("C", "A", -0.035, 0.2), a_pair("C", "B", -0.03, 0.0015))
    first = said_of(a_run("A", 0.755), a_run("B", 0.75), a_run("C", 0.72), pairs=pairs)[0]
    assert first == (
        "A has the highest accuracy, 0.755, without evidence of a difference from B and C; B is above C."
    )


def test_no_evidence_is_said_of_the_pairs_that_were_tested() -> None:
    runs = (a_run("A", 0.75), a_run("B", 0.75), a_run("C", 0.75))
    every = (a_pair("B", "A", 0, 1.0), a_pair("C", "A", 0, 1.0), a_pair("C", "B", 0, 1.0))
    assert said_of(*runs, pairs=every)[0] == (
        "No evidence of a difference between any of A, B and C: none stands out."
    )
    assert said_of(*runs, pairs=every[:2])[0] == (
        "No evidence of a difference between the runs of any of the 2 pairs tested: none stands out."
    )


def test_runs_that_were_not_tested_against_each_other_are_said_to_be_so() -> None:
    """In a large group each run meets the baseline only."""
    rates = {"A": 2e-5, "B": 2e-6, "C": 1e-5}
    candidates = [Candidate(name, name, "text", args={"learning_rate": rate}) for name, rate in rates.items()]
    runs = tuple(a_run(name, 0.75) for name in rates)
    pairs = (a_pair("A", "C", 0, 1.0), a_pair("B", "C", 0, 1.0))
    slower = answers(GroupComparison(group="text", runs=runs, pairs=pairs), candidates)[0]
    assert "B and A were not tested against each other: take one of them as the baseline." in slower.text


@pytest.mark.parametrize(("scale", "said"), [(1.0, "as steady"), (2.0, "steadier")])
def test_equal_curves_are_equally_steady(scale: float, said: str) -> None:
    losses = (0.7, 0.6, 0.55, 0.53)
    found = []
    for name, rate, factor in (("slow", 2e-6, 1.0), ("fast", 2e-5, scale)):
        rows = tuple(epoch_row(at, 0.7, factor * loss, 0.5) for at, loss in enumerate(losses, 1))
        found.append(
            Candidate(name, name, "text", args={"learning_rate": rate}, results=RunResults(epochs=rows))
        )
    group = GroupComparison(group="text", runs=(a_run("slow", 0.7), a_run("fast", 0.7)))
    assert answers(group, found)[0].verdict.startswith(f"stability: {said};")


def fast_and_slow(*accuracies: float, majority: float = 0.5) -> tuple[GroupComparison, list[Candidate]]:
    """Two runs of two epochs; their accuracy's interval reaches a tenth down."""
    runs, found = [], []
    for name, rate, accuracy in zip(("fast", "slow"), (2e-5, 2e-6), accuracies, strict=True):
        rows = tuple(epoch_row(at, accuracy - 0.1 * (2 - at), 0.5, 0.5) for at in (1, 2))
        args, estimate = {"learning_rate": rate}, Estimate(accuracy, accuracy - 0.1, accuracy + 0.1)
        found.append(Candidate(name, name, "text", args=args, results=RunResults(epochs=rows)))
        run = a_run(name, accuracy, epoch=2)
        runs.append(replace(run, accuracy=estimate, majority=majority, learning_rate=rate))
    return GroupComparison(group="text", runs=tuple(runs)), found


def test_a_run_that_learned_nothing_has_no_speed() -> None:
    learned, not_learned = (answers(*fast_and_slow(0.7, 0.7, majority=share))[1] for share in (0.5, 0.65))
    assert learned.verdict == "as fast; no overfitting seen"
    assert not_learned.verdict == "cannot say; no overfitting seen"
    assert not_learned.text.endswith(
        "fast and slow end inside the interval of the majority class: no speed to compare."
    )


@pytest.mark.parametrize(("slow", "is_said"), [(0.6, True), (0.7, False)])
def test_the_edge_of_the_rates_is_told_of_a_run_that_is_ahead(slow: float, is_said: bool) -> None:
    told = caveats_of(*fast_and_slow(0.7, slow), "last")
    assert any("at the upper edge of the rates tried" in one for one in told) == is_said
