"""The parts of a classifier by name: head, backbone, vision tower, projector."""

from __future__ import annotations

from typing import Any, Literal

Part = Literal["head", "backbone", "vision_tower", "multi_modal_projector"]


def part_of(parameter: str) -> Part:
    """The part that a parameter belongs to, by its qualified name (with or without wrappers' prefixes)."""
    name = "." + parameter
    if ".score." in name:
        return "head"
    if ".visual.merger." in name:
        return "multi_modal_projector"
    return "vision_tower" if ".visual." in name else "backbone"


def count_parameters(model: Any) -> dict[Part, int]:
    """Numbers of parameters by part; parts that the model lacks are left out."""
    counts: dict[Part, int] = {}
    for name, parameter in model.named_parameters():
        part = part_of(name)
        counts[part] = counts.get(part, 0) + parameter.numel()
    return counts


FROZEN: tuple[Part, ...] = ("vision_tower", "multi_modal_projector")
