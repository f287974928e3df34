"""Dataclasses as JSON, and back without trusting it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from fit_image.errors import InputError
from fit_image.notation import Hidden, format_layers, parse_layers

Config = TypeVar("Config")


def to_json(config: Any) -> dict[str, Any]:
    """Return the fields of a configuration as JSON values."""
    return {
        field.name: _to_json_value(getattr(config, field.name))
        for field in dataclasses.fields(config)
    }


def _to_json_value(value: Any) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], Hidden):
        return format_layers(value)
    return list(value) if isinstance(value, tuple) else value


def from_json(cls: type[Config], data: object) -> Config:
    """Build a configuration from JSON values, which must have exactly its fields and types.

    Raises
    ------
    InputError
        If a field is missing, unknown, of another type or out of range.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{cls.__name__} must be an object")
    hints = typing.get_type_hints(cls)
    for name in hints.keys() ^ data.keys():
        raise InputError(f"{name!r} is {'missing' if name in hints else 'not known'}")
    values = {name: _from_json_value(name, hint, data[name]) for name, hint in hints.items()}
    return cls(**values)


def _from_json_value(name: str, hint: Any, value: Any) -> Any:
    if hint == tuple[Hidden, ...]:
        if not isinstance(value, str):
            raise InputError(f"{name!r} must be text, not {value!r}")
        try:
            return parse_layers(value)
        except InputError as error:
            raise InputError(f"{name!r}: {error}") from error
    if typing.get_origin(hint) is tuple:
        (item, _) = typing.get_args(hint)
        if not isinstance(value, list) or any(type(each) is not item for each in value):
            raise InputError(f"{name!r} must be a list of {item.__name__}, not {value!r}")
        return tuple(value)
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(value) is int and float in allowed and abs(value) < 1 << 53:
        return float(value)
    if type(value) not in allowed:
        raise InputError(f"{name!r} has a wrong value: {value!r}")
    return value
