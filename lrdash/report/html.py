"""The report as one self-contained HTML page: no script, no font and no picture from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from lrdash.report import svg
from lrdash.report.cells import (
    Table,
    checks_table,
    clean,
    pairs_table,
    place,
    provenance_table,
    runs_table,
)
from lrdash.report.document import Report, epoch_words, methods
from lrdash.results.comparison import GroupComparison, RunSummary
from lrdash.results.wording import fraction, signed


def render_html(report: Report) -> str:
    style = files("lrdash.report").joinpath("report.css").read_text(encoding="utf-8")
    title = f"{clean(report.comparison.sweep) or 'runs'}: which run is better"
    body = "\n".join(_body(report))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _body(report: Report) -> Iterator[str]:
    comparison = report.comparison
    yield f"<header><h1>{escape(clean(comparison.sweep) or 'Runs')}</h1>"
    made = " · ".join((epoch_words(comparison), report.taken_at, report.made_by))
    yield f"<p>{escape(made)}</p></header>"
    for group in comparison.groups:
        yield from _group(group)
    yield '<section class="provenance"><h2>Where the numbers come from</h2>'
    yield _table(provenance_table(report))
    yield from _evidence(report)
    yield f"<p>{escape(methods(comparison))}</p></section>"


def _evidence(report: Report) -> Iterator[str]:
    """Why a run failed, and what every check's verdict rests on."""
    for one in report.provenance:
        if found := one.diagnosis:
            remedy = f" {found.remedy}" if found.remedy else ""
            command = f" <code>{escape(clean(found.command))}</code>" if found.command else ""
            said = escape(clean(f"{one.run}: {found.words}. {place(found.evidence).rstrip('.')}.{remedy}"))
            yield f'<p class="diagnosis">{said}{command}</p>'
    if (checks := checks_table(report)).rows:
        yield f"<details><summary>What every check rests on</summary>{_table(checks)}</details>"


def _group(group: GroupComparison) -> Iterator[str]:
    yield f'<section class="group"><h2>{escape(clean(group.group or "runs"))}</h2>'
    if group.conclusion:
        first, *others = group.conclusion
        yield f'<p class="conclusion">{escape(clean(first))}</p>'
        if others:
            yield "<ul>" + "".join(f"<li>{escape(clean(one))}</li>" for one in others) + "</ul>"
    yield _legend(group)
    yield _table(runs_table(group), marks=[at for at, _ in enumerate(group.runs)])
    yield f'<div class="plots">{"".join(_plots(group))}</div>'
    if group.pairs:
        yield _table(pairs_table(group))
    if group.answers:
        yield '<div class="answers">' + "".join(map(_answer, group.answers)) + "</div>"
    yield from _confusions(group)
    if group.caveats:
        caveats = "".join(f"<li>{escape(clean(caveat))}</li>" for caveat in group.caveats)
        yield f'<aside><h3>What this does not say</h3><ul class="caveats">{caveats}</ul></aside>'
    yield "</section>"


def _answer(answer: object) -> str:
    question, verdict, text, rule = (
        getattr(answer, name) for name in ("question", "verdict", "text", "rule")
    )
    return (
        f"<article><h3>{escape(question)}</h3><p><strong>{escape(clean(verdict))}</strong></p>"
        f'<p>{escape(clean(text))}</p><p class="rule">Rule: {escape(rule)}.</p></article>'
    )


def _legend(group: GroupComparison) -> str:
    items = "".join(
        f'<li><span class="swatch" style="background:{svg.colour(at)}"></span>{escape(clean(run.label))}</li>'
        for at, run in enumerate(group.runs)
    )
    return f'<ul class="legend">{items}</ul>'


def _plots(group: GroupComparison) -> Iterator[str]:
    yield _figure("Accuracy by epoch", svg.by_epoch(_series(group, "eval_accuracy"), "accuracy by epoch"))
    losses = [*_series(group, "eval_loss"), *_series(group, "loss", dashed=True)]
    yield _figure("Loss by epoch: evaluation solid, training dashed", svg.by_epoch(losses, "loss by epoch"))
    yield _figure(
        "Differences with 95 % intervals", svg.differences(_differences(group), "paired differences")
    )
    yield _figure("Accuracy against learning rate", svg.by_rate(_against_rate(group), "accuracy by rate"))


