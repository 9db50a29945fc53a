"""Lines that state one fact -> StreamFacts: the banner, data sets, frozen parts, heartbeat, ends."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from lrdash.logs import patterns
from lrdash.logs.facts import Cut, Dataset, Frozen, LogLine, OptimizerLine, StreamFacts
from lrdash.logs.lines import parse_count, text_of

MAX_EVIDENCE = 50
"""Lines kept of each kind of evidence: a hostile log may repeat one for gigabytes."""

Match = re.Match[bytes]


def take_statement(facts: StreamFacts, line: bytes, at: LogLine) -> bool:
    """Note what a line states; False when it states nothing known."""
    for pattern, take in _STATEMENTS:
        if match := pattern.search(line):
            take(facts, match, at)
            return True
    return _take_banner(facts, line, at)


def _take_banner(facts: StreamFacts, line: bytes, at: LogLine) -> bool:
    for name, pattern in patterns.BANNER.items():
        if match := pattern.search(line):
            if name != "num_examples" or facts.banner.num_examples is None:  # evaluation has one, too
                _set_banner(facts, name, parse_count(match[1]))
            if name == "effective_batch_size":
                _set_banner(facts, "at", at)
            return True
    return False


def _set_banner(facts: StreamFacts, name: str, value: object) -> None:
    facts.banner = msgspec.structs.replace(facts.banner, **{name: value})


def _take_optimizer(facts: StreamFacts, match: Match, at: LogLine) -> None:
    line = OptimizerLine(float(match["backbone"]), float(match["head"]), at)
    if len(facts.optimizer) < MAX_EVIDENCE:
        facts.optimizer.append(line)


def _take_processes(facts: StreamFacts, match: Match, at: LogLine) -> None:
    _set_banner(facts, "processes", parse_count(match["size"]))


def _take_dataset(facts: StreamFacts, match: Match, at: LogLine) -> None:
    rows = parse_count(match["rows"])
    if rows is not None and len(facts.datasets) < MAX_EVIDENCE:
        facts.datasets.append(Dataset(text_of(match["name"]), rows, text_of(match["path"]), at))


def _take_cut(facts: StreamFacts, match: Match, at: LogLine) -> None:
    cut, rows, length = (parse_count(match[name]) for name in ("cut", "rows", "length"))
    if cut is not None and rows is not None and length is not None and len(facts.cuts) < MAX_EVIDENCE:
        facts.cuts.append(Cut(text_of(match["name"]), cut, rows, length))


def _take_frozen(facts: StreamFacts, match: Match, at: LogLine) -> None:
    if len(facts.frozen) < MAX_EVIDENCE:
        facts.frozen.append(Frozen(text_of(match["part"]), parse_count(match["count"]), at))


def _take_not_trainable(facts: StreamFacts, match: Match, at: LogLine) -> None:
    part = {b"vision model": "vision_tower", b"multi model projector": "multi_modal_projector"}
    if len(facts.frozen) < MAX_EVIDENCE:
        facts.frozen.append(Frozen(part.get(match["part"], "language_model"), None, at))


def _take_trainable(facts: StreamFacts, match: Match, at: LogLine) -> None:
    for name, count in patterns.TRAINABLE_GROUP.findall(match["groups"]):
        if len(facts.trainable) < MAX_EVIDENCE and (number := parse_count(count)) is not None:
            facts.trainable[text_of(name)] = number


def _take_heartbeat(facts: StreamFacts, match: Match, at: LogLine) -> None:
    step = parse_count(match["step"]) or 0
    if step < 1:
        return
    facts.first_step = facts.first_step or at
    facts.last_step = max(facts.last_step or 0, step)
    facts.last_epoch = max(facts.last_epoch or 0.0, float(match["epoch"]))
    facts.progress_line = at.line or facts.progress_line


def _take_resumed(facts: StreamFacts, match: Match, at: LogLine) -> None:
    facts.resumed = at


def _take_stopped(facts: StreamFacts, match: Match, at: LogLine) -> None:
    facts.stopped = at


def _take_running(facts: StreamFacts, match: Match, at: LogLine) -> None:
    facts.training_line = at.line or 0


def _take_trained(facts: StreamFacts, match: Match, at: LogLine) -> None:
    facts.trained = at


def _take_predicted(facts: StreamFacts, match: Match, at: LogLine) -> None:
    facts.predicted = at


def _take_already_done(facts: StreamFacts, match: Match, at: LogLine) -> None:
    facts.already_done = at


_STATEMENTS: tuple[tuple[re.Pattern[bytes], Callable[[StreamFacts, Match, LogLine], None]], ...] = (
    (patterns.OPTIMIZER, _take_optimizer),
    (patterns.HEARTBEAT, _take_heartbeat),
    (patterns.PROCESS_RANK, _take_processes),
    (patterns.DATASET, _take_dataset),
    (patterns.CUT, _take_cut),
    (patterns.FROZEN, _take_frozen),
    (patterns.NOT_TRAINABLE, _take_not_trainable),
    (patterns.TRAINABLE, _take_trainable),
    (patterns.RESUMED, _take_resumed),
    (patterns.STOPPED, _take_stopped),
    (patterns.RUNNING_TRAINING, _take_running),
    (patterns.TRAINED, _take_trained),
    (patterns.PREDICTED, _take_predicted),
    (patterns.ALREADY_DONE, _take_already_done),
)
