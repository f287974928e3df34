"""Fields of configurations that know their help, their limits, and whether they may change."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import field, fields
from numbers import Real
from typing import Any

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.errors import InputError

SEED = (0, 2**63 - 1)
"""Limits of a seed."""


def setting(
    default: Any,
    text: str,
    limits: tuple[float, float] | None = None,
    *,
    above: bool = False,
    choices: Collection[str] | None = None,
    may_change: bool = False,
    as_text: Mapping[str, Any] | None = None,
) -> Any:
    """Return a field of a dataclass.

    Parameters
    ----------
    default : object
    text : str
        The help of its option.
    limits : tuple of float, optional
        Smallest and largest number; by default, 0 and `LARGEST_RATE`.
    above : bool
        Whether the smallest number itself is excluded.
    choices : collection of str, optional
        The values allowed.
    may_change : bool
        Whether it may change when a run is resumed: it says how a network learns, not what it is.
    as_text : mapping, optional
        ``to_text`` and ``from_text`` of `fit_image.storage.dataclass_json`, where JSON has text.
    """
    metadata = {
        "help": text,
        "limits": limits,
        "above": above,
        "choices": choices,
        "may_change": may_change,
        **(as_text or {}),
    }
    return field(default=default, metadata=metadata)


def changeable(config_type: type[Any]) -> frozenset[str]:
    """Return the names of the fields that may change when a run is resumed."""
    return frozenset(each.name for each in fields(config_type) if each.metadata["may_change"])


def check_settings(config: Any) -> None:
    """Raise `InputError` unless all values of a configuration are within limits and choices."""
    for each in fields(config):
        value, data = getattr(config, each.name), each.metadata
        if data["choices"] is not None:
            check_choice(each.name, value, data["choices"])
        if value is None and "None" in str(each.type):
            continue
        wants_number = str(each.type).removesuffix(" | None") in ("int", "float")
        for number in value if isinstance(value, tuple) else (value,):
            is_number = isinstance(number, Real) and not isinstance(number, bool)
            require(is_number or not wants_number, each.name, "must be a number")
            if is_number:
                limits = data["limits"] or (0, LARGEST_RATE)
                check_range(each.name, number, limits, above=data["above"])


def check_range(
    name: str, value: float, limits: tuple[float, float], *, above: bool = False
) -> None:
    """Raise `InputError` unless a field's value is within its limits; infinity is a limit only."""
    least, most = limits
    inside = least <= value <= most and value != math.inf
    if not inside or (above and value == least):
        start = f"above {least:,}" if above else f"{least:,}"
        end = f", at most {most:,}" if above else f" to {most:,}"
        if most == math.inf:
            end = "" if above else " or more"
        raise InputError(f"{name} must be {start}{end}, not {value}", fields=(name,))


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Raise `InputError` unless a field's value is one of the choices."""
    require(value in choices, name, f"must be one of {', '.join(choices)}, not {value!r}")


def require(condition: bool, name: str, problem: str) -> None:
    """Raise `InputError` about a field unless a condition holds."""
    if not condition:
        raise InputError(f"{name} {problem}", fields=(name,))