def _figure(caption: str, drawing: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>" if drawing else ""


def _series(group: GroupComparison, metric: str, *, dashed: bool = False) -> list[svg.Series]:
    return [
        svg.Series(clean(run.label), at, points, dashed)
        for at, run in enumerate(group.runs)
        if (points := _points(run, metric))
    ]


def _points(run: RunSummary, metric: str) -> list[tuple[float, float]]:
    rows = ((row.get("epoch"), row.get(metric)) for row in run.epochs)
    return [(epoch, value) for epoch, value in rows if epoch is not None and value is not None]


def _differences(group: GroupComparison) -> list[tuple[str, float, float, float, bool]]:
    return [
        (
            f"{clean(group.find(pair.run).label)}  against  {clean(group.find(pair.other).label)}",
            100 * pair.accuracy.value,
            100 * (pair.accuracy.low or 0.0),
            100 * (pair.accuracy.high or 0.0),
            pair.significant,
        )
        for pair in group.pairs
    ]


def _against_rate(group: GroupComparison) -> list[tuple[str, int, float, float, float, float]]:
    return [
        (clean(run.label), at, rate, value.value, value.low or value.value, value.high or value.value)
        for at, run in enumerate(group.runs)
        if (value := run.accuracy) and (rate := run.cls_backbone_learning_rate or run.learning_rate)
    ]


def _confusions(group: GroupComparison) -> Iterator[str]:
    """Each run's confusion matrix, its difference from the baseline's, and its reliability diagram."""
    base = group.find(group.baseline) if group.baseline else None
    known = [(at, run) for at, run in enumerate(group.runs) if run.confusion]
    if not known:
        return
    yield '<h3>Confusion matrices and calibration</h3><div class="matrices">'
    for at, run in known:
        yield f"<figure>{_matrix(run, base)}"
        bars = [
            (bar.confidence or 0.0, bar.accuracy or 0.0, bar.count) for bar in run.reliability if bar.count
        ]
        if bars:
            yield svg.reliability(bars, at, f"reliability of {clean(run.label)}")
        ece = "" if run.ece is None else f" · ECE {fraction(run.ece)}"
        brier = "" if run.brier is None else f" · Brier {fraction(run.brier)}"
        yield f"<figcaption>{escape(clean(run.label))}{ece}{brier}</figcaption></figure>"
    yield "</div>"


def _matrix(run: RunSummary, base: RunSummary | None) -> str:
    assert run.confusion
    names = [clean(name) for name in run.labels]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for truth, row in enumerate(run.confusion):
        cells = "".join(_cell(run, base, truth, guess) for guess in range(len(row)))
        rows.append(f"<tr><th>{escape(names[truth])}</th>{cells}</tr>")
    return (
        f'<table class="matrix"><thead><tr><th class="corner">truth ↓ said →</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(run: RunSummary, base: RunSummary | None, truth: int, guess: int) -> str:
    assert run.confusion
    count = run.confusion[truth][guess]
    share = count / max(1, sum(run.confusion[truth]))
    other = base.confusion if base and base is not run and base.labels == run.labels else None
    change = f"<small>{signed(count - other[truth][guess], 0)}</small>" if other else ""
    kind = "right" if truth == guess else "wrong"
    return f'<td class="{kind}" style="--share:{share:.3f}">{count:,}{change}</td>'


def _table(table: Table, marks: Sequence[int] = ()) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = []
    for at, row in enumerate(table.rows):
        mark = f'<span class="swatch" style="background:{svg.colour(at)}"></span>' if at < len(marks) else ""
        first, *others = row
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        rows.append(f"<tr><th>{mark}{escape(first)}</th>{cells}</tr>")
    caption = f"<caption>{escape(table.title)}</caption>"
    return (
        f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
