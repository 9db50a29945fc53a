"""What went in and what came out: rows of the data sets, predictions, the same test rows in all runs."""

from __future__ import annotations

from collections.abc import Iterator

from lrdash.monitor.evidence import RunEvidence, as_evidence
from lrdash.monitor.snapshot import Check, Evidence, Verdict

ROUNDING = 5e-5
"""transformers prints metrics with four decimals; files hold more."""


def check_data(evidence: RunEvidence) -> Check:
    """The data sets are the asked ones; log, banner, results and predictions agree on their rows."""
    args = evidence.args
    expected = f"{args.get('dataset', '?')} and {args.get('eval_dataset', '?')}"
    if wrong := _wrong_name(evidence):
        return Check("data", "WRONG_VALUE", expected, *wrong)
    for what, counts in (("training", _training_rows(evidence)), ("test", _test_rows(evidence))):
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{source} {rows}" for source, rows in counts.items())
            place = _place(evidence, listed)
            return Check("data", "WRONG_VALUE", expected, f"{what} rows differ: {listed}", place)
    training, test = (
        next(iter(rows.values()), None) for rows in (_training_rows(evidence), _test_rows(evidence))
    )
    if training is None and test is None:
        return Check("data", "WAITING", expected, "no row count yet")
    observed = f"{_count(training)} training rows, {_count(test)} test rows{_cuts(evidence)}"
    return Check("data", "PASS", expected, observed, _place(evidence, observed))


def _place(evidence: RunEvidence, counts: str) -> Evidence:
    """Where rows are counted: in the log as they are loaded, else in its banner; else the counts."""
    facts = evidence.facts
    at = facts.datasets[0].at if facts.datasets else facts.banner.at
    return as_evidence(at) if at else Evidence(text=counts)


def _wrong_name(evidence: RunEvidence) -> tuple[str, Evidence] | None:
    asked = {str(evidence.args.get(key)) for key in ("dataset", "eval_dataset") if evidence.args.get(key)}
    names = {name.strip() for value in asked for name in value.split(",")}
    for dataset in evidence.facts.datasets:
        if names and dataset.name not in names:
            return f"loaded {dataset.name}", as_evidence(dataset.at)
    return None


def _training_rows(evidence: RunEvidence) -> dict[str, int]:
    """Where the number of training rows is said -> the number."""
    return dict(_counts(evidence, "dataset", "train", evidence.facts.banner.num_examples))


def _test_rows(evidence: RunEvidence) -> dict[str, int]:
    counts = dict(_counts(evidence, "eval_dataset", "eval", None))
    if evidence.predictions:
        counts["predictions"] = evidence.predictions.rows
    return counts


def _counts(evidence: RunEvidence, key: str, split: str, banner: int | None) -> Iterator[tuple[str, int]]:
    name = evidence.args.get(key)
    loaded = [dataset.rows for dataset in evidence.facts.datasets if dataset.name == name]
    if loaded:
        yield "log", loaded[-1]
    if banner is not None:
        yield "banner", banner
    meta = evidence.results.meta
    if meta and (rows := meta.rows.get(split)) is not None:
        yield "run_meta.json", rows


def _count(rows: int | None) -> str:
    return "?" if rows is None else f"{rows:,}"


def _cuts(evidence: RunEvidence) -> str:
    cuts = [*evidence.facts.out.cuts, *evidence.facts.err.cuts]
    return "".join(f"; {cut.cut:,} of {cut.rows:,} cut to {cut.cutoff_len} tokens" for cut in cuts)


def check_predictions(evidence: RunEvidence) -> Check:
    """The reported metrics are those of the predictions, recomputed."""
    reported, recomputed = evidence.results.predict, evidence.predictions
    if not evidence.predicts and (reported is None or recomputed is None):
        return Check("predictions", "PASS", "", "no predictions asked for")
    if reported is None or recomputed is None:
        missing = [
            name
            for name, known in (("predict_results.json", reported), ("predictions", recomputed))
            if not known
        ]
        verdict: Verdict = "MISSING" if evidence.is_finished else "WAITING"
        return Check("predictions", verdict, "reported = recomputed", f"no {' and no '.join(missing)} yet")
    expected = _metrics(reported.get("predict_accuracy"), reported.get("predict_f1"))
    observed = f"{_metrics(recomputed.accuracy, recomputed.f1)} over {recomputed.rows:,} rows"
    pairs = (
        (reported.get("predict_accuracy"), recomputed.accuracy),
        (reported.get("predict_f1"), recomputed.f1),
    )
    place = Evidence(file=recomputed.file, text=observed)
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not known:
        observed = f"{observed}; predict_results.json has neither predict_accuracy nor predict_f1"
        return Check("predictions", "MISSING", "reported = recomputed", observed, place)
    differs = any(abs(one - other) > ROUNDING for one, other in known)
    return Check("predictions", "WRONG_VALUE" if differs else "PASS", expected, observed, place)


def _metrics(accuracy: float | None, f1: float | None) -> str:
    named = (("accuracy", accuracy), ("F1", f1))
    return ", ".join(f"{name} {value:.6f}" for name, value in named if value is not None)


def check_same_rows(evidence: RunEvidence) -> Check:
    """All runs of a group predicted the same test rows: only then can they be compared."""
    own = evidence.predictions
    if own is None and not evidence.predicts:
        return Check("same_rows", "PASS", "", "no predictions asked for")
    if own is None:
        return Check("same_rows", "WAITING", "the same test rows in all runs", "no predictions yet")
    different = [name for name, peer in evidence.peers.items() if peer.identity != own.identity]
    if different:
        counts = ", ".join(f"{name} ({evidence.peers[name].rows:,} rows)" for name in different)
        observed = f"{own.rows:,} rows here, others in {counts}"
        return Check(
            "same_rows", "WRONG_VALUE", "the same test rows in all runs", observed, Evidence(file=own.file)
        )
    others = f"the same {own.rows:,} rows in {len(evidence.peers) + 1} runs"
    observed = others if evidence.peers else f"{own.rows:,} rows; no other run has predictions yet"
    return Check("same_rows", "PASS", "the same test rows in all runs", observed, Evidence(file=own.file))
