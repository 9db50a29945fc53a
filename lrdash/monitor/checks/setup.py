"""How the training was set up: effective batch, epochs, frozen parts, port."""

from __future__ import annotations

from msgspec.structs import replace

from lrdash.logs.facts import Frozen
from lrdash.monitor.evidence import RunEvidence, as_evidence
from lrdash.monitor.snapshot import Check, Evidence, Verdict
from lrdash.results.documents import EPOCH_TOLERANCE
from lrdash.results.values import number

FREEZABLE = {
    "freeze_vision_tower": "vision_tower",
    "freeze_multi_modal_projector": "multi_modal_projector",
    "freeze_language_model": "language_model",
}


def check_effective_batch(evidence: RunEvidence) -> Check:
    """processes x per-device x accumulation: in the sweep, in the script, and in the log's banner."""
    factors = _factors(evidence)
    asked = _product(factors)
    expect = evidence.sweep.expect.effective_batch_size if evidence.sweep else None
    expected = str(expect if expect is not None else asked or "")
    arithmetic = " x ".join(f"{value:g} {name}" for name, value in factors.items() if value is not None)
    if expect is not None and asked is not None and asked != expect:
        place = Evidence(str(evidence.sweep.file)) if evidence.sweep else Evidence()
        return Check("effective_batch", "WRONG_VALUE", expected, f"sweep: {arithmetic} = {asked}", place)
    if problem := _wrong_processes(evidence):
        return Check(
            "effective_batch", "WRONG_VALUE", expected, problem, as_evidence(evidence.facts.banner.at)
        )
    banner = evidence.facts.banner
    if not expected:
        logged = f"log: {banner.effective_batch_size}; " if banner.effective_batch_size else ""
        observed = f"{logged}no per_device_train_batch_size in the sweep: nothing to compare with"
        return Check("effective_batch", "PASS", "", observed, as_evidence(banner.at))
    observed = f"{arithmetic} = {asked}; log: {banner.effective_batch_size}"
    if banner.effective_batch_size is None:
        return _without_banner(evidence, expected, f"{arithmetic} = {asked}")
    verdict: Verdict = "PASS" if str(banner.effective_batch_size) == expected else "WRONG_VALUE"
    return Check("effective_batch", verdict, expected, observed, as_evidence(banner.at))


def _factors(evidence: RunEvidence) -> dict[str, float | None]:
    processes = evidence.group.processes if evidence.group else None
    return {
        "processes": processes,
        "per device": number(evidence.args.get("per_device_train_batch_size")),
        "accumulation": number(evidence.args.get("gradient_accumulation_steps", 1)),
    }


def _product(factors: dict[str, float | None]) -> int | None:
    product = 1.0
    for factor in factors.values():
        if factor is None:
            return None
        product *= factor
    return round(product)


def _wrong_processes(evidence: RunEvidence) -> str | None:
    """The script's GPUs or the log's world size against the sweep's `processes`."""
    if evidence.group is None:
        return None
    asked, seen = evidence.group.processes, evidence.facts.banner.processes
    gpus = evidence.script.gpus if evidence.script else None
    if seen is not None and seen != asked:
        return f"log: {seen} processes, sweep: {asked}"
    if gpus is not None and gpus != asked and evidence.sweep and evidence.sweep.require_gpu:
        return f"script: {gpus} GPUs for {asked} processes"
    return None


def _without_banner(evidence: RunEvidence, expected: str, arithmetic: str) -> Check:
    if not evidence.is_training_seen:
        return Check("effective_batch", "WAITING", expected, f"{arithmetic}; no banner in the log yet")
    if evidence.group and evidence.group.program:
        return Check("effective_batch", "PASS", expected, f"{arithmetic}; the program prints no batch size")
    observed = f"{arithmetic}; training started without a batch size in the log"
    return Check("effective_batch", "MISSING", expected, observed, as_evidence(evidence.facts.first_step))


