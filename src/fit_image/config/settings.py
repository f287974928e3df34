"""Fields of configurations that know their help, their range, and whether they may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from fit_image.config.fit import check_range
from fit_image.config.layer_spec import LARGEST_RATE

SEED = (0, 2**63 - 1)
"""What a seed may be."""


def setting(
    default: Any,
    text: str,
    limits: tuple[float, float] | None = None,
    *,
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
        What a number may be; by default, 0 to `LARGEST_RATE`.
    may_change : bool
        Whether it may change when a run goes on: it says how a network learns, not what it is.
    as_text : mapping, optional
        ``to_text`` and ``from_text`` of `fit_image.storage.dataclass_json`, where JSON has text.
    """
    metadata = {"help": text, "limits": limits, "may_change": may_change, **(as_text or {})}
    return field(default=default, metadata=metadata)


def changeable(config_type: type[Any]) -> frozenset[str]:
    """Return the names of the fields that may change when a run goes on."""
    return frozenset(each.name for each in fields(config_type) if each.metadata["may_change"])


def check_ranges(config: Any) -> None:
    """Raise `InputError` unless all numbers of a configuration are within their limits."""
    for each in fields(config):
        value = getattr(config, each.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not isinstance(number, bool):
                check_range(each.name, number, each.metadata["limits"] or (0, LARGEST_RATE))
