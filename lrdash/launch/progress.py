"""How far a run's checkpoints are: what decides whether another start would get anywhere."""

from __future__ import annotations

import json
from pathlib import Path


def saved_step(saves: Path) -> int:
    """The global step of the newest checkpoint in a run's folder; 0 without any."""
    return max((_global_step(state) for state in saves.glob("checkpoint-*/trainer_state.json")), default=0)


def _global_step(state: Path) -> int:
    try:
        step = json.loads(state.read_bytes())["global_step"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0  # removed or replaced at this moment, or not ours
    return step if isinstance(step, int) else 0
