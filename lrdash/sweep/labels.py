"""Short names for runs: only what differs inside a group."""

from __future__ import annotations

from collections.abc import Sequence

from lrdash.sweep.spec import Args, Scalar

RATES = ("learning_rate", "cls_backbone_learning_rate")
_SMALL = 1e-3


def run_labels(names: Sequence[str], args: Sequence[Args]) -> list[str]:
    """One label a run, from the arguments that are not the same in all of them.

    >>> run_labels(["a", "b"], [{"learning_rate": 2e-5}, {"learning_rate": 2e-6}])
    ['2e-5', '2e-6']
    """
    keys = [key for key in _keys_in_order(args) if len({repr(one.get(key)) for one in args}) > 1]
    labels = [", ".join(_part(key, one[key]) for key in keys if one.get(key) is not None) for one in args]
    if "learning_rate" not in keys and any(key in keys for key in RATES):
        labels = [_with_rate(one, label) for one, label in zip(args, labels, strict=True)]
    return [label or name for name, label in zip(names, labels, strict=True)]


def format_rate(rate: float) -> str:
    """A learning rate as people write it: `2e-5`, `1e-4`, `0.001`.

    >>> format_rate(2e-05), format_rate(1.5e-6), format_rate(1e-4), format_rate(0.01)
    ('2e-5', '1.5e-6', '1e-4', '0.01')
    """
    if not 0 < rate < _SMALL:
        return f"{rate:.6g}"
    mantissa, _, exponent = f"{rate:.5e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _keys_in_order(args: Sequence[Args]) -> list[str]:
    keys = dict.fromkeys(key for one in args for key in one)
    return [key for key in RATES if key in keys] + [key for key in keys if key not in RATES]


def _part(key: str, value: Scalar) -> str:
    if key == "learning_rate":
        return _rate(value)
    if key == "cls_backbone_learning_rate":
        return f"backbone {_rate(value)}"
    return f"{key}={value}"


def _rate(value: Scalar) -> str:
    return format_rate(value) if isinstance(value, float) else str(value)


def _with_rate(one: Args, label: str) -> str:
    rate = _rate(one.get("learning_rate"))
    return f"{rate}, {label}" if label else rate
