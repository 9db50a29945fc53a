"""AdamW with up to four groups: backbone and head, each with and without weight decay."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch

from trainer.arguments import Arguments
from trainer.log import info
from trainer.model.parts import part_of


def parameter_groups(model: Any, arguments: Arguments, decayed: Collection[str]) -> list[dict[str, Any]]:
    """Head and backbone with their own rates; empty groups are left out."""
    head_rate = arguments.learning_rate
    backbone_rate = arguments.cls_backbone_learning_rate
    rates = {"head": head_rate, "backbone": head_rate if backbone_rate is None else backbone_rate}
    groups: dict[tuple[str, bool], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((part_of(name), name in decayed), []).append(parameter)
    return [
        {
            "name": f"{part} ({'decay' if decay else 'no decay'})",
            "part": part,
            "params": parameters,
            "lr": rates[part],
            "weight_decay": arguments.weight_decay if decay else 0.0,
        }
        for (part, decay), parameters in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]


def make_optimizer(model: Any, arguments: Arguments, decayed: Collection[str]) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        parameter_groups(model, arguments, decayed),
        lr=arguments.learning_rate,  # where the polynomial schedule begins; the groups have their own
        betas=(arguments.adam_beta1, arguments.adam_beta2),
        eps=arguments.adam_epsilon,
        fused=True,
    )


def rates(optimizer: torch.optim.Optimizer, key: str = "lr") -> dict[str, float]:
    """The rate of each part now, or with `initial_lr` at the top of the schedule."""
    return {group["part"]: float(group[key]) for group in optimizer.param_groups}


def announce(optimizer: torch.optim.Optimizer, arguments: Arguments) -> None:
    """The line by which a run proves that its separate rates took effect, from the optimizer's own groups."""
    if arguments.cls_backbone_learning_rate is None:
        return
    initial = rates(optimizer, "initial_lr" if "initial_lr" in optimizer.param_groups[0] else "lr")
    info(
        "Using custom classification optimizer with"
        f" backbone_lr={initial['backbone']:.2e}, head_lr={initial['head']:.2e}"
    )
