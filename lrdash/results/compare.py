"""From candidates to a Comparison: metrics of each run, tests of each pair, and the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations

from msgspec.structs import replace

from lrdash.errors import ResultsError, UsageError
from lrdash.results import inference, metrics
from lrdash.results.candidates import Candidate
from lrdash.results.caveats import caveats_of
from lrdash.results.comparison import ALPHA, Comparison, Estimate, GroupComparison, Pair, RunSummary, Which
from lrdash.results.documents import Labels, RunResults
from lrdash.results.metrics import Confusion
from lrdash.results.pairing import Pairing, f1_difference, pair
from lrdash.results.questions import answers, conclusion, unrelated
from lrdash.results.seeds import configuration_of, configurations, in_words, seed_pairs
from lrdash.results.values import Row

MOST_RUNS_ALL_PAIRS = 8
"""In a larger group each run is compared with the baseline only: fewer tests, and fewer rows to read."""
COUNTS = ("n", "tn", "fp", "fn", "tp")
"""Of an epoch's row, behind `eval_`."""
AGREEMENT = 1e-4
"""Reported and recomputed metrics differ by less than this: tools round to four digits."""


def compare(
    candidates: Sequence[Candidate], *, sweep: str = "", baseline: str | None = None, epoch: Which = "last"
) -> Comparison:
    """Compare the runs of each group at one epoch.

    `baseline` is a run's name; other groups, and None, take their first run.

    Raises:
        UsageError: `baseline` is none of the runs.
    """
    if baseline is not None and baseline not in {one.run for one in candidates}:
        raise UsageError(f"the baseline {baseline!r} is none of the runs")
    groups: dict[str | None, list[Candidate]] = {}
    for one in candidates:
        groups.setdefault(one.group, []).append(one)
    compared = tuple(_compare_group(name, runs, baseline, epoch) for name, runs in groups.items())
    return Comparison(sweep=sweep, epoch=epoch, groups=compared)


def summarize(candidate: Candidate, epoch: Which = "last") -> RunSummary:
    """One run at one epoch: from its predictions where they are of that epoch, else from its epoch row."""
    results = candidate.results
    row = results.epoch(epoch)
    summary = RunSummary(
        run=candidate.run,
        label=candidate.label,
        group=candidate.group,
        index=candidate.index,
        learning_rate=candidate.learning_rate,
        cls_backbone_learning_rate=candidate.backbone_rate,
        seed=candidate.seed if isinstance(candidate.seed, int) else None,
        epoch=row.get("epoch") if row else None,
        epochs=results.epochs,
        source=results.source,
        notes=tuple(note for note in (candidate.problem, results.error) if note),
    )
    if candidate.predictions and is_of_predictions(results, row, epoch):
        return _from_predictions(summary, candidate)
    return _from_row(summary, row, results) if row else _from_predict(summary, results, epoch)


def is_of_predictions(results: RunResults, row: Row | None, epoch: Which) -> bool:
    """Whether the predictions, which are the final model's, are those of the epoch asked for."""
    return epoch == "last" or (row is not None and row is results.last)


def _compare_group(
    name: str | None, candidates: Sequence[Candidate], baseline: str | None, epoch: Which
) -> GroupComparison:
    names = [one.run for one in candidates]
    base = baseline if baseline in names else names[0]
    summaries = tuple(summarize(one, epoch) for one in candidates)
    usable = [
        one
        for one in candidates
        if one.predictions
        and one.predictions.n
        and is_of_predictions(one.results, one.results.epoch(epoch), epoch)
    ]
    pairs, refused = _pairs(usable, base)
    index = usable[0].predictions.index if usable and usable[0].predictions else None
    given = next((one.results.labels for one in candidates if one.results.labels.names), None)
    positive = given.positive if given else None
    if index:
        positive = None if index.positive is None else index.labels[index.positive]
    group = GroupComparison(
        group=name,
        labels=index.labels if index else given.names if given else (),
        positive=positive,
        baseline=base,
        runs=summaries,
        pairs=pairs,
        refused=refused,
    )
    if name is None:
        return replace(group, conclusion=unrelated(group), caveats=caveats_of(group, candidates, epoch))
    several_seeds = configurations(candidates, summaries)
    over_seeds = seed_pairs(several_seeds)
    return replace(
        group,
        conclusion=(*conclusion(group), *in_words(several_seeds, over_seeds)),
        answers=answers(group, candidates),
        configurations=several_seeds,
        seed_pairs=over_seeds,
        caveats=caveats_of(group, candidates, epoch),
    )


