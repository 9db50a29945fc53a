"""The optimizer's state in a checkpoint: safetensors and JSON, keyed by parameter name.

The same files for one process, DDP and FSDP2, so a run may be resumed on another number of processes; and
nothing is unpickled. All processes call both functions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from trainer.checkpoints import OPTIMIZER, STATE
from trainer.errors import CheckpointError
from trainer.processes import rank

_SEPARATOR = "::"


def save_optimizer(folder: Path, model: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> None:
    """Gather the state on the first process and write it."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    state: dict[str, Any] = get_optimizer_state_dict(model, optimizer, options=options)
    if rank() != 0:
        return
    tensors = {
        f"{parameter}{_SEPARATOR}{name}": value.contiguous()
        for parameter, values in state["state"].items()
        for name, value in values.items()
    }
    save_file(tensors, folder / OPTIMIZER)
    rest = {"param_groups": state["param_groups"], "scheduler": scheduler.state_dict()}
    (folder / STATE).write_text(json.dumps(rest), encoding="utf-8")


def load_optimizer(folder: Path, model: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> None:
    """Read the state and give every process its share. Raises CheckpointError if it is damaged."""
    try:
        rest = json.loads((folder / STATE).read_text(encoding="utf-8"))
        tensors = load_file(folder / OPTIMIZER)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} is damaged: the optimizer's state cannot be read ({error});"
            " --overwrite_output_dir starts afresh"
        ) from None
    state: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        parameter, _, name = key.rpartition(_SEPARATOR)
        state.setdefault(parameter, {})[name] = tensor
    saved: dict[str, Any] = {"state": state, "param_groups": rest["param_groups"]}
    set_optimizer_state_dict(
        model,
        optimizer,
        saved,
        options=StateDictOptions(full_state_dict=True),
    )
    scheduler.load_state_dict(rest["scheduler"])
