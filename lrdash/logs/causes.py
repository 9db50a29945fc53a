"""Lines that can explain the end of a run. The texts of failures themselves: failure_texts.py."""

from __future__ import annotations

import re
from functools import cache

from lrdash.logs import failure_texts
from lrdash.logs.absent import class_of_absent_file
from lrdash.logs.facts import Cause, LogLine, Stream
from lrdash.logs.failure_texts import DECISIVE, INDECISIVE

ANCHORS = (
    rb"r(?:ror|dash: |y (?:limit|allocation of)|ce exhausted|eempted|mination is|olog fail|ked dead)"
    rb"|i(?:s nan|ts node has|me ?limit|med[ -]out|s not finite)|x(?:itcode|iting program a)|> stop_time"
    rb"|:(?: (?:forcing job t|job abort in|Cancelled pend|command not|not found)|:?bad_alloc)"
    rb"|A(?:ddress al|borted \()|BOOT_FAIL|C(?:ANCELLED|UDA Setup f|uda failure|annot alloc|trl-C rec)"
    rb"|DistributionNotF|E(?:xception|RROR|XHAUSTED|ADDRINUSE)|GPU (?:has fallen|is lost|ran out)|Hangup"
    rb"|Invalid loss|K(?:illed|eyboardInt)|Max time \(|O(?:ut Of Mem|VERFLOW!)|Run canceled"
    rb"|N(?:ode fail|o (?:space|module)|CCL(?: (?:work|operat|WARN)|'s watch)|ODE_FAIL|a[Nn]\b|AN\b)"
    rb"|P(?:REEMPTED|reemption [d!]|BS: job)|S(?:IGKILL|egmentation f)|VersionC|Watchdog|\*\*\* Process rec"
    rb"|T(?:raceback \(|erminated|E has lost|IMEOUT|ERM_[MRO]|raining has div)"
)
"""What a line holds if it can state a cause; the scanner looks closer at such lines only. Few
first letters, and rare ones, make the search fast."""
NAN = re.compile(rb"[ =:'\"(]nan\b")
"""The same of a number that is none; it holds `nan`, which few lines do."""

_END = 2_000
"""Bytes read of both ends of a longer line."""
TRACEBACK = re.compile(rb"Traceback \(most recent call last\)")
RANK_PREFIX = re.compile(rb"^\s?\[rank\d+\]: ?")  # torch >= 2.4, before each line of an uncaught exception
# torch/distributed/elastic/multiprocessing/errors and subprocess.run(check=True): they only pass on.
LAUNCHER_ERROR = re.compile(
    rb"(?:torch\.distributed\.elastic\S*ChildFailedError|subprocess\.CalledProcessError)"
)

EXCEPTION_ASIDE = re.compile(
    rb"Exception in thread |(?P<ignored>Exception ignored |Error in atexit\._run_exitfuncs)"
)
"""Python's threading.excepthook, sys.unraisablehook and atexit, before a traceback that ends no program."""

_WARNING = re.compile(rb"\wWarning: |\bWARN(?:ING)?\b")
"""Lines that warn: what they tell of did not end the run..."""
_LAST_WARNING = re.compile(
    rb"Rendezvous|this job is preempted|Detected KeyboardInt|steps are invalid|NCCL WARN|! checkpointing"
)
"""...but torchrun, submitit, Lightning and NCCL warn of the end."""
_LAUNCH = re.compile(rb"^lrdash: (?!sweep=)")
"""What `lrdash launch` and the batch script before it print on stderr when they refuse to start."""

NON_FINITE_STEP = re.compile(failure_texts.NON_FINITE_STEP)
FINITE_STEP = re.compile(
    rb"^(?!.*%b).*(?i:\bloss(?!_scale)[\w/]{0,30})['\"]?[:=]? {0,8}['\"(]?-?\d" % failure_texts.NAN_LOSS
)
"""Shows that training went on."""


@cache
def _patterns() -> list[tuple[str, re.Pattern[bytes], bool]]:
    """(class, expression, whether it is decisive); compiled when a first line may need them."""
    return [
        (failure, re.compile(text), table is DECISIVE)
        for table in (DECISIVE, INDECISIVE)
        for failure, *texts in table
        for text in texts
    ]


def find_cause(line: bytes, at: LogLine, stream: Stream) -> Cause | None:
    """The cause that a line states, or None."""
    if _WARNING.search(line) and not _LAST_WARNING.search(line):
        return None
    body = RANK_PREFIX.sub(b"", line)
    if len(body) > 2 * _END:
        body = body[:_END] + b" " + body[-_END:]
    if stream == "err" and _LAUNCH.match(body):
        return Cause("launch_refused", at, stream)
    for failure, text, decisive in _patterns():
        if text.search(body):
            if failure == "unknown" and (of_file := class_of_absent_file(body)):
                return Cause(of_file, at, stream)
            return Cause(failure, at, stream, decisive)
    return None