def _pairs(usable: Sequence[Candidate], base: str) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """Every pair, the baseline's first and seen from the other run; no two seeds of one configuration."""
    ordered = sorted(usable, key=lambda one: one.run != base)
    configuration = configuration_of(usable)
    couples = [
        (first, second)
        for first, second in combinations(ordered, 2)
        if configuration[first.run] != configuration[second.run]
    ]
    if len(usable) > MOST_RUNS_ALL_PAIRS:
        couples = [(first, second) for first, second in couples if first.run == base]
    pairings: list[tuple[Candidate, Candidate, Pairing]] = []
    refused = []
    for other, run in couples:
        assert run.predictions
        assert other.predictions
        try:
            pairings.append((run, other, pair(run.predictions, other.predictions)))
        except ResultsError as error:
            refused.append(f"{run.label} against {other.label}: {error}")
    p_values = [inference.mcnemar_exact(one.only_first, one.only_second) for _, _, one in pairings]
    adjusted = inference.holm(p_values)
    return tuple(
        _pair(run, other, pairing, p, p_holm, len(pairings))
        for (run, other, pairing), p, p_holm in zip(pairings, p_values, adjusted, strict=True)
    ), tuple(refused)


def _pair(run: Candidate, other: Candidate, pairing: Pairing, p: float, p_holm: float, tests: int) -> Pair:
    b, c, n = pairing.only_first, pairing.only_second, pairing.n
    low, high = inference.paired_difference_interval(pairing.both, b, c, pairing.neither)
    f1, (f1_low, f1_high) = f1_difference(pairing)
    return Pair(
        run=run.run,
        other=other.run,
        n=n,
        only_run=b,
        only_other=c,
        accuracy=Estimate((b - c) / n if n else 0.0, low, high),
        f1=Estimate(f1, f1_low, f1_high),
        p=p,
        p_holm=p_holm,
        detectable_gap=inference.smallest_detectable_gap(n, b + c, ALPHA / tests),
    )


def _from_predictions(summary: RunSummary, candidate: Candidate) -> RunSummary:
    assert candidate.predictions
    index = candidate.predictions.index
    confusion, positive, n = index.confusion, index.positive, candidate.predictions.n
    if not n:
        return replace(summary, n=0, notes=(*summary.notes, "no test rows"))
    right = sum(row[at] for at, row in enumerate(confusion))
    quality = index.quality
    accuracy = metrics.accuracy(confusion)
    return replace(
        summary,
        n=n,
        accuracy=Estimate(right / n, *inference.wilson_interval(right, n)),
        f1=_f1(confusion, positive),
        precision=metrics.precision(confusion, positive),
        recall=metrics.recall(confusion, positive),
        macro_f1=metrics.macro_f1(confusion),
        balanced_accuracy=metrics.balanced_accuracy(confusion),
        mcc=metrics.mcc(confusion),
        auroc=quality.auroc,
        log_loss=quality.log_loss,
        brier=quality.brier,
        ece=quality.ece,
        majority=metrics.majority_share(confusion),
        collapsed=metrics.predicted_classes(confusion) == 1,
        confusion=confusion,
        labels=index.labels,
        reliability=quality.bins,
        source=candidate.predictions.path.name,
        notes=(*summary.notes, *index.notes, *_disagreements(candidate.results, accuracy, n)),
    )


def _f1(confusion: Confusion, positive: int | None) -> Estimate | None:
    value = metrics.f1(confusion, positive)
    if value is None:
        return None
    if positive is None:
        kinds = [(truth, guess) for truth, row in enumerate(confusion) for guess, n in enumerate(row) if n]
        counts = [confusion[truth][guess] for truth, guess in kinds]
        drawn = inference.bootstrap_counts(counts, partial(metrics.macro_f1_of_cells, kinds))
    else:
        drawn = inference.bootstrap_counts(metrics.f1_cells(confusion, positive), metrics.f1_of_cells)
    return Estimate(value, *inference.percentile_interval(drawn))


