"""A comparison with every kind of outcome, as the demo's text runs really ended."""

from __future__ import annotations

from lrdash.results.comparison import Answer, Comparison, Estimate, GroupComparison, Pair, RunSummary
from tests.ui.fakes import NAMES, RATES

CONFUSIONS = (((110, 11), (20, 109)), ((100, 21), (59, 70)), ((95, 26), (54, 75)))
VALUES = ((0.876, 0.829, 0.911), (0.680, 0.620, 0.735), (0.680, 0.620, 0.735))


def a_comparison() -> Comparison:
    names = [f"text_trainagreeing_{name}" for name in NAMES]
    runs = tuple(
        RunSummary(
            run=name,
            label=RATES[at][2],
            group="text",
            index=at,
            learning_rate=RATES[at][0],
            cls_backbone_learning_rate=RATES[at][1],
            epoch=6.0,
            n=250,
            accuracy=Estimate(*VALUES[at]),
            f1=Estimate(VALUES[at][0] - 0.01),
            macro_f1=VALUES[at][0] - 0.004,
            mcc=0.75 - 0.4 * (at > 0),
            auroc=0.94 - 0.2 * (at > 0),
            log_loss=0.297 + 0.32 * (at > 0),
            majority=0.516,
            confusion=CONFUSIONS[at],
            labels=("concurrency", "data"),
        )
        for at, name in enumerate(names)
    )
    pairs = (
        Pair(
            run=names[1],
            other=names[0],
            n=250,
            only_run=9,
            only_other=58,
            accuracy=Estimate(-0.196, -0.256, -0.134),
            f1=Estimate(-0.19, -0.25, -0.13),
            p=1e-9,
            p_holm=3e-9,
            detectable_gap=0.064,
        ),
        Pair(
            run=names[2],
            other=names[0],
            n=250,
            only_run=9,
            only_other=58,
            accuracy=Estimate(-0.196, -0.256, -0.134),
            f1=Estimate(-0.19, -0.25, -0.13),
            p=1e-9,
            p_holm=3e-9,
            detectable_gap=0.064,
        ),
        Pair(
            run=names[2],
            other=names[1],
            n=250,
            only_run=4,
            only_other=4,
            accuracy=Estimate(0.0, -0.025, 0.025),
            f1=Estimate(0.001, -0.02, 0.02),
            p=1.0,
            p_holm=1.0,
            detectable_gap=0.041,
        ),
    )
    group = GroupComparison(
        group="text",
        labels=("concurrency", "data"),
        positive="data",
        baseline=names[0],
        runs=runs,
        pairs=pairs,
        conclusion=(
            "2e-5 is better than both others, by 19.6 points of accuracy.",
            "2e-6 against 2e-5, backbone 2e-6: no evidence of a difference.",
        ),
        answers=(
            Answer(
                "Does the slower learning rate improve stability?",
                "steadier, but worse",
                "The change of eval_loss from epoch to epoch is smaller in 2e-6.",
                "smaller deviation",
            ),
        ),
        caveats=("One seed: the tests cover the choice of test rows, not of the seed.",),
    )
    return Comparison(sweep="lr_experiment_v7", epoch="last", groups=(group,))
