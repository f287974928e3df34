"""Fields of configurations with their help, their limits, and whether they may change."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import Field, field, fields
from numbers import Integral, Real
from typing import Any, TypeVar

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.errors import InputError, excerpt

SEED = (0, 2**63 - 1)
"""Limits of a seed."""

LARGEST_WHOLE = 10**15
"""Of whole numbers that have no other limit: all of JSON's readers know it exactly."""

ConfigType = TypeVar("ConfigType")


def setting(
    default: Any,
    text: str,
    limits: tuple[float, float] | None = None,
    *,
    above: bool = False,
    choices: Collection[str] | None = None,
    may_change: bool = False,
    as_text: Mapping[str, Any] | None = None,
    added: bool = False,
) -> Any:
    """Return a field of a dataclass.

    Parameters
    ----------
    default : object
    text : str
        The help of its option, and its description in Python.
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
    added : bool
        Whether files of earlier versions lack it, and mean the default.
    """
    metadata = {
        "help": text,
        "limits": limits,
        "above": above,
        "choices": choices,
        "may_change": may_change,
        "added": added,
        **(as_text or {}),
    }
    return field(default=default, metadata=metadata)


def documented(config_type: type[ConfigType]) -> type[ConfigType]:
    """Add the fields, with their types, texts and ranges, to the docstring of a configuration."""
    lines = [inspect.cleandoc(config_type.__doc__ or ""), "", "Attributes", "----------"]
    for each in fields(config_type):  # type: ignore[arg-type]
        text, choices = each.metadata["help"], each.metadata["choices"]
        if _is_number(each):
            text += f" Range: {_range_of(each)}."
        elif choices is not None:
            text += f" One of {', '.join(choices)}."
        lines += [f"{each.name} : {each.type}", f"    {text}"]
    config_type.__doc__ = "\n".join(lines)
    return config_type


def check_settings(config: Any) -> None:
    """Raise `InputError` unless all values of a configuration are within limits and choices."""
    for each in fields(config):
        value, data = getattr(config, each.name), each.metadata
        if value is None and "None" in str(each.type):
            continue
        if data["choices"] is not None:
            check_choice(each.name, value, data["choices"])
        for number in value if isinstance(value, tuple) else (value,):
            is_number = isinstance(number, Real) and not isinstance(number, bool)
            require(is_number or not _is_number(each), each.name, "must be a number")
            if is_number:
                least, most = data["limits"] or (0, LARGEST_RATE)
                inside = least <= number <= most and not (data["above"] and number == least)
                require(inside, each.name, f"must be {_range_of(each)}, not {number}")


def _is_number(each: Field[Any]) -> bool:
    return str(each.type).removesuffix(" | None") in ("int", "float")


def _range_of(each: Field[Any]) -> str:
    least, most = each.metadata["limits"] or (0, LARGEST_RATE)
    if each.metadata["above"]:
        return f"above {least:,}, at most {most:,}"
    return f"{least:,} to {most:,}"


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Raise `InputError` unless a field's value is one of the choices."""
    known = isinstance(value, str) and value in choices
    require(known, name, f"must be one of {', '.join(choices)}, not {excerpt(repr(value))}")


def check_threads(threads: object) -> None:
    """Raise `InputError` unless a largest number of threads is None or a whole number from 1 on."""
    whole = isinstance(threads, Integral) and not isinstance(threads, bool) and int(threads) >= 1
    problem = f"must be a whole number from 1 on, or None, not {excerpt(repr(threads))}"
    require(threads is None or whole, "threads", problem)


def require(condition: bool, name: str, problem: str) -> None:
    """Raise `InputError` about a field unless a condition holds."""
    if not condition:
        raise InputError(f"{name} {problem}", fields=(name,))