def _disagreements(results: RunResults, accuracy: float | None, n: int) -> list[str]:
    reported = (results.predict or {}).get("predict_accuracy")
    notes = []
    if reported is not None and accuracy is not None and abs(reported - accuracy) > AGREEMENT:
        notes.append(f"predict_results.json says accuracy {reported:.4f}, its predictions say {accuracy:.4f}")
    if results.labels.n_test is not None and results.labels.n_test != n:
        notes.append(f"the test set has {results.labels.n_test:,} rows, the predictions {n:,}")
    return notes


def _from_row(summary: RunSummary, row: Row, results: RunResults) -> RunSummary:
    """From one epoch's row; where it has the confusion's counts, F1 has an interval too."""
    n, f1 = _row_count(row, results), row.get("eval_f1")
    confusion = _confusion_of(row)
    return replace(
        summary,
        n=n,
        accuracy=_accuracy(row.get("eval_accuracy"), n),
        f1=_f1(confusion, 1) if confusion else None if f1 is None else Estimate(f1),
        precision=row.get("eval_precision"),
        recall=row.get("eval_recall"),
        macro_f1=row.get("eval_f1_macro"),
        balanced_accuracy=row.get("eval_balanced_accuracy"),
        mcc=row.get("eval_mcc"),
        auroc=row.get("eval_auroc"),
        log_loss=row.get("eval_log_loss"),
        brier=row.get("eval_brier"),
        ece=row.get("eval_ece"),
        majority=metrics.majority_share(confusion) if confusion else None,
        collapsed=metrics.predicted_classes(confusion) == 1 if confusion else None,
        confusion=confusion,
        labels=_negative_and_positive(results.labels) if confusion else (),
        notes=(*summary.notes, *_impossible(row)),
    )


def _row_count(row: Row, results: RunResults) -> int | None:
    """Rows of the evaluation: the first possible number of its own row, the labels and the data set."""
    rows = results.meta.rows.get("eval") if results.meta else None
    counts = (row.get("eval_n"), results.labels.n_test, rows)
    return next((int(count) for count in counts if count is not None and count >= 1), None)


def _accuracy(value: float | None, n: int | None) -> Estimate | None:
    if value is None or not 0 <= value <= 1:
        return None
    return Estimate(value, *inference.wilson_interval(round(value * n), n)) if n else Estimate(value)


def _impossible(row: Row) -> Iterator[str]:
    """What a row says that no evaluation can have: it is shown nowhere, so it is said."""
    value = row.get("eval_accuracy")
    if value is not None and not 0 <= value <= 1:
        yield f"eval_accuracy is {value:g}, which is no share between 0 and 1; it is left out"
    for name in COUNTS:
        if (count := row.get(f"eval_{name}")) is not None and count < 0:
            yield f"eval_{name} is {count:g}, which is no number of rows; it is left out"


def _confusion_of(row: Row) -> Confusion | None:
    """Of two classes, the positive one last; None when the row lacks a count."""
    counts = [count for name in COUNTS[1:] if (count := row.get(f"eval_{name}")) is not None and count >= 0]
    if len(counts) < 4 or not sum(counts):
        return None
    tn, fp, fn, tp = map(int, counts)
    return ((tn, fp), (fn, tp))


def _negative_and_positive(labels: Labels) -> tuple[str, ...]:
    """Names for the confusion of a row, which has the positive class last."""
    if len(labels.names) != 2:
        return ("0", "1")
    return labels.names[::-1] if labels.positive == labels.names[0] else labels.names


def _from_predict(summary: RunSummary, results: RunResults, epoch: Which) -> RunSummary:
    """From flat predict_ (or test_) numbers, where nothing else was written."""
    flat = {**results.summary, **(results.predict or {})}
    row = {
        f"eval_{key.partition('_')[2]}": value
        for key, value in flat.items()
        if key.startswith(("predict_", "test_"))
    }
    if epoch != "last" or not row:
        return summary
    return replace(_from_row(summary, row, results), source="predict_results.json")