def check_epochs(evidence: RunEvidence) -> Check:
    """As many epochs as asked: in the banner at the start, in the log and the results at the end."""
    asked = evidence.epochs
    if asked is None:
        return Check("epochs", "PASS", "", "no num_train_epochs in the sweep: nothing to compare with")
    banner = evidence.facts.banner.num_epochs
    if banner is not None and abs(banner - asked) >= 1:
        place = as_evidence(evidence.facts.banner.at)
        return Check("epochs", "WRONG_VALUE", f"{asked:g}", f"banner: {banner}", place)
    done = evidence.last_epoch or 0.0
    observed = f"{done:.2f} of {asked:g} epochs"
    place = _last_progress(evidence, observed)
    if done >= asked - EPOCH_TOLERANCE:
        verdict: Verdict = "WRONG_VALUE" if done > asked + EPOCH_TOLERANCE else "PASS"
        return Check("epochs", verdict, f"{asked:g}", observed, place)
    if not evidence.has_ended:
        return Check("epochs", "WAITING", f"{asked:g}", observed if done else "no epoch logged yet", place)
    text = f"ended {evidence.state or 'without a state'}"
    return Check("epochs", "MISSING", f"{asked:g}", f"{observed}, then {text}", replace(place, text=text))


def _last_progress(evidence: RunEvidence, observed: str) -> Evidence:
    """Where the last epoch stands: in the log, else in the results."""
    stream = max(evidence.facts.streams, key=lambda stream: stream.last_epoch or 0.0)
    if stream.last_epoch and stream.first_step:
        return Evidence(stream.first_step.file, stream.progress_line, observed)
    source = evidence.results.source
    return Evidence(text=f"{source}: {observed}" if source else "")


def check_frozen(evidence: RunEvidence) -> Check:
    """Every part that must not be trained is reported as frozen, with a number of parameters."""
    asked = {part for key, part in FREEZABLE.items() if evidence.args.get(key) is True}
    spared = {part for key, part in FREEZABLE.items() if evidence.args.get(key) is False}
    seen = {frozen.part: frozen for frozen in evidence.facts.frozen}
    expected = ", ".join(sorted(asked)) or "nothing frozen"
    if wrong := sorted(spared & seen.keys()):
        at = as_evidence(seen[wrong[0]].at)
        return Check("frozen", "FORBIDDEN", expected, f"frozen all the same: {', '.join(wrong)}", at)
    if not asked:
        return Check("frozen", "PASS", expected, "nothing to freeze")
    if empty := next(
        (seen[part] for part in sorted(asked & seen.keys()) if seen[part].parameters == 0), None
    ):
        return Check("frozen", "WRONG_VALUE", expected, _frozen_text(empty), as_evidence(empty.at))
    missing = sorted(asked - seen.keys())
    if not missing:
        found = [seen[part] for part in sorted(asked)]
        observed = "; ".join(_frozen_text(frozen) for frozen in found)
        return Check("frozen", "PASS", expected, observed, as_evidence(found[0].at))
    verdict: Verdict = "MISSING" if evidence.is_training_seen else "WAITING"
    observed = f"not reported as frozen: {', '.join(missing)}"
    return Check("frozen", verdict, expected, observed, as_evidence(evidence.facts.first_step))


def _frozen_text(frozen: Frozen) -> str:
    count = "" if frozen.parameters is None else f": {frozen.parameters:,} parameters"
    return f"{frozen.part}{count}"


def check_port(evidence: RunEvidence) -> Check:
    """torchrun's port: the asked one, or the one that launch moved to."""
    asked = evidence.sweep.run_port(evidence.run) if evidence.sweep and evidence.run else None
    identity = evidence.facts.identity
    if identity is None:
        if evidence.is_training_seen:
            return Check("port", "PASS", str(asked), "not started by lrdash launch: it chose its own port")
        return Check("port", "WAITING", str(asked), "not started yet")
    text = f"port={identity.port} job={identity.job} restart={identity.restart}"
    moved = "" if identity.port == asked else f", moved: {asked} was taken"
    return Check("port", "PASS", str(asked), f"{identity.port}{moved}", Evidence(text=text))
